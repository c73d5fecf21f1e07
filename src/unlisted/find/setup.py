"""Account set-up: a mail program knocks at the usual doors of a new account's servers, and then is content.

It explains some attempts and no device: what a device does besides is judged as if these had not been made.
The sign is one server tried on several of the ports within minutes; a bot knows, or does not care, which
door is open. That it stops is the other half: who goes on to further servers like that is no set-up.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted.find import trip
from unlisted.find.roles import Episode

Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_MOST = 1000  # attempts at one network; whoever makes more within minutes is no mail program
MINUTE = 60_000_000  # microseconds
DAY = 1440 * MINUTE


class Rest(NamedTuple):
    """What remains of a device without some of its attempts."""

    near: trip.Near
    crossed: int | None  # the first attempt, of all, at which what remains trips
    networks: int


class Explained(NamedTuple):
    """A device without its set-ups."""

    settled: Rest  # without those after which the log goes on long enough to tell that they were some
    all: Rest  # without the last one either, of which this cannot be told yet; mostly the same


def explained(
    attempts: trip.Attempts, targets: npt.NDArray[np.int32], end: int, what: Episode
) -> Explained | None:
    """One device's attempts without its set-ups; None where it has none, or too much of the kind.

    `attempts` are its own, in order of time; `targets` their addresses; the log ends at `end`.
    """
    tried = sorted(_tried(attempts, targets, what), key=lambda rows: int(rows[0]))
    at = attempts.at[[int(rows[0]) for rows in tried]]
    if not tried or not _content(at, what):
        return None
    runs = np.split(np.arange(len(at)), np.flatnonzero(np.diff(at) >= what.quiet * MINUTE) + 1)
    over = len(at) if end - at[-1] >= what.quiet * MINUTE else int(runs[-1][0])
    settled = _without(attempts, tried[:over])
    return Explained(settled, settled if over == len(at) else _without(attempts, tried))


def _without(attempts: trip.Attempts, tried: list[Rows]) -> Rest:
    left = np.ones(len(attempts.at), np.bool_)
    for rows in tried:
        left[rows] = False
    kept = trip.Attempts._make(column[left] for column in attempts)
    kept = kept._replace(device=np.zeros(len(kept.at), np.int32))
    table = trip.load()
    state, alarms = trip.advance(trip.State.new(1), kept, table)
    crossed = int(np.flatnonzero(left)[alarms.row[0]]) if len(alarms.row) else None
    return Rest(trip.highest(state, 0, table), crossed, int(np.unique(kept.prefix).size))


def _tried(attempts: trip.Attempts, targets: npt.NDArray[np.int32], what: Episode) -> Iterator[Rows]:
    """Of each network of which one address was tried on several ports at first: the rows of that."""
    order = np.argsort(attempts.prefix, kind="stable")
    bounds = np.flatnonzero(np.diff(attempts.prefix[order])) + 1
    for rows in np.split(order, bounds):
        first = rows[attempts.at[rows] - attempts.at[rows[0]] <= what.minutes * MINUTE]
        doors = {(int(targets[row]), int(attempts.port[row])) for row in first[:_MOST]}
        if len(doors) > len({target for target, _ in doors}):
            yield first


def _content(at: npt.NDArray[np.int64], what: Episode) -> bool:
    """True when each run of them is short and small, and no day has many."""
    ends = np.searchsorted(at, at + DAY)
    runs = np.split(at, np.flatnonzero(np.diff(at) >= what.quiet * MINUTE) + 1)
    return int((ends - np.arange(len(at))).max()) <= what.daily and all(
        len(run) <= what.networks and run[-1] - run[0] <= what.span * MINUTE for run in runs
    )
