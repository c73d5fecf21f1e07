"""A sender by trade against its own past: what a mail server did in an hour, and what it did before.

A mail server contacts thousands of destinations by design, so no fixed limit fits all of them. Its own
hours do: the attempts are counted by the hour from its first, and an hour stands out when it brings so
many times more networks contacted for the first time, or more attempts, than the busiest hours before it
did. "Busiest" is a quantile: one odd hour of the past (a newsletter, a backlog) does not hide the next.
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
DAY = 24  # hours
WINDOW = 90 * DAY  # hours: the past that counts
SETTLED = 3 * DAY  # hours; with more, the first day is no measure: to a log that begins, everybody is new


class Hour(NamedTuple):
    """An hour that stands out, beside the hours before it."""

    start: int  # microseconds
    row: int  # of the device's rows: where it passed the limit
    by_new: bool  # the new networks passed the limit, else the volume
    new: int  # networks contacted for the first time
    usual_new: int  # the same in the busiest hours before
    volume: int  # attempts that count
    usual_volume: int
    failed: float  # share of the first contacts known to have failed
    usual_failed: float
    hours: int  # of past


class _Before:
    """One measure in the hours of the window, the empty ones too."""

    def __init__(self, busiest: float) -> None:
        self._busiest = busiest
        self._hours: deque[tuple[int, int]] = deque()
        self._sorted: list[int] = []

    def usual(self, now: int, begin: int) -> int:
        """What the measure reached in the busiest hours from `begin` until `now`."""
        while self._hours and self._hours[0][0] < max(begin, now - WINDOW):
            _, gone = self._hours.popleft()
            del self._sorted[bisect_left(self._sorted, gone)]
        hours = min(now - begin, WINDOW)
        above = int((1 - self._busiest) * hours + 1e-9)  # hours that may have been busier still
        return self._sorted[-1 - above] if above < len(self._sorted) else 0

    def add(self, hour: int, count: int) -> None:
        """What the hour brought."""
        self._hours.append((hour, count))
        insort(self._sorted, count)


def departure(
    at: npt.NDArray[np.int64], fresh: Bools, failed: Bools, counts: Bools, past: Past
) -> Hour | None:
    """The first hour that stands out; all in order of time, `at` in microseconds. `counts`: it is volume."""
    hour = (at - at[0]) // HOUR
    starts = np.flatnonzero(np.r_[True, np.diff(hour) != 0])
    ends = np.r_[starts[1:], len(hour)]
    new, good, bad = (np.r_[0, np.cumsum(mark)] for mark in (fresh, counts, fresh & failed))
    news, goods = _Before(past.busiest), _Before(past.busiest)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        now, first, volume = int(hour[start]), int(new[end] - new[start]), int(good[end] - good[start])
        begin = DAY if now > SETTLED else 0
        usual, most = news.usual(now, begin), goods.usual(now, begin)
        if now >= past.days * DAY:
            limit = max(past.least, past.times * max(1, usual))
            full = max(past.least * past.times, 2 * past.times * max(1, most))
            over = first >= limit
            if over or volume >= full:
                counted, before = (fresh, limit) if over else (counts, full)
                row = start + int(np.searchsorted(np.cumsum(counted[start:end]), before))
                return Hour(
                    int(at[0]) + now * HOUR, row, over, first, usual, volume, most,
                    (bad[end] - bad[start]) / max(1, first), bad[start] / max(1, new[start]), now,
                )  # fmt: skip
        news.add(now, first)
        goods.add(now, volume)
    return None
