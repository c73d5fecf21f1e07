"""Who was here when the spam was seen: what leases, neighbors and access points say without a gateway's log.

For each device the moments at which it was here and those at which it was not, weighed by Bayes' rule with
one culprit assumed: who is always here is neither accused nor cleared by it, who comes and goes with the spam
is. Times within an hour of each other are one episode, and those within one stay or one absence count once,
since they tell the same thing twice. A moment that may be off by a day fits whoever was here within a day of
it, and whoever always is fits by chance. Presence is no proof: at best it says whom to look at first, a lease
may outlast its holder, and `somebody` of whom no lease knows has a share of his own.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import exp, inf, log
from statistics import median_low
from typing import NamedTuple

from msgspec import Struct

from unlisted.find.who import Who
from unlisted.messages import MOMENT, Device, Lease, Presence, Refusal, Report, Suspect
from unlisted.net import Address

EPISODE = 3600.0  # seconds
LASTS = 86_400.0  # seconds that a lease counts which tells no end: what most servers grant at most
RETRY = 600.0  # seconds; who asks again sooner was not heard, or came back, and renews nothing
# A device that sends is on the network; its lease may have been lost, or dated by a wrong clock.
MISSED = 0.05
# The share, before any time is looked at, that it was nobody whom these leases know: an account, the mail
# server itself, a machine with a fixed address.
NOBODY = 0.3
SMOOTH = 2  # so many probes of either kind are assumed for each device: nobody is always here, or never
STANDS_OUT = 0.5
FEWEST = 2  # stays; one coincidence names nobody
PROBES = 200  # moments at which it might be asked who is here


class Odds(NamedTuple):
    """One device and what its coming and going says."""

    device: Device
    share: float  # 0..1: how likely it was this one, if it was any one device
    here: int  # episodes at which it was here
    visits: int  # stays in which these lie
    usual: float  # the share of all the time in which it was here


class Seen(Struct, frozen=True):
    """A moment at which the spam was seen, from a list, a report, or the person."""

    at: float
    off: float = 60.0  # seconds by which it may be off
    said: str = ""  # who says so


class _Stay(NamedTuple):
    start: float
    end: float


def lasting(leases: Iterable[Lease]) -> dict[str, float]:
    """For how long a lease that tells no end counts, by MAC: twice the usual time between its renewals.

    Half of a lease's time is when it is renewed (RFC 2131 §4.4.5). Only for those that have such a lease.
    """
    starts: defaultdict[str, set[float]] = defaultdict(set)
    for one in leases:
        if one.mac and one.start is not None and one.end is None:
            starts[one.mac].add(one.start)
    made = {}
    for mac, told in starts.items():
        gaps = [after - before for before, after in pairwise(sorted(told)) if after - before >= RETRY]
        made[mac] = min(2 * median_low(gaps), LASTS) if gaps else LASTS
    return made


def stays(
    who: Who, addresses: Iterable[Address], presences: Iterable[Presence], leases: Sequence[Lease] = ()
) -> dict[str, list[_Stay]]:
    """For each MAC when it was here. A neighbor table without a time says nothing of when.

    `leases`: those behind `who`; what tells no end is then no presence for ever.
    """
    lasts = lasting(leases)
    starts: defaultdict[tuple[Address, str], list[float]] = defaultdict(list)
    for lease in leases:
        if lease.start is not None:
            starts[lease.address, lease.mac].append(lease.start)
    found: defaultdict[str, list[_Stay]] = defaultdict(list)
    for address in addresses:
        for span in who.spans(address):
            if span.dated and span.end == inf and span.mac in lasts:
                told = (at for at in starts[address, span.mac] if at >= span.start)
                found[span.mac] += [_Stay(at, at + lasts[span.mac]) for at in told]
            elif span.dated:
                found[span.mac].append(_Stay(span.start, span.end))
    for one in presences:
        if one.start is not None or one.end is not None:
            start = -inf if one.start is None else one.start
            found[one.mac].append(_Stay(start, inf if one.end is None else one.end))
    return found


def episodes(seen: Iterable[Seen]) -> list[Seen]:
    """The moments, those within an hour of the one before left out; the most exact of each hour is kept."""
    kept: list[Seen] = []
    for one in sorted(seen, key=lambda one: one.at):
        if kept and one.at - kept[-1].at < EPISODE:
            if one.off < kept[-1].off:
                kept[-1] = one
            continue
        kept.append(one)
    return kept


def coverage(leases: Iterable[Lease], presences: Iterable[Presence]) -> tuple[float, float]:
    """From when to when it was noted who is here. The end of a lease was told in advance: nobody noted it."""
    times = [one.start for one in leases if one.start is not None and one.mac]
    times += [at for one in presences for at in (one.start, one.end) if at is not None]
    return min(times, default=inf), max(times, default=-inf)


def rank(
    known: dict[str, list[_Stay]],
    seen: Sequence[Seen],
    devices: dict[str, Device],
    covered: tuple[float, float],
) -> tuple[list[Odds], float]:
    """Everybody by how likely he is, and the share that is left for nobody known."""
    if not seen or covered[0] >= covered[1]:
        return [], 1.0
    weights: dict[str, float] = {}
    facts: dict[str, tuple[int, int, float]] = {}
    for mac, many in known.items():
        runs, here, visits = _runs(_joined(many, 0.0)), 0, dict[int, None]()
        counted: dict[tuple[int, bool], float] = {}
        usual = {off: _usual(many, off, covered) for off in {0.0, *(one.off for one in seen)}}
        for one in seen:
            place = _place(runs, one)
            there = place % 2 == 1
            here += there
            chance = usual[one.off]
            nats = log((1 - MISSED) / chance) if there else log(MISSED / (1 - chance))
            # Of several in one stay, or absence, that which says the least.
            before = counted.get((place, there))
            counted[place, there] = nats if before is None else min(before, nats, key=abs)
            visits |= {place: None} if there else {}
        weights[mac] = sum(counted.values())
        facts[mac] = here, len(visits), usual[0.0]
    share = _shares(weights)
    order = sorted(known, key=lambda mac: (-share[mac], mac))
    return [Odds(devices[mac], share[mac], *facts[mac]) for mac in order], share[""]


def within(seen: Iterable[Seen], covered: tuple[float, float]) -> list[Seen]:
    """The moments of which it is known who was here."""
    return [one for one in seen if covered[0] <= one.at <= covered[1]]


def _joined(many: Iterable[_Stay], off: float) -> list[_Stay]:
    """Stays that do not touch, in order of time, each longer by `off` at either end."""
    made: list[_Stay] = []
    for one in sorted(many):
        start, end = one.start - off, one.end + off
        if made and start <= made[-1].end:
            made[-1] = _Stay(made[-1].start, max(made[-1].end, end))
        elif start <= end:
            made.append(_Stay(start, end))
    return made


def _runs(stays: Iterable[_Stay]) -> list[float]:
    """Where absence and stay take turns."""
    return [at for stay in stays for at in stay]


def _place(runs: list[float], seen: Seen) -> int:
    """Which stay (odd) or absence (even) a moment lies in; a stay where it may have been in one."""
    place = bisect_right(runs, seen.at)
    if place % 2:
        return place
    before, after = runs[place - 1] if place else -inf, runs[place] if place < len(runs) else inf
    if seen.at - before <= seen.off or after - seen.at <= seen.off:
        return place - 1 if seen.at - before <= after - seen.at else place + 1
    return place


def _usual(many: Iterable[_Stay], off: float, covered: tuple[float, float]) -> float:
    """The chance that a moment which may be off by so much finds the device here, whoever sent."""
    since, until = covered
    here = sum(max(0.0, min(one.end, until) - max(one.start, since)) for one in _joined(many, off))
    return (here / (until - since) * PROBES + SMOOTH) / (PROBES + 2 * SMOOTH)


def _shares(weights: dict[str, float]) -> dict[str, float]:
    """Weights in nats to shares that add up to one; "" is nobody known, whose weight is 0."""
    prior = log((1 - NOBODY) / max(1, len(weights)))
    nats = {mac: prior + weight for mac, weight in weights.items()} | {"": log(NOBODY)}
    top = max(nats.values())
    raw = {mac: exp(value - top) for mac, value in nats.items()}
    return {mac: value / sum(raw.values()) for mac, value in raw.items()}


def stands_out(odds: Sequence[Odds]) -> bool:
    """True when the first is likelier than all others and nobody together, by more than one stay."""
    return bool(odds) and odds[0].share > STANDS_OUT and odds[0].visits >= FEWEST


def percent(share: float) -> str:
    """A likelihood for people: none is certain."""
    return "<1%" if share < 0.005 else ">99%" if share > 0.99 else f"{share:.0%}"


def suspect(one: Odds, episodes: int, *, named: bool) -> Suspect:
    """The odds in the vocabulary's form: never more than `suspect`, since presence proves nothing."""
    if episodes == 1:
        here = f"{'here' if one.here else 'not here'} when the spam was seen"
    else:
        stays = "1 stay" if one.visits == 1 else f"{one.visits} stays"
        here = f"here at {one.here} of {episodes} times at which the spam was seen, in {stays}"
    because = f"{here}, and {one.usual:.0%} of all the time: likelihood {percent(one.share)}"
    because += "" if named else " (presence alone, which neither accuses nor clears)"
    return Suspect(
        device=one.device,
        verdict="suspect" if named else "honest",
        score=round(log(max(one.share, 1e-9) / max(1 - one.share, 1e-9)), 3),
        attempts=0,
        destinations=0,
        flagged_at=None,
        flagged_after=None,
        role="",
        because=because,
    )


def told(refusals: Iterable[Refusal], own: tuple[Address, ...] = ()) -> Iterator[Seen]:
    """The moments that reports and lists' pages tell of our address. Strangers' words: they hold nobody."""
    for one in refusals:
        for told in (one.report, one.sighting):
            if told is None or told.at is None or told.accuracy is None:
                continue
            whose, said = (
                (told.source, told.format) if isinstance(told, Report) else (told.address, told.list)
            )
            if not own or whose in (None, *own):
                yield Seen(told.at, max(told.accuracy, MOMENT), said)
