"""Which device did it: the trip's scores, who the devices are and what they may do, made into a ranked list.

A verdict is `rogue` (over the threshold), `suspect` (over half of it, with fan-out and no honest
role) or `honest`. Each carries the attempts that convinced us.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from unlisted import net
from unlisted.find import roles, trip
from unlisted.find.columns import ACTIONS, Flows, columns, devices, outgoing, wrong_side
from unlisted.find.who import Identity, Who
from unlisted.messages import Delivery, Device, Suspect
from unlisted.net import Address, Network

QUOTED = 10  # lines of evidence for each device
FAN_OUT = 3  # networks; fewer are no fan-out, whatever the score
MATCH = 120  # seconds between an attempt and the delivery it belongs to: slow servers, two clocks
# Seconds; the zones of the world are quarters of an hour apart.
ZONES = np.array([zone for zone in range(-14 * 3600, 14 * 3600 + 1, 900) if zone], np.int64)
FEWEST = 5  # attempts and destinations; fewer fit some zone by chance
SKEWED = 500  # attempts by which the zone is sought
CLOCKS = 20  # devices by which it is sought, those with the most attempts
CALLED = 3  # networks; as many as the role of a mail exchanger wants
NOBODY = (0, 0)
_PORT_25, _ANSWERED = 0, 1
_STOPPED = [ACTIONS.index("block"), ACTIONS.index("held")]

Rows = npt.NDArray[np.int64]


class Setting(Struct, frozen=True):
    """What the person told us."""

    inside: tuple[Network, ...] = net.INSIDE
    own: tuple[Address, ...] = ()
    senders: tuple[str, ...] = ()


class Findings(NamedTuple):
    """The answer, what must be said beside it, and whether the evidence could tell at all."""

    suspects: list[Suspect]  # the worst first; evidence without text
    notes: list[str]
    told: bool
    outer: bool = False  # only sources that are not inside: `--inside` may be what is missing


class Served(NamedTuple):
    """The one device that is our mail server by its log; `device` is None when none is."""

    delivered: int = 0  # how many of its attempts are deliveries of ours
    skew: int = 0  # seconds by which the mail log's clock stands ahead: a time zone
    device: int | None = None
    attempts: int = 0


class _Reach(NamedTuple):
    """A device's attempts that go where our mail server delivered at some time."""

    device: int
    attempts: int  # all of them
    known: dict[Address, list[int]]  # seconds, in order

    @property
    def wide(self) -> bool:
        """True when chance, or a smarthost that everybody uses, does not make it fit some time zone."""
        shared = sum(map(len, self.known.values()))
        return self.attempts >= FEWEST and len(self.known) >= FEWEST and 2 * shared >= self.attempts


