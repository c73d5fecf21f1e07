"""The engine: events in, commands out. It never waits and never reads the clock.

Replaying last month's log and watching tonight's traffic run this same code: time arrives inside
events. What it decides about a device it decides from attempts, leases and neighbors alone; what
strangers can write (bounces, reports, a list's words) goes into the case and never into a hold.
"""

from collections import defaultdict, deque
from collections.abc import Callable

import numpy as np
from msgspec import structs

from unlisted import net
from unlisted.config import Config
from unlisted.find import trip
from unlisted.find.columns import RETRANSMIT, is_new
from unlisted.find.who import Who
from unlisted.messages import (
    Applied,
    Attempt,
    Command,
    Decision,
    Event,
    Evidence,
    Hold,
    Lease,
    Listing,
    Name,
    Propose,
    Release,
    Save,
    Say,
    Suspect,
    Tick,
)
from unlisted.stop import decide, guard

# Sources that are tracked at once, up to 70 KB each. Forged addresses can fill it; then only devices that a
# lease or a neighbor vouches for are still tracked, and it is said.
MOST_DEVICES = 10_000
MOST_PROPOSALS = 100  # open at once; each stands on a disk and on somebody's screen
AGAIN = 10.0  # seconds until a device that goes on is decided about again
MOST_FLOWS = 100_000  # connections remembered to know a repeated SYN; 3,000 new ones a second for 35 s
LONGEST_TICK = 5.0  # seconds; a longer one is a clock that was set, or a machine that slept
CLOCK = 60.0  # seconds by which an attempt's time may differ from ours
QUOTED = 10  # lines kept per device as evidence; more convinces nobody further
PORTS = {port: index for index, port in enumerate(net.MAIL_PORTS)}
OUTCOMES = ("", "answered", "refused", "silent")
_NEWER = "a newer decision"


