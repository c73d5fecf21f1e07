"""A sender by trade against its own past: what a mail server did in an hour or a day, and what before.

A mail server contacts thousands of destinations by design, so no fixed limit fits all of them. Its own
past does: the attempts are counted by the hour and by the day from its first, and one stands out when it
brings so many times more networks contacted for the first time, or more attempts, than the busiest before
it did. "Busiest" is a quantile: one odd hour of the past (a newsletter, a backlog) does not hide the next.
The day shows what is too slow for the hour.
Failures alone accuse nobody, for an outage of our own line fails everything: they are told beside it, and
attempts known to have failed do not count as volume, which retries would raise. Of who has one relay, where
new networks tell nothing, only what was answered counts: a client that is stuck is not accused.

Compared is only with what was before: who begins to send spam has an honest past, and afterward the
spam would be part of the usual. What was bad from the first hour on cannot be seen in this way.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted.find.roles import Past

Bools = npt.NDArray[np.bool_]

HOUR = 3600 * 1_000_000  # microseconds
DAY = 24 * HOUR
WINDOW = 90 * DAY  # the past that counts
SETTLED = 3 * DAY  # with more, the first day is no measure: to a log that begins, everybody is new
WEEK = 7  # days before a day can be compared, for weeks repeat


class Stretch(NamedTuple):
    """An hour or a day that stands out, beside those before it."""

    start: int  # microseconds
    unit: int  # HOUR or DAY
    row: int  # of the device's rows: where it passed the limit
    by_new: bool  # the new networks passed the limit, else the volume
    new: int  # networks contacted for the first time
    usual_new: int  # the same in the busiest stretches before
    volume: int  # attempts that count
    usual_volume: int
    failed: float  # share of the first contacts known to have failed
    usual_failed: float
    before: int  # microseconds of past


class _Before:
    """One measure in the stretches of the window, the empty ones too."""

    def __init__(self, busiest: float, window: int) -> None:
        self._busiest, self._window = busiest, window
        self._kept: deque[tuple[int, int]] = deque()
        self._sorted: list[int] = []

    def usual(self, now: int, begin: int) -> int:
        """What the measure reached in the busiest stretches from `begin` until `now`."""
        while self._kept and self._kept[0][0] < max(begin, now - self._window):
            _, gone = self._kept.popleft()
            del self._sorted[bisect_left(self._sorted, gone)]
        size = min(now - begin, self._window)
        above = int((1 - self._busiest) * size + 1e-9)  # stretches that may have been busier still
        return self._sorted[-1 - above] if above < len(self._sorted) else 0

    def add(self, at: int, count: int) -> None:
        """What the stretch brought."""
        self._kept.append((at, count))
        insort(self._sorted, count)


def departure(
    at: npt.NDArray[np.int64], fresh: Bools, failed: Bools, counts: Bools, past: Past
) -> Stretch | None:
    """What stands out first; all in order of time, `at` in microseconds. `counts`: it is volume."""
    found = (_first(at, (fresh, failed, counts), past, unit) for unit in (HOUR, DAY))
    return min((one for one in found if one is not None), key=lambda one: one.row, default=None)


def _first(
    at: npt.NDArray[np.int64], marks: tuple[Bools, Bools, Bools], past: Past, unit: int
) -> Stretch | None:
    """The first stretch of this length that stands out."""
    fresh, failed, counts = marks
    number = (at - at[0]) // unit
    starts = np.flatnonzero(np.r_[True, np.diff(number) != 0])
    new, good, bad = (np.r_[0, np.cumsum(mark)] for mark in (fresh, counts, fresh & failed))
    news, goods = (_Before(past.busiest, WINDOW // unit) for _ in range(2))
    wanted = max(past.days, WEEK if unit == DAY else 0) * DAY
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(at)], strict=True):
        now, first, volume = int(number[start]), int(new[end] - new[start]), int(good[end] - good[start])
        begin = DAY // unit if now * unit > SETTLED else 0
        usual, most = news.usual(now, begin), goods.usual(now, begin)
        if now * unit >= wanted:
            limit = max(past.least, past.times * max(1, usual))
            full = max(past.least * past.times, 2 * past.times * max(1, most))
            over = first >= limit
            if over or volume >= full:
                counted, before = (fresh, limit) if over else (counts, full)
                row = start + int(np.searchsorted(np.cumsum(counted[start:end]), before))
                return Stretch(
                    int(at[0]) + now * unit, unit, row, over, first, usual, volume, most,
                    (bad[end] - bad[start]) / max(1, first), bad[start] / max(1, new[start]), now * unit,
                )  # fmt: skip
        news.add(now, first)
        goods.add(now, volume)
    return None
