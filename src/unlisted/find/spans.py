"""Who had one address when, from the starts and ends that leases tell, in any order.

Somebody has an address from the start of a lease until that lease ends, the MAC gives it back, or another
MAC takes it. An end that comes without its start (a lease file, a release) says that its MAC had the
address since the last start of anybody. Where two remain, both had it.

Kept is what is needed: renewals of one MAC make one span once there are many, and of more than `MOST`
words the oldest are forgotten. Nobody is named for the time before `since`, which is then unknown.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import groupby
from math import inf
from typing import NamedTuple

from unlisted.messages import Lease

# Starts and ends kept of one address: three changes of its holder a day for a year. Whoever can talk to the
# DHCP server can make any number of them.
MOST = 1000


class Span(NamedTuple):
    """One MAC had the address from `start` to `end` (Unix seconds; infinite: unknown)."""

    start: float
    end: float
    mac: str
    dated: bool  # some source gave it a time


class Past:
    """What was told of one address."""

    __slots__ = ("_ends", "_macs", "_most", "_spans", "_starts", "_undated", "forgotten", "since")

    def __init__(self, most: float = 0) -> None:
        self._most = most or MOST
        self.since = -inf  # what was before is forgotten
        self.forgotten = 0  # starts and ends
        self._macs: set[str] = set()
        self._starts: dict[tuple[float, str], float] = {}  # start and MAC: the end that the same lease told
        self._ends: set[tuple[float, str]] = set()  # ends whose start nobody told
        self._undated: dict[str, None] = {}
        self._spans: tuple[Span, ...] | None = None

    def __len__(self) -> int:
        return len(self._starts) + len(self._ends)

    def add(self, lease: Lease) -> Iterable[str]:
        """One more lease of this address; the MACs of which nothing is known here (any more)."""
        start, end, mac = lease.start, lease.end, lease.mac
        latest = max(-inf if start is None else start, -inf if end is None else end)
        undated = start is None and end is None
        full = len(self._undated) >= self._most and mac not in self._undated
        if full if undated else latest < self.since:
            self.forgotten += 1
            return () if mac in self._macs else (mac,)
        self._spans = None
        self._macs.add(mac)
        if undated:
            self._undated[mac] = None
        if start is not None:
            start = max(start, self.since)
            own = end if end is not None and end >= start else inf
            self._starts[start, mac] = min(own, self._starts.get((start, mac), inf))
        if end is not None and (start is None or end < start):  # or the end of a lease before
            self._ends.add((end, mac))
        return self._shorten() if len(self) > self._most else ()

    def spans(self) -> tuple[Span, ...]:
        """Who had it when, in order of time; those of one MAC do not overlap."""
        if self._spans is None:
            undated = (Span(-inf, inf, mac, dated=False) for mac in self._undated)
            self._spans = (*_joined([*self._from_starts(), *self._from_ends()]), *undated)
        return self._spans

    # ---- by the definition ----

    def _given_back(self) -> dict[str, list[float]]:
        """The ends of each MAC in order."""
        ends: dict[str, list[float]] = {}
        for end, mac in sorted(self._ends):
            ends.setdefault(mac, []).append(end)
        return ends

    def _own(self) -> list[tuple[float, str, float]]:
        """The starts in order, each with its end if nobody else had taken the address."""
        given_back = self._given_back()
        own = []
        for (start, mac), end in sorted(self._starts.items()):
            mine = given_back.get(mac, [])
            place = bisect_left(mine, start)
            own.append((start, mac, min(end, mine[place] if place < len(mine) else inf)))
        return own

    def _from_starts(self) -> list[Span]:
        taken = _taken(sorted(self._starts))
        return [Span(start, min(end, taken[start, mac]), mac, dated=True) for start, mac, end in self._own()]

    def _from_ends(self) -> list[Span]:
        moments = sorted(start for start, _ in self._starts)
        spans = []
        for end, mac in self._ends:
            place = bisect_right(moments, end)
            spans.append(Span(moments[place - 1] if place else self.since, end, mac, dated=True))
        return spans

    # ---- keeping it short ----

    def _shorten(self) -> Iterable[str]:
        """Leave out what changes nothing by what is known now; then forget the oldest, if need be."""
        while len(self) > MOST // 2:
            spare = self._spare()
            if not spare:
                return self._forget()
            # Every other one: should another log yet tell of a time between, its neighbors still bound it.
            for at, mac, is_start in spare[::2]:
                if is_start:
                    del self._starts[at, mac]
                else:
                    self._ends.discard((at, mac))
        return ()

    def _spare(self) -> list[tuple[float, str, bool]]:
        """Words without which the spans are the same: renewals, in order of time. True for a start.

        What they told is first put into the starts that stay.
        """
        own = self._own()
        moments = [start for start, _, _ in own]
        holders = {start: mac for start, mac, _ in own}
        until = {(start, mac): end for start, mac, end in own}
        spare: list[tuple[float, str, bool]] = []
        needed = set()  # starts from which another MAC's end reaches on
        for mac, ends in self._given_back().items():
            for end, following in zip(ends, [*ends[1:], None], strict=True):
                place = bisect_right(moments, end)
                last = moments[place - 1] if place else -inf
                if holders.get(last, mac) != mac:
                    needed.add(last)
                renewed = following is not None and bisect_right(moments, following) == place
                told = until.get((last, mac), -inf) >= end and end <= moments[-1]
                if renewed or told:
                    spare.append((end, mac, False))
        for run in _runs(own):
            end = max(one[2] for one in run)
            self._starts.update({(start, mac): end for start, mac, _ in run})
            spare += [(start, mac, True) for start, mac, _ in run[1:-1] if start not in needed]
        return sorted(spare)

    def _forget(self) -> Iterable[str]:
        """Keep the newer half. Who had the address at that moment has it from there on."""
        before = len(self)
        times = sorted(at for at, _ in (*self._starts, *self._ends))
        since = times[-(MOST // 2)]
        had = [(one.start, one.mac) for one in self._from_starts() if one.start >= since or one.end > since]
        words = [(max(start, since), mac, self._starts[start, mac]) for start, mac in had]
        words += [(at, mac, -inf) for at, mac in self._ends if at >= since]
        words = sorted(words)[-(MOST * 3 // 4) :]  # all may be of one moment
        self.since, self._starts = since, {}
        for at, mac, end in words:
            if end >= at:
                self._starts[at, mac] = max(end, self._starts.get((at, mac), -inf))
        self._ends = {(at, mac) for at, mac, end in words if end < at}
        self.forgotten += before - len(self)
        known = {mac for _, mac in (*self._starts, *self._ends)} | set(self._undated)
        gone, self._macs = self._macs - known, known
        return gone


def _runs(own: Iterable[tuple[float, str, float]]) -> list[list[tuple[float, str, float]]]:
    """Starts of one MAC that follow each other with nobody between, each before the end of those before."""
    runs: list[list[tuple[float, str, float]]] = []
    end, alone = -inf, False
    for start, together in groupby(own, key=lambda one: one[0]):
        same = list(together)
        if len(same) == 1 and alone and runs[-1][-1][1] == same[0][1] and start <= end:
            runs[-1] += same
            end = max(end, same[0][2])
        else:
            runs += [[one] for one in same]
            end = same[-1][2]
        alone = len(same) == 1
    return runs


def _joined(spans: Iterable[Span]) -> list[Span]:
    """One span where several of one MAC touch."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.mac, one.start)):
        if found and found[-1].mac == span.mac and span.start <= found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return sorted(found)


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
