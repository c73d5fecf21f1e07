"""Asks many questions of a resolver at once, and comes back by a deadline whatever the servers do.

UDP with random ids from a handful of random ports, EDNS, retransmission, TCP for what was cut off
(RFC 7766). A packet that does not answer its question exactly is counted and never believed.
"""

import asyncio
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeAlias

from msgspec import Struct, structs

from unlisted import net
from unlisted.errors import ConfigError, UnlistedError
from unlisted.notice import packets
from unlisted.notice.dnsbl import Question
from unlisted.notice.packets import Answer

# Unanswered at once: a first burst over about 119 packets overran rbldnsd's receive buffer (measured).
WINDOW = 100
PORTS = 8  # sockets for each server: with the id, 19 bits and the port's own randomness to guess
FIRST_WAIT = 0.6  # seconds until the first repetition; then doubled. A resolver's cold look-up takes 0.1-0.5
REFUSALS = 3  # "port unreachable" so often, and never an answer: nobody is there
TCP_AT_ONCE = 8
RESOLV_CONF = "/etc/resolv.conf"


class Server(Struct, frozen=True):
    """Where a resolver listens."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        if self.port == 53:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Follow: TypeAlias = Callable[[Question, Answer], Iterable[Question]]


class Report(Struct, frozen=True):
    """An answer for every question, and how the resolver behaved."""

    answers: dict[Question, Answer]
    sent: int = 0
    repeated: int = 0
    doubtful: int = 0  # packets that did not fit their question, never believed
    seconds: float = 0.0


def parse(text: str) -> Server:
    """`ADDR`, `ADDR:PORT`, `[ADDR6]:PORT`; ConfigError says how to write it."""
    host, port = text.strip(), "53"
    if host.startswith("["):
        host, closed, rest = host[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else ("53" if closed and not rest else "?")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    address = net.ip(host)
    if address is None or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise ConfigError(
            f"{text[:80]!r} is no resolver",
            remedy="write it as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353 (an address, not a name)",
        )
    return Server(host.partition("%")[0] if address.version == 4 else host, int(port))


def system(path: str = RESOLV_CONF) -> tuple[Server, ...]:
    """The resolvers that this machine uses (resolv.conf(5): at most three are asked)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file.read(65536).splitlines()]
    except OSError as error:
        raise UnlistedError(
            f"cannot read {path}: {error.strerror}", remedy="name a resolver: --resolver ADDR[:PORT]"
        ) from None
    named = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver" and net.ip(word[1])]
    if not named:
        raise UnlistedError(f"{path} names no resolver", remedy="name one: --resolver ADDR[:PORT]")
    return tuple(Server(name) for name in named[:3])


def look(
    questions: Iterable[Question], servers: Sequence[Server], timeout: float, follow: Follow | None = None
) -> Report:
    """As `ask`, for those who do not wait themselves."""
    return asyncio.run(ask(questions, servers, timeout, follow))


async def ask(
    questions: Iterable[Question],
    servers: Sequence[Server],
    timeout: float,
    follow: Follow | None = None,
    window: int = WINDOW,
) -> Report:
    """Every question answered, or explained, within `timeout` seconds. The same question is asked once.

    `follow` names the questions that an answer raises; they are asked at once, not after the slowest.
    """
    asker = _Asker(questions, servers, follow, window)
    began = time.monotonic()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await asker.run()
    finally:
        asker.close()
    answers = {question: asker.told(question, timeout) for question in asker.asked}
    spent = time.monotonic() - began
    return Report(answers, asker.sent, asker.repeated, asker.doubtful, spent)


class _Pending(Struct, eq=False):
    """A question under way."""

    question: Question
    places: list[tuple["_Socket", int]] = []  # port and id of every try: a late answer is an answer
    tries: int = 0
    edns: bool = True
    timer: asyncio.TimerHandle | None = None
    in_window: bool = False
    fault: str = ""


class _Socket(asyncio.DatagramProtocol):
    """One connected UDP socket: the kernel drops what comes from elsewhere."""

    def __init__(self, asker: "_Asker", server: Server) -> None:
        self.asker = asker
        self.server = server
        self.waiting: dict[int, _Pending] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # asyncio hands datagram protocols this kind

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self.asker.heard(self, data)

    def error_received(self, exc: Exception) -> None:
        self.asker.unreachable(exc)