class Deliveries:
    """What our own mail server handed to whom and when, for recognizing it in a gateway log.

    Who sends spam sends it to the same large providers: each delivery accounts for one attempt, and the
    one device for which they account best is the server.
    """

    def __init__(self) -> None:
        self._at: dict[Address, list[int]] = {}

    def add(self, delivery: Delivery) -> None:
        """One more. The relay is `host[address]:port`; deliveries to ourselves have none."""
        _, bracket, rest = delivery.relay.partition("[")
        address = net.ip(rest.partition("]")[0]) if bracket else None
        if address is not None:
            self._at.setdefault(address, []).append(int(delivery.at))

    def __len__(self) -> int:
        return len(self._at)

    def server(self, flows: Flows, devices: Iterable[tuple[int, Rows]]) -> Served:
        """Whose deliveries these are.

        Another time zone is looked for only where no device with many destinations fits as it is.
        """
        for times in self._at.values():
            times.sort()
        all_ = [self._reach(flows, device, rows) for device, rows in devices] if self._at else []
        wide = sorted((one for one in all_ if one.wide), key=lambda one: -one.attempts)
        found = [self._served(one, 0) for one in all_]
        if not any(self._served(one, 0).device is not None for one in wide):
            found += [self._served(one, self._zone(one)) for one in wide[:CLOCKS]]
        return max(found, key=lambda one: (one.delivered, -one.attempts, -abs(one.skew)), default=Served())

    def _reach(self, flows: Flows, device: int, rows: Rows) -> _Reach:
        passed = rows[~np.isin(flows.action[rows], _STOPPED)]  # what was stopped delivered nothing
        order = passed[np.argsort(flows.dst[passed], kind="stable")]
        known = {}
        for part in np.split(order, np.flatnonzero(np.diff(flows.dst[order])) + 1) if len(order) else ():
            address = flows.addresses[flows.dst[part[0]]]
            if address in self._at:
                known[address] = (flows.at[part] // 1_000_000).tolist()
        return _Reach(device, len(rows), known)

    def _served(self, reach: _Reach, skew: int) -> Served:
        """Nobody, unless at least half of the attempts are deliveries."""
        count = sum(_paired(at, self._at[address], skew) for address, at in reach.known.items())
        fits = count and 2 * count >= reach.attempts
        return Served(count, skew, reach.device, reach.attempts) if fits else Served()

    def _zone(self, reach: _Reach) -> int:
        """The time zone in which most attempts have a delivery beside them."""
        hits = np.zeros(len(ZONES), np.int64)
        every = max(1, sum(map(len, reach.known.values())) // SKEWED)
        for address, at in reach.known.items():
            times = np.array(self._at[address], np.int64)
            moments = np.array(at[::every], np.int64)[:, None] + ZONES
            hits += (
                np.searchsorted(times, moments + MATCH, "right") > np.searchsorted(times, moments - MATCH)
            ).sum(axis=0)
        best = np.flatnonzero(hits == hits.max())
        return int(min(ZONES[best], key=abs))


def _paired(attempts: list[int], deliveries: list[int], skew: int) -> int:
    """How many attempts have a delivery of their own within `MATCH`. Both in order."""
    count = place = 0
    for at in attempts:
        place = bisect_left(deliveries, at + skew - MATCH, place)
        if place == len(deliveries):
            break
        if deliveries[place] <= at + skew + MATCH:
            count, place = count + 1, place + 1
    return count


def judge(flows: Flows, who: Who, setting: Setting, deliveries: Deliveries | None = None) -> Findings:
    """Every device that made attempts, the worst first."""
    out = outgoing(flows, setting.inside, who.macs(lambda address: net.inside(address, setting.inside)))
    notes = list(_left_out(out.inside, out.outer_rows, out.repeats, out.flows.size > 0))
    if reason := wrong_side(out, setting.own):
        return Findings([], [reason], told=False, outer=len(out.outer) > 1)
    if not out.flows.size:
        nothing = ["no attempt on a mail port left the own network in these"] if flows.size else []
        return Findings([], notes + nothing, told=False)
    made = devices(out.flows, who)
    notes += made.notes
    if who.forgotten:
        notes.append(f"{who.forgotten:,} old facts of who had an address were forgotten: it has too many")
    state, alarms = trip.advance(
        trip.State.new(len(made.who)), columns(out.flows, made.id), table := trip.load()
    )
    first = {int(d): i for i, d in reversed(list(enumerate(alarms.device)))}
    suspects, groups = [], list(_by_device(made.id))
    served = deliveries.server(out.flows, groups) if deliveries else Served()
    if served.skew:
        notes.append(f"the mail log's clock stands {served.skew / 3600:+g} h from the gateway's: taken so")
    for number, rows in groups:
        alarm = first.get(number)
        seen = _Seen(
            flows=out.flows,
            rows=rows,
            who=made.who[number],
            peak=(near := trip.highest(state, number, table)).score,
            threshold=near.threshold,
            flagged=None if alarm is None else (int(alarms.row[alarm]), int(alarms.attempt[alarm])),
            delivered=served.delivered if number == served.device else 0,
            callers=max(out.callers.get(address, NOBODY) for address in _sources(out.flows, rows)),
        )
        suspects.append(_suspect(seen, setting))
    order: Mapping[str, int] = {"rogue": 0, "suspect": 1, "honest": 2}
    suspects.sort(key=lambda one: (order[one.verdict], -one.score, -one.attempts, one.device.key))
    return Findings(suspects, notes, told=True)


def _left_out(inside: int, outer: int, repeats: int, judged: bool) -> Iterator[str]:
    if inside:
        yield f"{inside:,} attempts stayed inside the own network and were not counted"
    if outer and judged:
        yield f"{outer:,} attempts left out: their sources are not inside (translated already, or spoofed)"
    if repeats:
        yield f"{repeats:,} lines repeated a connection (retransmitted, or told by two sources): counted once"


def _by_device(ids: npt.NDArray[np.int32]) -> Iterator[tuple[int, Rows]]:
    order = np.argsort(ids, kind="stable")
    bounds = np.flatnonzero(np.diff(ids[order])) + 1
    for rows in np.split(order, bounds):
        if len(rows):
            yield int(ids[rows[0]]), rows


def _sources(flows: Flows, rows: Rows) -> list[Address]:
    return [flows.addresses[source] for source in np.unique(flows.src[rows])]


class _Seen(NamedTuple):
    """One device and all that speaks for or against it."""

    flows: Flows
    rows: Rows
    who: Identity
    peak: int
    threshold: int
    flagged: tuple[int, int] | None  # row, how many-eth attempt
    delivered: int
    callers: tuple[int, int]  # networks outside that called its port 25, and those of them that it answered


def _suspect(seen: _Seen, setting: Setting) -> Suspect:
    flows, rows = seen.flows, seen.rows
    profile = _profile(seen)
    if roles.declared(seen.who.device, setting.senders):
        role: roles.Role | None = roles.DECLARED
    else:
        role = roles.recognise(profile, roles.load())
    flagged = seen.flagged
    if role is not None and role.honest:
        verdict, flagged = "honest", None
    elif flagged is not None:
        verdict, role = "rogue", None
    elif role is None and 2 * seen.peak >= seen.threshold and profile.destinations >= FAN_OUT:
        verdict = "suspect"
    else:
        verdict = "honest"
    upto = int(np.searchsorted(rows, flagged[0], side="right")) if flagged else QUOTED
    telling = rows[max(0, upto - QUOTED) : max(upto, QUOTED)][:QUOTED]
    return Suspect(
        device=_first_seen(seen.who.device, int(flows.at[rows[0]]) / 1e6),
        verdict=verdict,
        score=round(seen.peak / trip.NATS, 3),
        attempts=len(rows),
        destinations=int(np.unique(flows.dst[rows]).size),
        flagged_at=int(flows.at[flagged[0]]) / 1e6 if flagged else None,
        flagged_after=flagged[1] if flagged else None,
        role=role.title if role else "",
        because=_because(seen, profile, role, flagged is not None),
        evidence=flows.evidence([int(row) for row in telling]),
    )


def _first_seen(device: Device, attempt: float) -> Device:
    known = device.first_seen
    return msgspec.structs.replace(device, first_seen=attempt if known is None else min(known, attempt))


def _profile(seen: _Seen) -> roles.Profile:
    flows, rows = seen.flows, seen.rows
    outcome = flows.outcome[rows]
    targets = np.unique(flows.dst[rows])
    return roles.Profile(
        attempts=len(rows),
        destinations=len({net.prefix(flows.addresses[target]) for target in targets}),
        known=int((outcome > 0).sum()),
        unanswered=int((outcome > _ANSWERED).sum()),
        seconds=int(flows.at[rows[-1]] - flows.at[rows[0]]) / 1e6,
        submission=int((flows.port[rows] != _PORT_25).sum()),
        delivered=seen.delivered,
        callers=seen.callers[1],
    )


def _because(seen: _Seen, profile: roles.Profile, role: roles.Role | None, tripped: bool) -> str:
    """One plain sentence with the numbers."""
    flows, rows = seen.flows, seen.rows
    addresses = int(np.unique(flows.dst[rows]).size)
    ports = sorted({net.MAIL_PORTS[port] for port in np.unique(flows.port[rows])})
    made = (
        f"{profile.attempts:,} {'attempt' if profile.attempts == 1 else 'attempts'} on port"
        f" {', '.join(map(str, ports))} to {addresses:,} {'address' if addresses == 1 else 'addresses'}"
        f" in {profile.destinations:,} {'network' if profile.destinations == 1 else 'networks'}"
    )
    if profile.attempts > 1:
        made += f" within {_span(profile.seconds)}" if profile.seconds else " at one moment of the log"
    if profile.known:
        answered = profile.known - profile.unanswered
        made += f", {answered:,} of {profile.known:,} answered" if answered else ", none answered"
    if role is not None:
        made = f"{role.because}: {made}"
    elif tripped and seen.flagged:
        row, count = seen.flagged
        took = int(flows.at[row] - flows.at[rows[0]]) / 1e6
        when = f"{_span(took)} after the first" if took else "at the same moment of the log as the first"
        made += f"; attempt {count}, {when}, crossed the threshold"
        if seen.callers[0] >= CALLED:
            made += ". Servers outside call its port 25: if it is a mail server of yours, name it (--sender)"
    elif 2 * seen.peak >= seen.threshold:
        made += "; its score passed half of the threshold"
    if seen.who.candidates:
        macs = " or ".join(one.mac for one in seen.who.candidates[:4])
        made += f". The leases do not say which device had the address then: {macs}"
    return made


def _span(seconds: float) -> str:
    """A length of time in words that a person would use."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
