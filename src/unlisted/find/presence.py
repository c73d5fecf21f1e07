"""Who was here when the spam was seen: what leases, neighbors and access points say without a gateway's log.

For each device the moments at which it was here and those at which it was not, weighed by Bayes' rule with
one culprit assumed: who is always here is neither accused nor cleared by it, who comes and goes with the spam
is. Times within an hour of each other are one episode, since they tell the same thing twice. Presence is no
proof: at best it says whom to look at first, and `somebody` of whom no lease knows has a share of his own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import exp, inf, log
from typing import NamedTuple

from msgspec import Struct

from unlisted.find.who import Who
from unlisted.messages import MOMENT, Device, Presence, Refusal, Report, Suspect
from unlisted.net import Address

EPISODE = 3600.0  # seconds
# A device that sends is on the network; its lease may have been lost, or dated by a wrong clock.
MISSED = 0.05
# The share, before any time is looked at, that it was nobody whom these leases know: an account, the mail
# server itself, a machine with a fixed address.
NOBODY = 0.3
SMOOTH = 2  # so many probes of either kind are assumed for each device: nobody is always here, or never
STANDS_OUT = 0.5
FEWEST = 2  # episodes; one moment names nobody
PROBES = 200  # moments at which it is asked who is usually here


class Odds(NamedTuple):
    """One device and what its coming and going says."""

    device: Device
    share: float  # 0..1: how likely it was this one, if it was any one device
    here: int  # episodes at which it was here
    usual: float  # the share of all the time in which it was here


class Seen(Struct, frozen=True):
    """A moment at which the spam was seen, from a list, a report, or the person."""

    at: float
    off: float = 60.0  # seconds by which it may be off
    said: str = ""  # who says so


class _Stay(NamedTuple):
    start: float
    end: float


def stays(who: Who, addresses: Iterable[Address], presences: Iterable[Presence]) -> dict[str, list[_Stay]]:
    """For each MAC when it was here. A neighbor table without a time says nothing of when."""
    found: defaultdict[str, list[_Stay]] = defaultdict(list)
    for address in addresses:
        for span in who.spans(address):
            if span.dated:
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


def rank(
    known: dict[str, list[_Stay]], seen: Sequence[Seen], devices: dict[str, Device]
) -> tuple[list[Odds], float]:
    """Everybody by how likely he is, and the share that is left for nobody known."""
    ends = [at for many in known.values() for stay in many for at in stay if abs(at) != inf]
    told = [one for one in seen if ends and min(ends) <= one.at <= max(ends)]
    if not told:
        return [], 1.0
    step = (max(ends) - min(ends)) / PROBES or 1.0
    probes = [Seen(min(ends) + (number + 0.5) * step, 0.0) for number in range(PROBES)]
    weights: dict[str, float] = {}
    facts: dict[str, tuple[int, float]] = {}
    for mac, many in known.items():
        usual = (sum(_here(many, one) for one in probes) + SMOOTH) / (PROBES + 2 * SMOOTH)
        here = sum(_here(many, one) for one in told)
        weights[mac] = here * log((1 - MISSED) / usual) + (len(told) - here) * log(MISSED / (1 - usual))
        facts[mac] = here, usual
    share = _shares(weights)
    order = sorted(known, key=lambda mac: (-share[mac], mac))
    return [Odds(devices[mac], share[mac], *facts[mac]) for mac in order], share[""]


def _here(many: Sequence[_Stay], seen: Seen) -> bool:
    return any(stay.start - seen.off <= seen.at <= stay.end + seen.off for stay in many)


def _shares(weights: dict[str, float]) -> dict[str, float]:
    """Weights in nats to shares that add up to one; "" is nobody known, whose weight is 0."""
    prior = log((1 - NOBODY) / max(1, len(weights)))
    nats = {mac: prior + weight for mac, weight in weights.items()} | {"": log(NOBODY)}
    top = max(nats.values())
    raw = {mac: exp(value - top) for mac, value in nats.items()}
    return {mac: value / sum(raw.values()) for mac, value in raw.items()}


def stands_out(odds: Sequence[Odds], episodes: int) -> bool:
    """True when the first is likelier than all others and nobody together, by more than one moment."""
    return bool(odds) and odds[0].share > STANDS_OUT and min(episodes, odds[0].here) >= FEWEST


def suspect(one: Odds, episodes: int, *, named: bool) -> Suspect:
    """The odds in the vocabulary's form: never more than `suspect`, since presence proves nothing."""
    because = (
        f"here at {one.here} of {episodes} times at which the spam was seen, and {one.usual:.0%} of all the"
        f" time: likelihood {one.share:.0%}"
    )
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
