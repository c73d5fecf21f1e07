"""The live loop: kernel log, leases, growing logs and the clock -> `Engine.step` -> commands carried out.

Everything that happens goes to one callback as it happens: events, commands, and `Carried` for each hold
and release. A hold is carried out before anything is printed or stored. Two latencies are measured: from
the packet that decided (its kernel time) to the hold read back from the kernel, and from the device's
first packet.
"""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeAlias

from msgspec import Struct

from unlisted import show
from unlisted.edge import apply, kernel
from unlisted.edge.apply import Enforcer, Outcome
from unlisted.edge.follow import Files
from unlisted.edge.store import Store
from unlisted.errors import UnlistedError
from unlisted.messages import (
    Applied,
    Attempt,
    Command,
    Decision,
    Event,
    Evidence,
    Hold,
    Lease,
    Name,
    Propose,
    Release,
    Save,
    Say,
    Tick,
)
from unlisted.stop import decide, guard

WHO = "unlisted watch"  # in the audit log
TICK = 1.0  # seconds
POLL = 0.2  # seconds between looks at lease files and logs
NEIGHBORS_EVERY = 0.02  # seconds at least between two dumps; forged sources come in floods
FED = 5.0  # seconds between looks whether the standing rule is there
SURROUNDINGS = 60.0  # seconds between looks at gateway, name servers and logins
LAST = 5.0  # seconds at most for packets that wait when the watch ends
REMEMBERED = 50_000  # devices whose first packet is remembered


class Sources(Struct, frozen=True, kw_only=True):
    """What is watched."""

    nflog: int | None = None  # the group; None: no kernel log
    leases: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    neighbors: bool = True


class Carried(Struct, frozen=True, tag="carried", tag_field="kind"):
    """A hold or a release was carried out, or failed. Times in milliseconds."""

    at: float
    decision: Decision
    ok: bool
    detail: str
    what: str = "hold"  # or "release"
    decided_ms: float | None = None  # from the packet that decided
    first_ms: float | None = None  # from the device's first packet


Happening: TypeAlias = Event | Command | Carried


class Decider(Protocol):
    """The engine, as the loop knows it."""

    decisions: dict[str, Decision]

    def step(self, event: Event) -> list[Command]: ...
    def surround(self, network: guard.Network) -> None: ...


