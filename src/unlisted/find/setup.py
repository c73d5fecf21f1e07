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
MINUTE = 60_000_000  # microseconds
DAY = 1440 * MINUTE


class Rest(NamedTuple):
    """What remains of a device without its set-ups."""

    near: trip.Near
    crossed: bool
    networks: int
    over: bool  # the log goes on long enough after the last of them to tell that it was one


def rest(attempts: trip.Attempts, targets: npt.NDArray[np.int32], end: int, what: Episode) -> Rest | None:
    """One device's attempts without its set-ups; None where it has none, or too much of the kind.

    `attempts` are its own, in order of time; `targets` their addresses; the log ends at `end`.
    """
    tried = list(_tried(attempts, targets, what))
    if not tried or not _content(np.sort(attempts.at[[rows[0] for rows in tried]]), what):
        return None
    left = np.ones(len(attempts.at), np.bool_)
    left[np.concatenate(tried)] = False
    table = trip.load()
    kept = trip.Attempts._make(column[left] for column in attempts)._replace(
        device=np.zeros(int(left.sum()), np.int32)
    )
    state, alarms = trip.advance(trip.State.new(1), kept, table)
    last = max(int(attempts.at[rows[0]]) for rows in tried)
    return Rest(
        near=trip.highest(state, 0, table),
        crossed=len(alarms.row) > 0,
        networks=int(np.unique(kept.prefix).size),
        over=end - last >= what.quiet * MINUTE,
    )


def _tried(attempts: trip.Attempts, targets: npt.NDArray[np.int32], what: Episode) -> Iterator[Rows]:
    """Of each network of which one address was tried on several ports at first: the rows of that."""
    order = np.argsort(attempts.prefix, kind="stable")
    bounds = np.flatnonzero(np.diff(attempts.prefix[order])) + 1
    for rows in np.split(order, bounds):
        first = rows[attempts.at[rows] - attempts.at[rows[0]] <= what.minutes * MINUTE]
        doors = {(int(targets[row]), int(attempts.port[row])) for row in first[:_MOST]}
        if len(doors) > len({target for target, _ in doors}):
            yield first


_MOST = 1000  # attempts at one network; whoever makes more within minutes is no mail program


def _content(at: npt.NDArray[np.int64], what: Episode) -> bool:
    """True when each run of them is short and small, and no day has many."""
    ends = np.searchsorted(at, at + DAY)
    runs = np.split(at, np.flatnonzero(np.diff(at) >= what.quiet * MINUTE) + 1)
    return int((ends - np.arange(len(at))).max()) <= what.daily and all(
        len(run) <= what.networks and run[-1] - run[0] <= what.span * MINUTE for run in runs
    )
