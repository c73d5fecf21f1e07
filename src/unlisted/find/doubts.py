"""Whether a source address really belongs to whom it seems to belong to: forged, taken, or contradicted.

A source address is only what a packet says. Where leases and neighbors know the network and not this
address, where two machines use one, or where sources contradict each other, that is said, and whom the
address belongs to is not accused for it.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find.cards import Devices
from unlisted.find.columns import OUTCOMES, Flows
from unlisted.find.spans import Span
from unlisted.find.who import SLACK, Who
from unlisted.net import Address
from unlisted.show import count

COVERS = 3  # addresses of a network known at that moment: leases or neighbors then speak for the network
LONGEST = 8 * 86_400.0  # seconds: the usual length of a lease at its longest (Windows Server's default)
SHOWN = 3  # cases in one note
_ANSWERED = OUTCOMES.index("answered")


class Doubts(NamedTuple):
    """What is doubtful: `why` per device id, in sentences; `nobody`: devices that may be nobody's."""

    notes: tuple[str, ...]
    why: dict[int, str]
    nobody: frozenset[int]


class _Use(NamedTuple):
    """An address under one MAC, "" where the log shows none that tells anything."""

    address: Address
    mac: str
    device: int
    first: float
    last: float
    answered: bool


class _Case(NamedTuple):
    device: int
    short: str
    sentence: str


def doubts(flows: Flows, made: Devices, who: Who) -> Doubts:
    """Look at every source of these attempts."""
    uses = list(_uses(flows, made))
    strange = list(_strangers(uses, who))
    answered = {use.device for use in uses if use.answered}
    found = (
        ("used by two MACs at once (a conflict, or forged)", list(_clashes(uses))),
        ("used by another MAC than their lease's", list(_taken(uses, who))),
        ("whose lease and neighbor entry contradict each other", list(_contradictions(uses, who))),
        ("that no lease or neighbor knows", strange),
    )
    why: dict[int, list[str]] = {}
    notes = []
    for what, cases in found:
        for case in cases:
            why.setdefault(case.device, []).append(case.sentence)
        if shorts := list(dict.fromkeys(case.short for case in cases)):
            more = f", and {len(shorts) - SHOWN:,} more" if len(shorts) > SHOWN else ""
            notes.append(
                f"{count(len(shorts), 'address', 'addresses')} {what}: {', '.join(shorts[:SHOWN])}{more}"
            )
    return Doubts(
        tuple(notes),
        {device: ". ".join(dict.fromkeys(told)) for device, told in why.items()},
        frozenset(case.device for case in strange) - answered,
    )


def _uses(flows: Flows, made: Devices) -> Iterator[_Use]:
    """Every address with the MAC and the device that it went by; `flows` is in order of time."""
    devices = len(made.who)
    keys = (flows.src.astype(np.int64) * len(flows.macs) + flows.mac) * devices + made.id
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    firsts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    for place, rows in zip((0, *firsts.tolist()), np.split(order, firsts), strict=True) if len(order) else ():
        pair, device = divmod(int(keys[place]), devices)
        address, mac = divmod(pair, len(flows.macs))
        seen = flows.macs[mac] if made.who[device].device.mac == flows.macs[mac] else ""  # else a router's
        first, last = flows.at[rows[0]] / 1e6, flows.at[rows[-1]] / 1e6
        answered = bool((flows.outcome[rows] == _ANSWERED).any())
        yield _Use(flows.addresses[address], seen, device, float(first), float(last), answered)


def _clashes(uses: Iterable[_Use]) -> Iterator[_Case]:
    """One address under two MACs whose times overlap."""
    shared: dict[Address, list[_Use]] = {}
    for use in uses:
        if use.mac:
            shared.setdefault(use.address, []).append(use)
    for address, same in shared.items():
        same.sort(key=lambda use: use.first)
        for one, two in pairwise(same):
            if two.first <= one.last:
                both = f"{one.mac} and {two.mac}"
                told = f"{address} was used by {both} at once (a conflict, or forged)"
                yield _Case(one.device, f"{address} by {both}", told)
                yield _Case(two.device, f"{address} by {both}", told)


def _taken(uses: Iterable[_Use], who: Who) -> Iterator[_Case]:
    """A MAC that used an address while another MAC had its lease."""
    for use in uses:
        if not use.mac:
            continue
        spans = [span for span in who.spans(use.address) if span.dated]
        holders = [span.mac for span in spans if span.start - SLACK <= use.first <= span.end + SLACK]
        if holders and use.mac not in holders:
            told = f"the lease of {use.address} was {holders[0]}'s then, and its holder is not meant"
            yield _Case(use.device, str(use.address), told)


def _contradictions(uses: Iterable[_Use], who: Who) -> Iterator[_Case]:
    """An address whose lease in force names another MAC than the neighbor table does."""
    for use in uses:
        spans = who.spans(use.address)
        neighbors = [span.mac for span in spans if not span.dated]
        leases = [span for span in spans if span.dated and span.start - SLACK <= use.last <= span.end + SLACK]
        if neighbors and leases and not {span.mac for span in leases} & set(neighbors):
            short = f"{use.address} ({leases[0].mac}, {neighbors[0]})"
            told = f"the leases give {use.address} to {leases[0].mac}, the neighbor table to {neighbors[0]}"
            yield _Case(use.device, short, told)


def _covers(span: Span, at: float) -> bool:
    """True when a source speaks for that moment; a lease of which only the end is told is not old."""
    start = span.end - LONGEST if span.dated and span.start == -inf else span.start
    return start - SLACK <= at <= span.end + SLACK


def _strangers(uses: Iterable[_Use], who: Who) -> Iterator[_Case]:
    """Addresses that no source knows, of networks that the sources know. A MAC would say whose it is."""
    networks: dict[int, list[Address]] = {}
    for address in who.addresses:
        networks.setdefault(net.prefix(address), []).append(address)
    for use in uses:
        others = networks.get(net.prefix(use.address), [])
        if use.mac or len(others) < COVERS or who.spans(use.address):
            continue
        near = sum(any(_covers(span, use.first) for span in who.spans(other)) for other in others)
        if near >= COVERS:
            told = f"no lease or neighbor knows {use.address}, though {near} others of its network are known"
            told += (
                "; it was answered, so somebody really has it"
                if use.answered
                else ": set by hand, or forged. Whose it is cannot be said"
            )
            yield _Case(use.device, str(use.address), told)
