"""Attempts of many devices, one device after the other, each in the order in which a log would hold them."""

import zlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted.find.trip import Attempts

START = 1_767_571_200_000_000  # Monday 2026-01-05 00:00 UTC, microseconds
SECOND, MINUTE, HOUR, DAY = 1e6, 60e6, 3600e6, 86_400e6
UNKNOWN, ANSWERED, REFUSED, SILENT = range(4)
PORT_25, PORT_465, PORT_587 = range(3)

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Random = np.random.Generator


class Trace(NamedTuple):
    """What one seed of one generator gives."""

    attempts: Attempts  # device by device
    rogue: Bools  # per attempt: it is spam
    devices: int
    days: float  # watched per device


def randomness(name: str, seed: int) -> Random:
    """The same numbers for the same generator and seed, whatever else was generated before."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def columns(
    device: npt.ArrayLike,
    at: npt.ArrayLike,
    prefix: npt.ArrayLike,
    port: npt.ArrayLike,
    outcome: npt.ArrayLike,
    age: npt.ArrayLike = 0,
) -> Attempts:
    """Columns from what broadcasts to them; times in microseconds since `START`."""
    shape = np.broadcast_shapes(*(np.shape(one) for one in (device, at, prefix, port, outcome, age)))

    def column(values: npt.ArrayLike, kind: type) -> npt.NDArray[Any]:
        return np.broadcast_to(np.asarray(values), shape).astype(kind).reshape(-1)

    return Attempts(
        column(device, np.int32),
        column(at, np.int64) + START,
        column(prefix, np.int64),
        column(port, np.int8),
        column(outcome, np.int8),
        column(age, np.int8),
    )


def rows(attempts: Attempts, keep: Numbers | Bools) -> Attempts:
    """Some of the rows, in that order."""
    return Attempts._make(column[keep] for column in attempts)


def stacked(*parts: Attempts) -> Attempts:
    """Rows under rows."""
    return Attempts._make(np.concatenate(pair) for pair in zip(*parts, strict=True))


def joined(*parts: Attempts) -> Attempts:
    """Several generators' attempts as one, device by device in order of time."""
    both = stacked(*parts)
    return rows(both, np.lexsort((both.at, both.device)))


def thinned(trace: Trace, share: float, rng: Random) -> Trace:
    """Each attempt kept with the chance `share`."""
    keep = rng.random(len(trace.attempts.at)) < share
    return trace._replace(attempts=rows(trace.attempts, keep), rogue=trace.rogue[keep])


def beside(bot: Trace, honest: Trace, begins: float) -> Trace:
    """A device that someone works on and that a bot shares from `begins` (microseconds) on."""
    late = bot.attempts._replace(at=bot.attempts.at + int(begins))
    both = stacked(late, honest.attempts)
    order = np.lexsort((both.at, both.device))
    rogue = np.concatenate([bot.rogue, honest.rogue])[order]
    return Trace(rows(both, order), rogue, max(bot.devices, honest.devices), honest.days)


def poisson(rng: Random, per_day: Floats, days: float, hours: float = 24.0) -> tuple[Numbers, Numbers]:
    """Devices and times of Poisson events, `per_day` for each device, in the first `hours` from 8 o'clock on.

    In order: the gaps of N events are N + 1 exponentials over their sum.
    """
    counts = rng.poisson(per_day * days)
    gaps = rng.exponential(size=int((counts + 1).sum()))
    total = np.cumsum(gaps)
    ends = np.cumsum(counts + 1)
    before = np.concatenate([[0.0], total[ends[:-1] - 1]])
    device = np.repeat(np.arange(len(counts)), counts + 1)
    share = (total - before[device]) / (total[ends - 1] - before)[device]
    inner = np.ones(len(gaps), np.bool_)
    inner[ends - 1] = False
    active = share[inner] * days * hours * HOUR
    day, within = np.divmod(active, hours * HOUR)
    at = day * DAY + within + (8 * HOUR if hours < 24 else 0)
    return device[inner], at.astype(np.int64)


def zipf(rng: Random, exponent: float, size: int, shape: int | tuple[int, ...]) -> Numbers:
    """Ranks 0..size-1, the k-th with a weight of 1 / k**exponent."""
    weights = np.cumsum(1 / np.arange(1, size + 1) ** exponent)
    return np.searchsorted(weights / weights[-1], rng.random(shape)).astype(np.int64)


def contacted(rng: Random, new: Bools, recent: int = 0) -> Numbers:
    """Destinations 0, 1, 2… per row of `new`; where it is false, one that the row had before.

    Half of those are among the last `recent`, the others any.
    """
    known = np.cumsum(new, axis=1)
    before = np.maximum(known, 1)
    reach = before
    if recent:
        reach = np.where(rng.random(new.shape) < 0.5, np.minimum(before, recent), before)
    back = (rng.random(new.shape) * reach).astype(np.int64)
    return np.where(new, known - 1, before - 1 - back)