class Engine:
    """Decides. Never waits, never reads the clock: time arrives inside events."""

    def __init__(
        self,
        config: Config,
        network: guard.Network,
        table: trip.Table | None = None,
        vendor: Callable[[str], str] = lambda _mac: "",
    ) -> None:
        self.config = config
        self.network = network
        self.table = table or trip.load()
        self.who = Who(vendor)
        self._claims: dict[net.Address, dict[str, Lease]] = {}  # who says that it has an address, by MAC
        self._of: defaultdict[str, set[net.Address]] = defaultdict(set)  # the addresses that a MAC claimed
        for lease in network.known:
            self._lease(lease)
        self.state = trip.State.new(16)
        self.decisions: dict[str, Decision] = {}
        self.listings: dict[tuple[str, str], Listing] = {}
        self.suspects: dict[str, Suspect] = {}
        self.untracked = 0  # attempts of sources beyond MOST_DEVICES
        self._flows: dict[tuple[net.Address, int, net.Address, int], float] = {}  # oldest first
        self._ids: dict[str, int] = {}
        self._lines: defaultdict[str, deque[Evidence]] = defaultdict(lambda: deque(maxlen=QUOTED))
        self._targets: defaultdict[str, set[net.Address]] = defaultdict(set)
        self._decided: dict[str, tuple[float, str]] = {}  # when last, and why it was not held
        self._asked: set[str] = set()  # holds that are being carried out
        self._cold: set[str] = set()  # who was over the threshold before we were warm
        self._watched = 0.0  # seconds, by ticks alone: a log's own times may be wrong, and a clock may be set
        self._now = 0.0
        self._rules: dict[type, Callable[..., list[Command]]] = {
            Attempt: self._attempt,
            Lease: self._lease,
            Listing: self._listing,
            Applied: self._applied,
            Tick: self._tick,
        }

    def step(self, event: Event) -> list[Command]:
        """What follows from one event. Events that concern no device (mail, refusals) decide nothing."""
        rule = self._rules.get(type(event))
        return rule(event) if rule else []

    @property
    def warm(self) -> bool:
        """True when we have watched long enough to hold at once.

        Who was over the threshold before may be a mail server that nobody declared: a person decides.
        """
        return self._watched >= self.config.warm_up

    def surround(self, network: guard.Network) -> None:
        """What the network needs may change: another gateway, another administrator. Claims stay."""
        self.network = network
        for lease in network.known:
            self._lease(lease)

    # ---- one rule an event ------------------------------------------------------------------------

    def _lease(self, lease: Lease) -> list[Command]:
        """A claim to an address. One that tells its end stands until then: two of them are a conflict."""
        if lease.address not in self._claims and lease.end is None and len(self._claims) >= MOST_DEVICES:
            return []
        claims = self._claims.setdefault(lease.address, {})
        known = claims.get(lease.mac)
        if known is not None and lease.end is None and lease.hostname in ("", known.hostname):
            return []  # a neighbor that is still there
        self.who.add(lease)
        for mac in [mac for mac, one in claims.items() if one.end is None or one.end < self._now]:
            del claims[mac]
            self._of[mac].discard(lease.address)
        claims[lease.mac] = lease
        self._of[lease.mac].add(lease.address)
        return []

    def _attempt(self, attempt: Attempt) -> list[Command]:
        if attempt.dport not in PORTS or {str(attempt.src), attempt.mac} & self.network.senders:
            return []
        commands = self._witness(attempt)
        if not self._outgoing(attempt) or self._repeated(attempt):
            return commands
        key = attempt.mac or str(attempt.src)
        if key not in self._ids and len(self._ids) >= MOST_DEVICES and not self._agreed(attempt):
            self.untracked += 1
            first = self.untracked == 1
            return (
                [*commands, Say(attempt.at, "too many sources at once: forged addresses?")]
                if first
                else commands
            )
        if attempt.seen is not None:
            self._lines[key].append(attempt.seen)
        if len(self._targets[key]) < trip.SLOTS:
            self._targets[key].add(attempt.dst)
        columns = self._columns(key, attempt)  # first: it makes room in the state
        self.state, alarms = trip.advance(self.state, columns, self.table)
        if len(alarms.row):
            suspect = self.suspects[key] = self._suspect(key, attempt)
            commands += [Name(suspect), *self._decide(suspect, attempt)]
        elif trip.now(self.state, self._ids[key], self.table).over and self._due(key, self._when(attempt)):
            commands += self._decide(self._suspect(key, attempt), attempt)
        return commands

    def _listing(self, listing: Listing) -> list[Command]:
        key = (listing.address, listing.list or listing.zone)
        before = self.listings.get(key)
        self.listings[key] = listing
        if before is None or before.state == listing.state or listing.state == "unknown":
            return []
        return [Say(listing.at or 0.0, f"{key[1]}: {key[0]} is {listing.state}", key[1])]

    def _applied(self, answer: Applied) -> list[Command]:
        self._asked.discard(answer.decision)
        decision = self.decisions.get(answer.decision)
        if decision is None or decision.state != "proposed":
            return []
        after = self._save(decide.applied(decision, answer.at, answer.ok))
        text = f"{decision.device.key}: hold {after.state}" + (f": {answer.detail}" if answer.detail else "")
        return [Save(answer.at, after), Say(answer.at, text, decision.id)]

    def _tick(self, tick: Tick) -> list[Command]:
        self._watched += min(max(tick.at - self._now, 0.0), LONGEST_TICK) if self._now else 0.0
        self._now = tick.at
        commands: list[Command] = []
        for decision in [one for one in self.decisions.values() if one.state in decide.OPEN]:
            after = decide.expire(decision, tick.at)
            if after is not decision:
                self._save(after)
                if decision.state in decide.STANDING:
                    commands.append(Release(after, "its time is over"))
                commands.append(Save(tick.at, after))
        for decision in list(self.decisions.values()):
            if decision.state not in decide.OPEN and decision.expires_at < tick.at:
                del self.decisions[decision.id]
        return commands

    # ---- what a rule needs ------------------------------------------------------------------------

    def _outgoing(self, attempt: Attempt) -> bool:
        """From inside to outside. A public IPv6 source is inside when a lease or neighbor knows it."""
        inside = self.config.inside
        return not net.inside(attempt.dst, inside) and (
            net.inside(attempt.src, inside) or self._vouched(attempt)
        )

    def _repeated(self, attempt: Attempt) -> bool:
        """A SYN sent again is no new attempt: the same rule as for old logs."""
        if not attempt.sport:
            return False
        flow = (attempt.src, attempt.sport, attempt.dst, attempt.dport)
        last = self._flows.pop(flow, None)
        self._flows[flow] = attempt.at
        if len(self._flows) > MOST_FLOWS:
            del self._flows[next(iter(self._flows))]
        return last is not None and abs(attempt.at - last) * 1e6 <= RETRANSMIT

    def _vouched(self, attempt: Attempt) -> bool:
        """True when a lease or a neighbor knows this source."""
        return bool(self._claims.get(attempt.src))

    def _agreed(self, attempt: Attempt) -> bool:
        """True when a lease or a neighbor knows this source by this MAC."""
        return attempt.mac in self._claims.get(attempt.src, ())

    def _columns(self, key: str, attempt: Attempt) -> trip.Attempts:
        """One attempt as the kernel's columns."""
        number = self._ids.setdefault(key, len(self._ids))
        if number >= len(self.state.fast):
            self.state = self.state.grown(2 * number)
        first = self.who.device(attempt.src, attempt.at, attempt.mac).first_seen
        new = is_new(attempt.at, first)
        return trip.Attempts(
            np.array([number], np.int32),
            np.array([round(attempt.at * 1e6)], np.int64),
            np.array([net.prefix(attempt.dst)], np.int64),
            np.array([PORTS[attempt.dport]], np.int8),
            np.array([OUTCOMES.index(attempt.outcome)], np.int8),
            np.array([int(new)], np.int8),
        )

    def _suspect(self, key: str, attempt: Attempt) -> Suspect:
        """The device of this attempt, which is over the threshold."""
        number = self._ids[key]
        near, tries = trip.now(self.state, number, self.table), int(self.state.tries[number])
        targets = len(self._targets[key])
        because = (
            f"{tries} attempts on mail ports of {targets} servers it had never spoken to; "
            f"{near.which} score {near.score / trip.NATS:.1f} of {near.threshold / trip.NATS:.1f} nats"
        )
        first = self.suspects.get(key)  # when it was named, if it was
        return Suspect(
            device=self.who.device(attempt.src, attempt.at, attempt.mac),
            verdict="rogue",
            score=round(near.score / trip.NATS, 3),
            attempts=tries,
            destinations=targets,
            flagged_at=first.flagged_at if first else attempt.at,
            flagged_after=first.flagged_after if first else tries,
            role="",
            because=because,
            evidence=tuple(self._lines[key]),
        )

    def _when(self, attempt: Attempt) -> float:
        """The attempt's time, or ours where a log's clock is wrong: a hold begins and ends by our own."""
        return self._now if self._now and abs(attempt.at - self._now) > CLOCK else attempt.at

    def _due(self, key: str, at: float) -> bool:
        """True when a device that goes on may be decided about again: what stood in the way may be gone."""
        return abs(at - self._decided.get(key, (at, ""))[0]) >= AGAIN

    def _decide(self, suspect: Suspect, attempt: Attempt) -> list[Command]:
        """Propose, or hold at once; never against the guard, never on a cold start, nothing twice."""
        at, key = self._when(attempt), attempt.mac or str(attempt.src)
        mine = [one for one in self.decisions.values() if one.device.key == suspect.device.key]
        before = self._decided.get(key, (at, ""))[1]
        self._decided[key] = (at, before)
        if any(decide.standing(one, at) for one in mine) or _too_soon(mine, at):
            return []
        if not self.warm:
            self._cold.add(key)
        refused, waits = self._refused(suspect, attempt, at)
        if not refused and self.config.policy == "hold" and any(_let_go(one, at) for one in mine):
            waits = "a person released it: a person decides"
        self._decided[key] = (at, stands := refused or waits)
        waiting = [one for one in mine if one.state == "proposed"]
        held = not stands and self.config.policy == "hold"
        if any(one.id in self._asked for one in waiting):
            return []
        if waiting and not held and (self.config.policy != "hold" or stands == before):
            return []
        if not held and sum(one.state == "proposed" for one in self.decisions.values()) >= MOST_PROPOSALS:
            return []
        dropped = [self._save(decide.release(one, _NEWER, at)) for one in waiting]
        hours = self.config.hold_hours
        decision = decide.propose(suspect, self.config.policy, at, hours, refused=refused, waits=waits)
        self._save(decision)
        if held:
            self._asked.add(decision.id)
        return [
            *(Save(at, one) for one in dropped),
            Hold(decision) if held else Propose(decision),
            Save(at, decision),
        ]

    def _refused(self, suspect: Suspect, attempt: Attempt, at: float) -> tuple[str, str]:
        """Why this device is never held by us, and why it is not held at once; "" and "" when it may be."""
        network = structs.replace(self.network, known=self._known(attempt))
        decisions = self.decisions.values()
        refused = guard.refuse(suspect.device, network, decisions, at)
        if refused or self.config.policy != "hold":
            return refused, ""
        if not attempt.mac:
            forged = "the log shows no MAC, and whoever gets a line into a log can forge an address"
            return "", forged
        if (attempt.mac or str(attempt.src)) in self._cold:
            return "", "it did so before the watch had seen enough to tell a mail server: a person decides"
        return "", guard.full(network, decisions, at)

    def _known(self, attempt: Attempt) -> tuple[Lease, ...]:
        """The claims that can concern this device: to its address, and of the MACs that claim it."""
        macs = {attempt.mac, *self._claims.get(attempt.src, ())} - {""}
        addresses = {attempt.src}.union(*(self._of.get(mac, ()) for mac in macs))
        return tuple(lease for one in addresses for lease in self._claims.get(one, {}).values())

    def _witness(self, attempt: Attempt) -> list[Command]:
        """What this attempt proves about the holds that stand."""
        commands: list[Command] = []
        for decision in [one for one in self.decisions.values() if one.state in decide.STANDING]:
            after = decide.witness(decision, attempt)
            if after is not decision:
                self._save(after)
                what = (
                    "its traffic was seen to stop" if after.state == "verified" else "TRAFFIC PASSES THE HOLD"
                )
                commands += [
                    Save(attempt.at, after),
                    Say(attempt.at, f"{after.device.key}: hold {after.state}, {what}", after.id),
                ]
        return commands

    def _save(self, decision: Decision) -> Decision:
        self.decisions[decision.id] = decision
        return decision


def _too_soon(mine: list[Decision], at: float) -> bool:
    """True when a hold of this device failed of late: each failure doubles the wait, up to 85 minutes."""
    failed = [one.made_at for one in mine if one.state == "failed"]
    return bool(failed) and at - max(failed) < AGAIN * 2 ** min(len(failed) - 1, 9)


def _let_go(decision: Decision, at: float) -> bool:
    """True when somebody, not we ourselves, ended this hold before its time."""
    ours = decision.reason.endswith(f"released by {_NEWER}")
    return decision.state == "released" and at < decision.expires_at and not ours