class _Asker:
    """One run of questions: a window of first tries, timers for the rest."""

    def __init__(
        self, questions: Iterable[Question], servers: Sequence[Server], follow: Follow | None, window: int
    ) -> None:
        self.servers = list(servers)
        self.queue: deque[Question] = deque()
        self.open: set[Question] = set()
        self.asked: dict[Question, None] = {}
        self.follow = follow
        self.pending: dict[Question, _Pending] = {}
        self.answers: dict[Question, Answer] = {}
        self.sockets: dict[Server, list[_Socket]] = {}
        self.window, self.in_window = window, 0
        self.sent = self.repeated = self.doubtful = self.refused = 0
        self.trouble = ""
        self.tasks: set[asyncio.Task[None]] = set()
        self.tcp = asyncio.Semaphore(TCP_AT_ONCE)
        self.done = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.random = random.Random(secrets.randbits(128))
        self._take(questions)

    def _take(self, questions: Iterable[Question]) -> None:
        for question in questions:
            if question in self.asked:
                continue
            self.asked[question] = None
            if packets.build_query(question.name, question.qtype, 0):
                self.queue.append(question)
                self.open.add(question)
            else:
                why = "no name that DNS can carry"
                self.answers[question] = Answer(name=question.name, qtype=question.qtype, why=why)

    async def run(self) -> None:
        """Open the ports, ask, wait until nothing is open."""
        for server in self.servers:
            for _ in range(min(PORTS, max(1, len(self.queue)))):
                try:
                    _, socket = await self.loop.create_datagram_endpoint(
                        lambda server=server: _Socket(self, server),  # type: ignore[misc]
                        remote_addr=(server.host, server.port),
                    )
                except OSError as error:
                    self.trouble = f"cannot reach {server}: {error.strerror or error}"
                    break
                self.sockets.setdefault(server, []).append(socket)
        self.servers = [server for server in self.servers if server in self.sockets]
        if not self.servers or not self.open:
            return
        self._fill()
        await self.done.wait()

    def close(self) -> None:
        """No socket, timer or task outlives the run."""
        for pending in self.pending.values():
            if pending.timer:
                pending.timer.cancel()
        for task in self.tasks:
            task.cancel()
        for sockets in self.sockets.values():
            for socket in sockets:
                if socket.transport:
                    socket.transport.abort()

    def told(self, question: Question, timeout: float) -> Answer:
        """What is known of a question now."""
        if question in self.answers:
            return self.answers[question]
        pending = self.pending.get(question)
        why = self.trouble or f"no answer within {timeout:g} s"
        if pending is not None and pending.fault:
            why += f"; what came did not fit ({pending.fault})"
        return Answer(name=question.name, qtype=question.qtype, why=why)

    def _fill(self) -> None:
        while self.queue and self.in_window < self.window:
            pending = _Pending(self.queue.popleft())
            self.pending[pending.question] = pending
            pending.in_window = True
            self.in_window += 1
            self._send(pending)

    def _send(self, pending: _Pending) -> None:
        """One try: the next server, a random port, a fresh id that is not in use there."""
        server = self.servers[pending.tries % len(self.servers)]
        socket = self.random.choice(self.sockets[server])
        number = self.random.getrandbits(16)
        while number in socket.waiting:
            number = (number + 1) & 0xFFFF
        pending.places.append((socket, number))
        socket.waiting[number] = pending
        name, qtype = pending.question.name, pending.question.qtype
        if socket.transport is not None:
            socket.transport.sendto(packets.build_query(name, qtype, number, edns=pending.edns))
        self.sent += 1
        self.repeated += pending.tries > 0
        pending.timer = self.loop.call_later(FIRST_WAIT * 2**pending.tries, self._late, pending)
        pending.tries += 1

    def _late(self, pending: _Pending) -> None:
        """Nothing yet: ask again. Its place in the window goes on: the silent must not stop the rest."""
        self._leave(pending)
        self._send(pending)
        self._fill()

    def _leave(self, pending: _Pending) -> None:
        if pending.in_window:
            pending.in_window = False
            self.in_window -= 1

    def heard(self, socket: _Socket, data: bytes) -> None:
        """A packet came in: believed only when it answers what was asked on this port under this id."""
        number = packets.number_of(data)
        pending = None if number is None else socket.waiting.get(number)
        if number is None or pending is None:
            self.doubtful += 1
            return
        question = pending.question
        answer = packets.read_answer(data, number, question.name, question.qtype)
        if answer.fault:
            # Whoever wrote this, the honest answer may still come.
            self.doubtful += 1
            pending.fault = answer.fault
            return
        if answer.rcode in (1, 4) and pending.edns:
            # RFC 6891 §7: a server that does not know EDNS says FORMERR or NOTIMP.
            pending.edns = False
            self._rest(pending)
            self._send(pending)
            return
        if answer.truncated:
            self._rest(pending)
            task = self.loop.create_task(self._by_tcp(pending, socket.server))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return
        self._finish(pending, answer)

    def _rest(self, pending: _Pending) -> None:
        """Stop the clock and forget the ids: what has come settles these tries."""
        if pending.timer:
            pending.timer.cancel()
            pending.timer = None
        for socket, number in pending.places:
            socket.waiting.pop(number, None)
        pending.places.clear()

    def unreachable(self, error: Exception) -> None:
        """The port is closed (ICMP). Said once too often, and nobody ever answered: stop waiting."""
        self.refused += 1
        if self.refused >= REFUSALS * len(self.servers) and not self.answers:
            at = ", ".join(map(str, self.servers))
            self.trouble = f"nobody answers DNS at {at} ({getattr(error, 'strerror', '') or error})"
            self.done.set()

    def _finish(self, pending: _Pending, answer: Answer) -> None:
        self._rest(pending)
        self._leave(pending)
        self.answers[pending.question] = answer
        self.open.discard(pending.question)
        if self.follow is not None:
            self._take(self.follow(pending.question, answer))
        if not self.open:
            self.done.set()
        self._fill()

    async def _by_tcp(self, pending: _Pending, server: Server) -> None:
        """The whole answer over TCP (RFC 7766 §5); what fails there is a value too."""
        question = pending.question
        answer = Answer(name=question.name, qtype=question.qtype)
        number = self.random.getrandbits(16)
        try:
            async with self.tcp:
                reader, writer = await asyncio.open_connection(server.host, server.port)
                try:
                    query = packets.build_query(question.name, question.qtype, number)
                    writer.write(len(query).to_bytes(2) + query)
                    size = int.from_bytes(await reader.readexactly(2))
                    data = await reader.readexactly(size)
                finally:
                    writer.transport.abort()
        except (OSError, EOFError) as error:
            why = f"cut off over UDP, and TCP failed: {getattr(error, 'strerror', '') or error}"
            self._finish(pending, structs.replace(answer, why=why))
            return
        answer = packets.read_answer(data, number, question.name, question.qtype)
        if answer.fault:
            self.doubtful += 1
            answer = structs.replace(answer, why=f"over TCP came what did not fit ({answer.fault})")
        self._finish(pending, answer)
