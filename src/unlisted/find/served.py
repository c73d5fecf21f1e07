"""Which device is our own mail server: its attempts in the gateway's log are the deliveries of its own log.

Who sends spam sends it to the same large providers: each delivery accounts for one attempt, and the one
device for which they account best is the server.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.find.columns import ACTIONS, Flows
from unlisted.find.submitted import Submitted
from unlisted.messages import Delivery
from unlisted.net import Address

MATCH = 120  # seconds between an attempt and the delivery it belongs to: slow servers, two clocks
# Seconds; the zones of the world are quarters of an hour apart.
ZONES = np.array([zone for zone in range(-14 * 3600, 14 * 3600 + 1, 900) if zone], np.int64)
FEWEST = 5  # attempts and destinations; fewer fit some zone by chance
SKEWED = 500  # attempts by which the zone is sought
CLOCKS = 20  # devices by which it is sought, those with the most attempts
_STOPPED = [ACTIONS.index("block"), ACTIONS.index("held")]

Rows = npt.NDArray[np.int64]


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
    """What our own mail server handed to whom and when."""

    def __init__(self) -> None:
        self._at: dict[Address, list[int]] = {}
        self.submitted = Submitted()  # for whom

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
