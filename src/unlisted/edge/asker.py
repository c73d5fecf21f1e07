"""Asks DNS servers as fast as they bear it; every question ends as an answer or as a why, whatever they do.

UDP with random ids from a handful of connected sockets on random ports, EDNS where wanted, retransmission,
TCP for what was cut off (RFC 7766). A packet that does not answer its question exactly is counted and never
believed. No question has a timer of its own: what is open is looked through 20 times a second.
"""

import os
import random
import selectors
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain, count, islice
from typing import Any

from msgspec import structs

from unlisted.edge.ask import Ask, Late, Port
from unlisted.edge.server import Server
from unlisted.edge.stream import Stream
from unlisted.notice import packets
from unlisted.notice.packets import Answer

# Unanswered at once: a first burst over about 119 packets overran rbldnsd's receive buffer (measured).
WINDOW = 100
LEAST_WINDOW = 8
MOST_OPEN = 20_000  # the silent among them wait outside the window: some 10 MB
PORTS = 8  # sockets for each server: with the id, 19 bits and the port's own randomness to guess
BATCH = 32  # packets read from one port, or sent to it, in a row
FIRST_WAIT = 0.6  # seconds until the first repetition; then doubled. A resolver's cold look-up takes 0.1-0.5
LOOK = 0.05  # seconds between two looks at what is late
REFUSALS = 3  # "port unreachable" so often: nobody is there
PAUSE = 1.0  # seconds: who takes the answers so late has stopped reading (`| less`); no server is at fault
TCP_AT_ONCE = 8
SIZE = 4096  # octets read of a packet; what fills them was longer than any answer that we ask for

FORMERR, SERVFAIL, NOTIMP, REFUSED = 1, 2, 4, 5


