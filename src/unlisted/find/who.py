"""Who had an address at a moment: leases and neighbor tables as intervals, joined and never guessed.

A lease with a start and none to end it holds until another MAC takes the address. A lease file tells
only ends: its lease began after the last known start of another MAC. A neighbor table tells neither and
counts only where no dated lease does. Where two MACs remain, both are candidates and neither is named.
"""

from bisect import bisect_left
from collections.abc import Callable
from itertools import groupby
from math import inf
from typing import NamedTuple

from unlisted.messages import Device, Lease
from unlisted.net import Address

SLACK = 5.0  # seconds by which a lease may seem to start after the first packet: two logs, two clocks


class Span(NamedTuple):
    """One MAC had the address from `start` to `end` (Unix seconds; infinite: unknown)."""

    start: float
    end: float
    mac: str
    dated: bool  # some source gave it a time


class Identity(NamedTuple):
    """A device, how it was joined, and who else it could be."""

    device: Device
    candidates: tuple[Device, ...]  # empty when it is unique
    via: str  # "MAC in the log", "lease", "neighbor table", "address only", "several leases"


class Who:
    """Everything known of who was here. `vendor` names the maker of a MAC."""

    def __init__(self, vendor: Callable[[str], str] = lambda _mac: "") -> None:
        self._vendor = vendor
        self._by_address: dict[Address, list[Lease]] = {}
        self._by_mac: dict[str, list[Lease]] = {}
        self._spans: dict[Address, tuple[Span, ...]] = {}

    def __len__(self) -> int:
        return len(self._by_mac)

    def add(self, lease: Lease) -> None:
        """One more fact; order does not matter."""
        if not lease.mac:
            return
        self._by_address.setdefault(lease.address, []).append(lease)
        self._by_mac.setdefault(lease.mac, []).append(lease)
        self._spans.pop(lease.address, None)

    def macs(self, inside: Callable[[Address], bool]) -> set[str]:
        """Every MAC that had an address inside."""
        return {one.mac for leases in self._by_mac.values() for one in leases if inside(one.address)}

    def moves(self, address: Address) -> bool:
        """True when more than one MAC is known to have had the address."""
        return len({span.mac for span in self.spans(address)}) > 1

    def spans(self, address: Address) -> tuple[Span, ...]:
        """Who had the address when."""
        if address not in self._spans:
            self._spans[address] = _spans(self._by_address.get(address, []))
        return self._spans[address]

    def device(self, address: Address, at: float, mac: str = "") -> Device:
        """The device alone; where several fit, it is known by its address only."""
        return self.identify(address, at, mac).device

    def identify(self, address: Address, at: float, mac: str = "") -> Identity:
        """Who had `address` at `at`; a MAC seen on the wire settles it."""
        if mac:
            return Identity(self._describe(address, mac), (), "MAC in the log")
        spans = [s for s in self.spans(address) if s.start - SLACK <= at <= s.end + SLACK]
        dated = [s for s in spans if s.dated]
        spans = dated or spans
        macs = list(dict.fromkeys(span.mac for span in spans))
        if len(macs) == 1:
            return Identity(self._describe(address, macs[0]), (), "lease" if dated else "neighbor table")
        if not macs:
            return Identity(Device(address=address), (), "address only")
        candidates = tuple(self._describe(address, one) for one in macs)
        return Identity(Device(address=address), candidates, "several leases")

    def _describe(self, address: Address, mac: str) -> Device:
        leases = self._by_mac.get(mac, [])
        named = [one for one in leases if one.hostname]
        latest = max(named, key=lambda one: one.start or one.end or 0.0, default=None)
        return Device(
            address=address,
            mac=mac,
            vendor=self._vendor(mac),
            hostname=latest.hostname if latest else "",
            first_seen=min((one.start for one in leases if one.start is not None), default=None),
        )


class _Nearest:
    """The nearest of the moments told so far, and the nearest of another MAC than that one's."""

    def __init__(self, none: float) -> None:
        self._first, self._second = (none, ""), (none, "")

    def tell(self, at: float, mac: str) -> None:
        """One more moment, at least as near as all before."""
        if mac != self._first[1]:
            self._second = self._first
        self._first = (at, mac)

    def other(self, mac: str) -> float:
        """The nearest moment of a MAC other than this one."""
        return self._second[0] if self._first[1] == mac else self._first[0]


def _spans(leases: list[Lease]) -> tuple[Span, ...]:
    """The intervals that leases and releases of one address make; in n log n, for a DHCP log can be long."""
    starts = sorted({(one.start, one.mac) for one in leases if one.start is not None})
    ends = sorted({(one.end, one.mac) for one in leases if one.end is not None})
    last: dict[str, list[float]] = {}
    for end, mac in ends:
        last.setdefault(mac, []).append(end)
    taken = _taken(starts)
    found = []
    for start, mac in starts:
        mine = last.get(mac, [])
        place = bisect_left(mine, start)
        ended = mine[place] if place < len(mine) else inf
        found.append(Span(start, min(taken[start, mac], ended), mac, dated=True))
    began: dict[str, float] = {}
    for start, mac in starts:
        began.setdefault(mac, start)
    before, upto = _Nearest(-inf), 0
    for end, mac in ends:
        while upto < len(starts) and starts[upto][0] <= end:
            before.tell(*starts[upto])
            upto += 1
        if began.get(mac, inf) > end:
            found.append(Span(before.other(mac), end, mac, dated=True))
    found += [
        Span(-inf, inf, mac, dated=False)
        for mac in dict.fromkeys(one.mac for one in leases if one.start is None and one.end is None)
    ]
    return tuple(found)


def _taken(starts: list[tuple[float, str]]) -> dict[tuple[float, str], float]:
    """For each start the first later one of another MAC."""
    taken: dict[tuple[float, str], float] = {}
    after = _Nearest(inf)
    for _, together in groupby(reversed(starts), key=lambda one: one[0]):
        same = list(together)
        for start, mac in same:
            taken[start, mac] = after.other(mac)
        for start, mac in same:
            after.tell(start, mac)
    return taken
