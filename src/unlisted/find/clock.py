"""Where the clock that wrote a log was set back: said, and a date that a machine has without a clock mended.

A packet log is written as it happens, so its times only grow. A step back is the end of summer time in a log
of local times, a clock that was put right, or a machine that started without a clock of its own: it then
begins at a first of January, or in 1970 or 2000, until it has asked for the time.
"""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from unlisted.find.columns import Flows

STEP = 60_000_000  # microseconds; packets of several processors and hosts are out of order by seconds
DAY = 86_400_000_000
OFTEN = 0.05  # share of steps back: more are no clock, but a log that is not in order of time
UNSET = 1_104_537_600_000_000  # microseconds: 2005; what has not asked for the time begins in 1970 or 2000
# Microseconds that a restart is taken to last: nobody knows, and this is neither a burst nor a quiet time.
RESTART = 3_600_000_000
LAST = 253_402_300_799_000_000  # microseconds: the year 9999, the last that has a name here
SHOWN = 3  # steps of a file that are named


def steady(flows: Flows) -> tuple[Flows, list[str]]:
    """With times that begin again at a false date counted on from before; and what is to be said."""
    at, notes = flows.at.copy(), list[str]()
    order = np.lexsort((flows.line, flows.file))
    for rows in np.split(order, 1 + np.flatnonzero(np.diff(flows.file[order]))) if flows.size else ():
        number, times = flows.file[rows[0]], flows.at[rows]
        back = 1 + np.flatnonzero(np.diff(times) < -STEP)
        if not flows.packets[number] or not back.size or back.size > max(1, OFTEN * rows.size):
            continue
        said, lost = [], 0  # `lost`: where the last false date ends
        for place, following in pairwise([*back.tolist(), len(times)]):
            before, after = int(times[place - 1]), int(times[place])
            said.append(f"line {flows.line[rows[place]]:,}, from {_when(before)} to {_when(after)}")
            end = _until(times[:following], place)
            if (before - after > DAY or lost == place) and _false(before, after, int(times[end - 1])):
                at[rows[place:end]] += int(at[rows[place - 1]]) + RESTART - after
                lost = end
                said[-1] += f": no clock was set, so {end - place:,} attempts count as an hour after the last"
        times_ = "once" if back.size == 1 else f"{back.size:,} times"
        more = f"; and {back.size - SHOWN:,} more" if back.size > SHOWN else ""
        shown = "; ".join(said[:SHOWN]) + more
        notes.append(
            f"{flows.files[number]}: the clock was set back {times_}, or logs were put together ({shown}):"
            " attempts about then may have been farther apart than they seem"
        )
    return flows._replace(at=at), notes


def _false(before: int, after: int, end: int) -> bool:
    """True for a date that a machine without a clock begins at; no new year, no other month's log."""
    begin, last = _date(after), _date(before)
    first_day = (begin.month, begin.day) == (1, 1) and (last.month, last.day) < (12, 25)
    return after < UNSET or (first_day and end - after < DAY)


def _until(times: npt.NDArray[np.int64], place: int) -> int:
    """Where the clock was set again: a leap of more than a day forward."""
    leaps = np.flatnonzero(np.diff(times[place:]) > DAY)
    return place + 1 + int(leaps[0]) if leaps.size else len(times)


def _date(at: int) -> datetime:
    return datetime.fromtimestamp(min(at, LAST) / 1e6, UTC)


def _when(at: int) -> str:
    return f"{_date(at):%Y-%m-%d %H:%M:%S}Z"