class Asker:
    """One run through `servers`: `wait` seconds for each question, `timeout` seconds for all of it."""

    def __init__(
        self, servers: Sequence[Server], timeout: float, *, wait: float = float("inf"), window: int = WINDOW
    ) -> None:
        self.servers, self.timeout, self.wait, self.widest = servers, timeout, wait, window
        self.window, self.narrowed = float(window), 0.0
        self.in_window = self.open = 0  # without an answer: on their first try, and in all
        self.sent = self.repeated = self.believed = 0
        self._faulty = self._strays = 0  # packets that did not fit their question; that fit none
        self.refused: dict[Server, int] = dict.fromkeys(servers, 0)
        self.trouble = self.over = ""
        self.more: deque[Ask] = deque()
        self.held: list[tuple[float, int, Ask]] = []  # a heap: not due yet
        self.count = count()
        self.done: list[tuple[Any, Answer]] = []
        self.streams: dict[Stream, Ask] = {}
        self.cut: deque[tuple[Ask, Server]] = deque()
        self.random = random.SystemRandom()
        self.ports: list[list[Port]] = []
        self.now = self.until = self.next_look = self.paused = 0.0
        self.heard = float("-inf")

    def _open(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.now = time.monotonic()
        self.until, self.next_look = self.now + self.timeout, self.now + LOOK
        for server in self.servers:
            self._listen(server)
        if not self.ports:
            self.over = self.trouble or "there is no resolver"

    def _listen(self, server: Server) -> None:
        ports: list[Port] = []
        try:
            for _ in range(PORTS):
                ports.append(Port(server))
                self.selector.register(ports[-1].socket, selectors.EVENT_READ, ports[-1])
        except OSError as error:
            self.trouble = f"cannot reach {server}: {error.strerror or error}"
        if ports:
            self.ports.append(ports)

    def _close(self) -> None:
        """No socket outlives the run."""
        for ports in self.ports:
            for port in ports:
                port.socket.close()
        for stream in self.streams:
            stream.socket.close()
        self.selector.close()

    def run(self, asks: Iterable[Ask]) -> Iterator[list[tuple[Any, Answer]]]:
        """Every key with its answer, as they come. Meanwhile `more` may be given further questions."""
        source = iter(asks)
        self._open()
        try:
            while not self.over:
                self.now = time.monotonic()
                while self._fill(source):
                    pass
                told, self.done = self.done, []
                if told:
                    yield told
                    self._resume(time.monotonic() - self.now)
                elif not (self.open or self.more or self.held):
                    return
                if (self.open or self.held) and not (told and self.more):
                    self._take()
            for pair in self._rest(source):
                yield [pair]
        finally:
            self._close()

    def _resume(self, spent: float) -> None:
        """Whoever takes the answers took long: hear what came meanwhile, then call it late.

        After a pause the clock stands where it stood: else all that is left would be called unanswered, and
        what was held back would go out at once.
        """
        if spent > LOOK:
            self.next_look = self.now + spent + LOOK
        if spent > PAUSE:
            self.until += spent
            self.paused += spent
            self.held = [(due + spent, number, ask) for due, number, ask in self.held]

    def _take(self) -> None:
        """Take in what has come, waiting for it at most until the next look at what is late."""
        events = self.selector.select(max(0.0, min(self.next_look, self.until) - self.now))
        self.now = time.monotonic()
        for key, _ in events:
            if isinstance(key.data, Stream):
                self._step(key.data)
            else:
                self._drain(key.data)
        while self.held and self.held[0][0] <= self.now:
            ask = heappop(self.held)[2]
            ask.due = 0.0
            self.more.append(ask)
        if self.now >= self.next_look:
            self._look()
        if self.now >= self.until:
            self.over = (
                self.over or self.trouble or f"no answer within {round(self.timeout, 1) or self.timeout:g} s"
            )

    def _rest(self, source: Iterator[Ask]) -> Iterator[tuple[Any, Answer]]:
        """None is lost: what is open, and what was never sent, each with its why."""
        yield from self.done
        waiting = [ask for ports in self.ports for port in ports for ask in port.waiting.values()]
        for ask in {id(ask): ask for ask in waiting}.values():
            yield ask.key, ask.ended(self.over)
        for ask in (*self.streams.values(), *(ask for ask, _ in self.cut)):
            yield ask.key, ask.ended(f"cut off over UDP; over TCP: {self.over}")
        for *_, ask in self.held:
            yield ask.key, ask.ended(f"not asked: its operator bears few questions a second; {self.over}")
        while (left := self.more.popleft() if self.more else next(source, None)) is not None:
            yield left.key, left.ended(left.why or self.over)

    # ---- sending ------------------------------------------------------------------------------------

    def _fill(self, source: Iterator[Ask]) -> bool:
        """Send a batch of first tries by one port, so that they come back together. True: there is more."""
        room = min(int(self.window) - self.in_window, MOST_OPEN - self.open, BATCH)
        if room <= 0:
            return False
        port = self.random.choice(self.ports[0])
        numbers = os.urandom(2 * room)
        waiting, send, now, sent, told = port.waiting, port.socket.send, self.now, 0, 0
        for ask in islice(chain(self._raised(), source) if self.more else source, room):
            if ask.why:
                self.done.append((ask.key, ask.ended(ask.why)))
                told += 1
                continue
            if ask.due and (due := ask.due + self.paused) > now:
                heappush(self.held, (due, next(self.count), ask))
                told += 1
                continue
            number = numbers[sent : sent + 2]
            while number in waiting:
                number = os.urandom(2)
            waiting[number] = ask
            ask.sent = now
            before, after = ask.frame
            sent += 2
            try:
                send(number + before + ask.question + after)
            except OSError as error:
                self._unreachable(port, error)
        sent //= 2
        self.sent += sent
        self.open += sent
        self.in_window += sent
        return sent + told == room and len(self.done) < BATCH

    def _raised(self) -> Iterator[Ask]:
        while self.more:
            yield self.more.popleft()

    def _again(self, ask: Ask, late: Late) -> None:
        """Another try: the next server, a random port, a fresh id that is not in use there."""
        able = [ports for ports in self.ports if ports[0].server not in ask.deaf] or self.ports
        port = self.random.choice(able[late.tries % len(able)])
        number = os.urandom(2)
        while number in port.waiting:
            number = os.urandom(2)
        port.waiting[number] = ask
        late.places.append((port, number, self.now))
        late.due = self.now + FIRST_WAIT * 2**late.tries
        late.tries += 1
        self.sent += 1
        self.repeated += 1
        before, after = ask.frame
        try:
            port.socket.send(number + before + ask.question + after)
        except OSError as error:
            self._unreachable(port, error)

    def _look(self) -> None:
        """Ask again what is late; end what has waited long enough."""
        self.next_look = self.now + LOOK
        found: dict[int, tuple[Port, bytes, Ask]] = {}
        for ports in self.ports:
            for port in ports:
                for number, ask in port.waiting.items():
                    due = ask.late.due if ask.late else ask.sent + FIRST_WAIT
                    if due <= self.now or self._expired(ask):
                        found[id(ask)] = (port, number, ask)
        for port, number, ask in found.values():
            late = self._late(port, number, ask)
            if not self._expired(ask):
                self._again(ask, late)
                continue
            self._leave(late)
            self._end(ask, ask.ended(f"no answer within {self.wait:g} s"))
            if self.heard < ask.sent and not self.over:
                self.over = self.trouble or f"{self._named()} answered nothing for {self.wait:g} s"
        for stream, ask in list(self.streams.items()):
            if self._expired(ask):
                self._hang_up(stream, ask.ended(f"cut off over UDP, and TCP took over {self.wait:g} s"))

    def _late(self, port: Port, number: bytes, ask: Ask) -> Late:
        """Out of the window: the silent must not stop the rest, and the odd take their own way."""
        if ask.late is None:
            self.in_window -= 1
            ask.late = Late([(port, number, ask.sent)])
        return ask.late

    def _leave(self, late: Late) -> None:
        """Forget the ids: what has come, or has not, settles these tries."""
        for port, number, _ in late.places:
            del port.waiting[number]
        late.places.clear()

    def _expired(self, ask: Ask) -> bool:
        return self.now - ask.sent >= self.wait

    def _named(self) -> str:
        return ", ".join(str(ports[0].server) for ports in self.ports)

    def _unreachable(self, port: Port, error: OSError) -> None:
        """The port is closed (ICMP): such a server is asked last; where all are so, nobody is there."""
        self.refused[port.server] += 1
        if self.refused[port.server] == REFUSALS:
            self.ports.sort(key=lambda ports: self.refused[ports[0].server] >= REFUSALS)
            if not self.believed and self.refused[self.ports[0][0].server] >= REFUSALS:
                self.over = f"nobody answers DNS at {self._named()} ({error.strerror or error})"

    # ---- hearing ------------------------------------------------------------------------------------

    def _drain(self, port: Port) -> None:
        """Believe what answers a question that is open on this port under this id; at most a batch."""
        recv, waiting, done, believed = port.socket.recv, port.waiting, self.done, 0
        for _ in range(BATCH):
            try:
                packet = recv(SIZE)
            except BlockingIOError:
                break
            except OSError as error:
                self._unreachable(port, error)
                continue
            number = packet[:2]
            ask = waiting.get(number)
            if ask is None or len(packet) == SIZE:
                self._strays += ask is None
                self._faulty += ask is not None
                continue
            known = ask.known
            if known is None or ask.late or (answer := known.recall(packet, ask.question)) is None:
                self._weigh(port, number, ask, packet)
                continue
            del waiting[number]
            believed += 1
            done.append((ask.key, answer))
        if believed:
            self.open -= believed
            self.in_window -= believed
            self._heard(believed)

    @property
    def doubtful(self) -> int:
        """Packets that nobody asked for. What was asked again may be answered twice."""
        return self._faulty + max(0, self._strays - self.repeated)

    def _heard(self, believed: int) -> None:
        """The server lives, and bears the window: widen it by one for each windowful."""
        self.heard = self.now
        self.believed += believed
        self.window = min(self.widest, self.window + believed / self.window)

    def _weigh(self, port: Port, number: bytes, ask: Ask, packet: bytes) -> None:
        """What is not plain: a new shape, a fault, no EDNS there, cut off, an answer to a later try."""
        if ask.known:
            answer = ask.known.read(packet, int.from_bytes(number), ask.question)
        else:
            name, qtype = packets.asked(ask.question)
            answer = packets.read_answer(packet, int.from_bytes(number), name, qtype)
        if answer.fault:
            # Whoever wrote this, the honest answer may still come.
            self._faulty += 1
            ask.fault = answer.fault
            return
        self._heard(1)
        late = self._late(port, number, ask)
        if answer.rcode in (SERVFAIL, REFUSED) and self._elsewhere(ask, late, port.server, answer):
            return
        self._compare(port, number, late)
        self._leave(late)
        if answer.rcode in (FORMERR, NOTIMP) and ask.frame is not packets.PLAIN:
            # RFC 6891 §7: a server that does not know EDNS says FORMERR or NOTIMP.
            ask.frame = packets.PLAIN
            self._again(ask, late)
        elif answer.truncated:
            self.cut.append((ask, port.server))
            self._call()
        else:
            self._end(ask, answer)

    def _elsewhere(self, ask: Ask, late: Late, server: Server, answer: Answer) -> bool:
        """What one server will not answer the next one may, as with every system's resolver (resolv.conf(5)).

        False: all of them were asked. Where the others stay silent, the first word stands.
        """
        ask.told = ask.told or answer
        ask.deaf = (*ask.deaf, server)
        if all(ports[0].server in ask.deaf for ports in self.ports):
            return False
        places, late.places = late.places, []
        for place in places:
            if place[0].server == server:
                del place[0].waiting[place[1]]
            else:
                late.places.append(place)
        if not late.places:
            self._again(ask, late)
        return True

    def _compare(self, port: Port, number: bytes, late: Late) -> None:
        """Which try was answered tells what became of the one before."""
        which = next(at for at, place in enumerate(late.places) if place[:2] == (port, number))
        if which == 0:
            return
        before, _, when = late.places[which - 1]
        if before.server == port.server:
            self._lost(when)
        else:
            # The one before was silent where this one answers: this one is asked first from now on.
            self.ports.sort(key=lambda ports: ports[0].server != port.server)

    def _lost(self, when: float) -> None:
        """A try was lost on a way that works: too much at once. Halve the window, once for one burst."""
        if when > self.narrowed:
            self.narrowed = self.now
            self.window = max(LEAST_WINDOW, self.window / 2)

    def _end(self, ask: Ask, answer: Answer) -> None:
        self.open -= 1
        self.done.append((ask.key, answer))

    # ---- TCP ----------------------------------------------------------------------------------------

    def _call(self) -> None:
        """Ask what was cut off over TCP, a few at once."""
        while self.cut and len(self.streams) < TCP_AT_ONCE:
            ask, server = self.cut.popleft()
            before, after = ask.frame
            try:
                stream = Stream(server, os.urandom(2) + before + ask.question + after)
            except OSError as error:
                self._end(ask, ask.ended(_failed(error)))
                continue
            self.streams[stream] = ask
            self.selector.register(stream.socket, selectors.EVENT_WRITE, stream)

    def _step(self, stream: Stream) -> None:
        ask = self.streams[stream]
        try:
            packet = stream.step()
        except (OSError, EOFError) as error:
            self._hang_up(stream, ask.ended(_failed(error)))
            return
        if packet is None:
            if not stream.writing:
                self.selector.modify(stream.socket, selectors.EVENT_READ, stream)
            return
        name, qtype = packets.asked(ask.question)
        answer = packets.read_answer(packet, int.from_bytes(stream.number), name, qtype)
        if answer.fault:
            self._faulty += 1
            why = f"over TCP came what did not fit ({answer.fault})"
            answer = Answer(name=name, qtype=qtype, why=why)
        elif answer.truncated:
            answer = structs.replace(answer, why="cut off over TCP as well")
        self._hang_up(stream, answer)

    def _hang_up(self, stream: Stream, answer: Answer) -> None:
        ask = self.streams.pop(stream)
        self.selector.unregister(stream.socket)
        stream.socket.close()
        self._end(ask, answer)
        self._call()


def _failed(error: Exception) -> str:
    return f"cut off over UDP, and TCP failed: {getattr(error, 'strerror', '') or error}"