class Watch:
    """One running watch. `await run()`; `stop()` from the same loop ends it."""

    def __init__(
        self,
        engine: Decider,
        sources: Sources,
        on: Callable[[Happening], None],
        *,
        enforcer: Enforcer | None = None,
        store: Store | None = None,
        look: Callable[[], guard.Network] | None = None,
    ) -> None:
        self.engine = engine
        self.sources = sources
        self.enforcer = enforcer  # None: nothing is ever held here
        self.store = store
        self.files = Files(sources.leases, sources.logs)
        self.nflog: kernel.Nflog | None = None
        self._look = look  # at the surroundings; None: what the engine was made with stays true
        self._looking: asyncio.Future[guard.Network] | None = None
        self._look_at = time.monotonic() + SURROUNDINGS
        self._fed = False  # a rule of the packet filter logs to our group
        self._feeding: asyncio.Future[bool | None] | None = None
        self._feed_at = time.monotonic() + FED
        self._on = on
        self._over = asyncio.Event()
        self._error: Exception | None = None
        self._first: dict[str, float] = {}
        self._known: set[tuple[str, str]] = set()  # address and MAC, as the kernel's neighbors say
        self._asked = 0.0
        self._looked = False
        self._flows: set[asyncio.Future[str]] = set()
        self._kept: deque[Future[int] | Future[None]] = deque()  # writes that are not yet on disk

    def stop(self) -> None:
        """End the watch after what is being done."""
        self._over.set()

    async def run(self, seconds: float | None = None) -> None:
        """Watch until stopped, or for `seconds`. Errors of the sources end it and are raised."""
        loop = asyncio.get_running_loop()
        try:
            self._begin()
            if self.nflog is not None:
                loop.add_reader(self.nflog.fileno(), self._guarded, self._packets)
            try:
                async with asyncio.timeout(seconds):
                    await self._clock()
            except TimeoutError:
                pass
        finally:
            if self.nflog is not None:
                loop.remove_reader(self.nflog.fileno())
                self.nflog.unbind()  # what waits now is the end of it
                until = time.monotonic() + LAST
                while self._error is None and time.monotonic() < until and self.nflog.waiting():
                    self._guarded(self._packets)
                self.nflog.close()  # counts what is left as lost
            if self._flows:
                await asyncio.wait(self._flows)
            for beside in (self._looking, self._feeding):
                if beside is not None:
                    await asyncio.wait([beside])
            for kept in self._kept:
                self._guarded(kept.result)
            self.files.close()
        if self._error is not None:
            raise self._error

    def _begin(self) -> None:
        """Listen before anything else, then take back the holds that stood when we last ran."""
        if self.sources.nflog is not None:
            self.nflog = kernel.Nflog(self.sources.nflog)
        if self.enforcer is not None:
            prepared = self.enforcer.prepare()
            if not prepared.ok:
                raise UnlistedError(
                    f"the hold chain could not be laid: {prepared.detail}",
                    remedy="nft list table inet unlisted",
                )
        now = time.time()
        for decision in self.store.decisions(active_at=now) if self.store else ():
            self.engine.decisions[decision.id] = decision
            if self.enforcer is not None:
                done = self.enforcer.hold(decision, now)
                self._on(Carried(now, decision, done.ok, done.detail or "held again after a restart"))
        self.take(Tick(now))  # the warm-up begins
        self._poll()
        self._ask_neighbors()
        for sentence in self._missing():
            self._on(Say(now, sentence))

    def _missing(self) -> list[str]:
        """What this watch was told to stand over and does not, or not yet."""
        group, said = self.sources.nflog, []
        self._fed = group is not None and apply.logs_to(group) is not False
        if group is not None and not self._fed:
            said.append(f"nothing is logged to group {group} yet: unlisted rule install feeds it")
        return [*said, *self.files.missing()]

    async def _clock(self) -> None:
        tick = time.monotonic()
        while not self._over.is_set():
            self._guarded(self._poll)
            if time.monotonic() - tick >= TICK:
                tick += TICK
                self._guarded(self._tick)
            try:
                await asyncio.wait_for(self._over.wait(), POLL)
            except TimeoutError:
                continue

    def _written(self) -> None:
        """Forget the writes that are on disk; one that failed ends the watch, in no silence."""
        while self._kept and self._kept[0].done():
            self._kept.popleft().result()

    def _guarded(self, part: Callable[[], object]) -> None:
        """Run one part; an error ends the watch instead of vanishing in the loop's log."""
        try:
            part()
        except Exception as error:
            self._error = self._error or error
            self._over.set()

    # ---- sources ----

    def _packets(self) -> None:
        if self.nflog is None:
            return
        attempts = self.nflog.receive()
        for attempt in attempts:
            self._first.setdefault(attempt.mac or str(attempt.src), attempt.at)
            if (str(attempt.src), attempt.mac) not in self._known:
                self._ask_neighbors()
            self.take(attempt)
        while len(self._first) > REMEMBERED:
            del self._first[next(iter(self._first))]

    def _ask_neighbors(self) -> None:
        """Who is on the links, as lease events; at once when a source is new, not at every one."""
        now = time.monotonic()
        if not self.sources.neighbors or now - self._asked < NEIGHBORS_EVERY:
            return
        self._asked = now
        found = kernel.neighbors()
        # Who was here before us has no known start; who comes later came at this moment.
        start = time.time() if self._looked else None
        self._looked = True
        for lease in found:
            if (str(lease.address), lease.mac) not in self._known:
                seen = Evidence("neighbors", 0, f"{lease.address} lladdr {lease.mac}")
                self.take(Lease(lease.address, lease.mac, start=start, seen=seen))
        self._known = {(str(lease.address), lease.mac) for lease in found}

    def _poll(self) -> None:
        for happening in self.files.poll():
            if isinstance(happening, Say):
                self._on(happening)
            else:
                self.take(happening)

    def _tick(self) -> None:
        self._ask_neighbors()
        now = time.time()
        self._adopt(now)
        self._survey()
        self._feed(now)
        self._written()
        self._whole()
        self.take(Tick(now))

    def _survey(self) -> None:
        """Look at the surroundings again, beside the loop: it starts programs."""
        if self._looking is not None and self._looking.done():
            self.engine.surround(self._looking.result())
            self._looking = None
        if self._look is not None and self._looking is None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + SURROUNDINGS
            self._looking = asyncio.get_running_loop().run_in_executor(None, self._look)

    def _feed(self, now: float) -> None:
        """A reboot or a reload takes the rule away that feeds us: it is said when it goes and comes."""
        group = self.sources.nflog
        if self._feeding is not None and self._feeding.done():
            fed, self._feeding = self._feeding.result(), None
            if fed is not None and fed != self._fed:
                gone = f"NOTHING IS LOGGED TO GROUP {group} ANY MORE: the standing rule is gone"
                back = f"packets are logged to group {group} again"
                self._on(Say(now, back if fed else f"{gone}; unlisted rule install brings it back"))
                self._fed = fed
        if group is not None and self._feeding is None and time.monotonic() >= self._feed_at:
            self._feed_at = time.monotonic() + FED
            self._feeding = asyncio.get_running_loop().run_in_executor(None, apply.logs_to, group)

    def _adopt(self, now: float) -> None:
        """What another process decided (`unlisted hold`, `unlisted release`) is true here too.

        Only forward: our own newest word may not be on disk yet.
        """
        for decision in self.store.decisions(ending_after=now) if self.store else ():
            mine = self.engine.decisions.get(decision.id)
            if _step(decision) > (_step(mine) if mine else -1):
                self.engine.decisions[decision.id] = decision

    def _whole(self) -> None:
        """Somebody may have flushed the packet filter: lay the chain again and hold again who is held."""
        if self.enforcer is None or self.enforcer.whole():
            return
        self.enforcer.prepare()
        now = time.time()
        for decision in [one for one in self.engine.decisions.values() if decide.standing(one, now)]:
            done = self.enforcer.hold(decision, now)
            self._on(Carried(now, decision, done.ok, done.detail or "held again: the filter was changed"))

    # ---- carrying out ----

    def take(self, event: Event) -> None:
        """One event through the engine: first hold, then store, then tell (which may fail: a pipe)."""
        for happening in self._act(event):
            self._on(happening)

    def _act(self, event: Event) -> list[Happening]:
        """Carry out what follows from one event, and hand it to the store; what there is to tell."""
        commands = self.engine.step(event)
        answers: list[Event] = []
        carried: list[Carried] = []
        for command in commands:
            if isinstance(command, Hold):
                done = self._hold(command.decision, event)
                carried.append(done)
                answers.append(Applied(done.at, command.decision.id, done.ok, done.detail))
            elif isinstance(command, Release):
                carried.append(self._release(command))
        if self.store is not None:
            if not isinstance(event, Tick):
                self._kept.append(self.store.add_later((event,)))
            for command in commands:
                if isinstance(command, Save):
                    self._kept.append(self.store.save_decision_later(command.decision, command.at, WHO))
        told: list[Happening] = [] if isinstance(event, Tick) else [event]
        told += [*commands, *carried]
        for answer in answers:
            told += self._act(answer)
        return told

    def _hold(self, decision: Decision, event: Event) -> Carried:
        if self.enforcer is None:
            return Carried(time.time(), decision, ok=False, detail="this watch only observes")
        done = self.enforcer.hold(decision, time.time())
        now = time.time()
        self._end_flows(self.enforcer, decision)
        first = self._first.get(decision.device.key)
        return Carried(
            now,
            decision,
            done.ok,
            done.detail,
            decided_ms=round((now - event.at) * 1e3, 3) if isinstance(event, Attempt) else None,
            first_ms=round((now - first) * 1e3, 3) if first is not None else None,
        )

    def _end_flows(self, enforcer: Enforcer, decision: Decision) -> None:
        """Beside the loop: conntrack is a program and takes its time, and the hold stands already."""
        work = asyncio.get_running_loop().run_in_executor(None, enforcer.end_flows, decision)
        self._flows.add(work)
        work.add_done_callback(self._flows.discard)

    def _release(self, command: Release) -> Carried:
        done = self.enforcer.release(command.decision) if self.enforcer else Outcome(ok=True)
        return Carried(time.time(), command.decision, done.ok, done.detail or command.why, "release")

    def account(self) -> str:
        """What was read and what was lost, as a sentence."""
        if self.nflog is None:
            return f"{self.files.not_understood} lines were not understood"
        loss = self.nflog.loss
        lost = f"{loss.lost} lost" if loss.lost or loss.overruns else "none lost"
        return f"{loss.read} packets logged, {lost}; {self.files.not_understood} lines were not understood"


_ORDER = ("proposed", *decide.STANDING)  # then any end


def _step(decision: Decision) -> int:
    """How far a decision has come."""
    return _ORDER.index(decision.state) if decision.state in _ORDER else len(_ORDER)


def stand(live: Watch, seconds: float | None = None) -> None:
    """Run the watch from a program that has no loop; SIGTERM and Ctrl-C end it cleanly."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, live.stop)
        await live.run(seconds)

    asyncio.run(main())


def sentence(happening: Happening) -> str:
    """A happening as a line for a person; "" for what a terminal need not show."""
    match happening:
        case Attempt():
            source = f"{happening.mac} {happening.src}".strip()
            return (
                f"{show.when(happening.at)}  {source} -> {happening.dst}:{happening.dport} {happening.action}"
            )
        case Name():
            device = happening.suspect.device
            who = " ".join(
                part
                for part in (device.hostname, str(device.address or ""), device.mac, device.vendor)
                if part
            )
            found = happening.suspect
            return f"{show.when(found.flagged_at)}  FOUND {show.clean(who)}: {found.because}"
        case Propose():
            decision = happening.decision
            key, stands = decision.device.key, decision.refused or decision.waits
            why = f" (not at once: {stands})" if stands else ""
            return f"{show.when(decision.made_at)}  to hold it: unlisted hold {key}{show.clean(why)}"
        case Say():
            return f"{show.when(happening.at)}  {show.clean(happening.text)}"
        case Carried():
            what = happening.what + (" done" if happening.ok else " FAILED")
            took = f", {happening.decided_ms} ms after the packet" if happening.decided_ms is not None else ""
            text = f"{happening.decision.device.key} {what}{took} {show.clean(happening.detail)}"
            return f"{show.when(happening.at)}  {text.rstrip()}"
        case _:
            return ""
