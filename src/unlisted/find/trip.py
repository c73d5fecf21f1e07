"""The trip: one kernel that says which device sends mail as a machine that spams does.

Each device has two scores, both Page's cumulative sum of log-likelihood ratios, and trips when either
reaches its threshold:

- **fast** (minutes). Every attempt counts: a first contact with a network by its port and by the time
  since the first contact before it, how it ended, and the device's age; a repeat speaks for honesty.
- **slow** (hours to days). Only first contacts count, at most one in `quiet`, and time itself speaks for
  honesty: the log-likelihood ratio of two Poisson processes, `log(l1 / l0)` for each event less
  `(l1 - l0)` times what passed. Mail that a person sends between them does not excuse a throttled bot.

Live traffic, old logs and a cluster run this same loop: `advance` takes any number of attempts and
returns the state from which the next call goes on, so a stream may be cut anywhere. Scores are
integers (thousandths of a nat), so every engine gives the same answer bit for bit. Numba compiles
the loop where it is installed and the call is large enough to pay for it.

Page, Biometrika 41 (1954); Jung et al., IEEE S&P 2004 (first contact); the numbers: data/trip.toml,
read by weights.py.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from unlisted.find.weights import HOUR, NATS, SECOND, SLOTS, Table, load

__all__ = [
    "GAPS",
    "NATS",
    "SCORES",
    "SLOTS",
    "Alarms",
    "Attempts",
    "Near",
    "State",
    "Table",
    "Trace",
    "advance",
    "highest",
    "load",
    "now",
    "trace",
]

Ints: TypeAlias = npt.NDArray[np.int64]
Small: TypeAlias = npt.NDArray[np.int8]
Column: TypeAlias = npt.NDArray[np.integer[Any]]

HALF = SLOTS // 2  # of a full memory this half is overwritten, oldest first
# Attempts in one call. Below, loading Numba (0.4 to 1.1 s with a warm cache) takes longer than the plain loop
# with its 0.7 million a second (benchmarks/trip_kernel.py); once it is loaded, small calls gain by it too.
COMPILE_FROM = 500_000
LOADED_FROM = 200
LAST = 1 << 60  # microseconds; later times, and those before 1970, are taken as the nearest that fits
HIGHEST = 1 << 40  # no score is higher, whatever the table
SCORES = ("", "fast", "slow", "fast and slow")  # by Alarms.which
GAPS = ("second", "minute", "hour", "longer", "first-ever")  # since the first contact before, by Trace.gap

_LONGEST = 10_000 * HOUR  # a longer time counts as this one: drift times time stays within 63 bits
_NEAR = 8  # places at the front that are not sorted by use any more


class Attempts(NamedTuple):
    """Outbound attempts as columns of equal length, in order of time within each device."""

    device: npt.NDArray[np.int32]  # dense id, 0..n-1
    at: Ints  # microseconds since 1970, UTC
    prefix: Ints  # net.prefix(destination)
    port: Small  # 0: 25, 1: 465, 2: 587
    outcome: Small  # 0 unknown, 1 answered, 2 refused, 3 silent
    age: Small  # 0 known device or unknown age, 1 new device


class Alarms(NamedTuple):
    """The attempts at which a device tripped, at most one per crossing."""

    device: Ints
    row: Ints  # in the attempts of this call
    attempt: Ints  # how many attempts the device had made by then, from its first
    score: Ints  # the one that crossed; of both, the fast one
    which: Ints  # into SCORES


class State(NamedTuple):
    """What is remembered per device, 320 bytes. `advance` uses it up; keep a `copy` to go back to."""

    fast: Column
    slow: Column
    fast_peak: Column
    slow_peak: Column
    last: Column  # time of the last first contact, microseconds; -1 before it
    counted: Column  # time of the last one that the slow score counted
    tries: Column  # attempts so far
    fresh: Column  # first contacts so far; exact until SLOTS overflow, an upper bound after
    seen: Column  # int32 (devices, SLOTS): 28 bits of a network's hash, 3 of ports; 0 is empty

    @classmethod
    def new(cls, devices: int) -> "State":
        """Nothing seen yet, for `devices` devices."""
        zero, never = np.zeros(devices, np.int64), np.full(devices, -1, np.int64)
        scores = (zero.copy(), zero.copy(), zero.copy(), zero.copy())
        return cls(*scores, never, never.copy(), zero, zero.copy(), np.zeros((devices, SLOTS), np.int32))

    def copy(self) -> "State":
        """The same, untouched by what is done to this one."""
        return State(*(column.copy() for column in self))

    def grown(self, devices: int) -> "State":
        """The same with room for `devices` devices."""
        more = State.new(max(0, devices - len(self.fast)))
        return State(*(np.concatenate(pair) for pair in zip(self, more, strict=True)))


class Near(NamedTuple):
    """Of a device's two scores the one that is nearer to its threshold."""

    which: str  # of SCORES
    score: int
    threshold: int

    @property
    def over(self) -> bool:
        """True when it trips."""
        return self.score >= self.threshold


def now(state: State, device: int, table: Table) -> Near:
    """How near to tripping the device is."""
    return _nearer(int(state.fast[device]), int(state.slow[device]), table)


def highest(state: State, device: int, table: Table) -> Near:
    """How near to tripping the device ever was."""
    return _nearer(int(state.fast_peak[device]), int(state.slow_peak[device]), table)


def _nearer(fast: int, slow: int, table: Table) -> Near:
    if slow * table.fast_threshold > fast * table.slow_threshold:
        return Near("slow", slow, table.slow_threshold)
    return Near("fast", fast, table.fast_threshold)


def advance(state: State, attempts: Attempts, table: Table) -> tuple[State, Alarms]:
    """Carry `state` over `attempts`, in place. Every device id must be below the state's size."""
    none = np.empty(0, np.int64)
    return state, _advance(state, attempts, table, (none, none, none))


class Trace(NamedTuple):
    """One device's attempts one by one, as the kernel took them."""

    fast: Ints  # after the attempt
    slow: Ints
    step_fast: Ints  # what it added, drift and floor and ceiling included
    step_slow: Ints
    first: npt.NDArray[np.bool_]  # a first contact with this network
    gap: Ints  # into GAPS; -1 for a repeat
    other: npt.NDArray[np.bool_]  # a repeat on a port that this network was not tried on before


def trace(attempts: Attempts, table: Table) -> Trace:
    """The scores of one device's attempts from its first, whatever their device ids say."""
    size = len(attempts.at)
    fast, slow, kind = (np.empty(size, np.int64) for _ in range(3))
    one = attempts._replace(device=np.zeros(size, np.int32))
    _advance(State.new(1), one, table, (fast, slow, kind))
    first = kind < len(GAPS)
    step_fast, step_slow = (np.diff(column, prepend=np.int64(0)) for column in (fast, slow))
    return Trace(fast, slow, step_fast, step_slow, first, np.where(first, kind, -1), kind > len(GAPS))


def _advance(state: State, attempts: Attempts, table: Table, told: tuple[Ints, Ints, Ints]) -> Alarms:
    size = len(attempts.at)
    columns = _checked(attempts, len(state.fast))
    alarms = tuple(np.empty(size, np.int64) for _ in range(4))
    given = (*state[:-1], state.seen.reshape(-1), *columns, *table, *alarms, *told)
    loop = _loop(size)
    if loop is _walk:  # reading a memoryview gives a plain int, several times as fast as NumPy's scalars
        found = loop(*(one.data if isinstance(one, np.ndarray) else one for one in given))
    else:
        found = loop(*given)
    row, attempt, score, which = (column[:found].copy() for column in alarms)
    return Alarms(attempts.device[row].astype(np.int64), row, attempt, score, which)


_KINDS = {  # of each column: its type, and how many values it may have
    "device": (np.int32, None),
    "at": (np.int64, None),
    "prefix": (np.int64, None),
    "port": (np.int8, 3),
    "outcome": (np.int8, 4),
    "age": (np.int8, 2),
}


def _checked(attempts: Attempts, devices: int) -> list[Column]:
    """The columns as the loop wants them. It indexes without looking: out of range is the caller's bug."""
    columns: list[Column] = []
    for name, (kind, values) in _KINDS.items():
        given: Column = getattr(attempts, name)
        if len(given) != len(attempts.at):
            raise ValueError(f"the column {name} has another length")
        size = devices if name == "device" else values
        if size is not None and len(given) and not 0 <= given.min() <= given.max() < size:
            raise ValueError(f"{name}: {given.min()} to {given.max()}, which must be within 0 to {size - 1}")
        columns.append(np.ascontiguousarray(given, kind))
    return columns


def _walk(
    fast: Ints, slow: Ints, fast_peak: Ints, slow_peak: Ints, last: Ints, counted: Ints,
    tries: Ints, fresh: Ints, seen: Ints,
    device: Ints, at: Ints, prefix: Ints, port: Small, outcome: Small, age: Small,
    by_gap: Ints, by_port: Ints, by_outcome: Ints, by_age: Ints, by_repeat: Ints,
    fast_drift: int, slow_drift: int, fast_threshold: int, slow_threshold: int, ceiling: int,
    usual: Ints, quiet: int,
    rows: Ints, attempts: Ints, scores: Ints, which: Ints,
    told_fast: Ints, told_slow: Ints, told_kind: Ints,
) -> int:  # fmt: skip
    """The loop itself, in the part of Python that Numba compiles. Writes into the state's columns."""
    found = 0
    telling = len(told_kind) > 0
    fast_ceiling, slow_ceiling = ceiling * fast_threshold, ceiling * slow_threshold
    for row in range(len(at)):
        who, to, door = device[row], prefix[row], port[row]
        low, high = to & 0xFFFFFFFF, to >> 32 & 0x7FFFFFFF
        mark = ((low * 0x7FEB352D ^ high * 0x6C8E9CF5) >> 24 & 0xFFFFFFF) << 3  # products below 2^63
        bit = 1 << door
        home = who * SLOTS
        kind = -1
        spot = home + HALF + fresh[who] % HALF  # all full: the back half takes turns
        for place in range(home, home + SLOTS):
            held = seen[place]
            if held & ~7 == mark and held:
                kind = 5 if held & bit else 6
                ahead = home + (place - home) // 2 if place - home >= _NEAR else place
                seen[place] = seen[ahead]  # what is used often moves to the front, and stays
                seen[ahead] = held | bit
                break
            if held == 0:
                spot = place
                break
        before_fast = after_fast = fast[who]
        before_slow = after_slow = slow[who]
        if kind >= 0:
            after_fast += by_repeat[kind - 5]
        else:
            seen[spot] = mark | bit
            now = min(max(at[row], 0), LAST)
            since = last[who]
            gap = abs(now - since)  # two sources, or a clock set back: no burst because of that
            if since < 0:
                kind = 4
            elif gap < SECOND:
                kind = 0
            elif gap < 60 * SECOND:
                kind = 1
            elif gap < HOUR:
                kind = 2
            else:
                kind = 3
            if since >= 0:
                after_fast = max(after_fast - min(max(now - since, 0), _LONGEST) * fast_drift // HOUR, 0)
            after_fast += by_gap[kind * 3 + door]
            after_fast += by_outcome[outcome[row] * 3 + door] + by_age[age[row]]
            since = counted[who]
            if since < 0 or abs(now - since) >= quiet:
                if since >= 0:
                    after_slow = max(after_slow - min(max(now - since, 0), _LONGEST) * slow_drift // HOUR, 0)
                after_slow += by_port[door + (3 if fresh[who] < usual[door] else 0)]
                after_slow = min(max(after_slow, 0), slow_ceiling)
                slow[who] = after_slow
                slow_peak[who] = max(slow_peak[who], after_slow)
                counted[who] = now
            last[who] = now
            fresh[who] += 1
        if after_fast < 0:
            after_fast = 0
        elif after_fast > fast_ceiling:
            after_fast = fast_ceiling
        if after_fast != before_fast:
            fast[who] = after_fast
            if after_fast > fast_peak[who]:
                fast_peak[who] = after_fast
        tries[who] += 1
        over = (1 if after_fast >= fast_threshold else 0) + (2 if after_slow >= slow_threshold else 0)
        if over and before_fast < fast_threshold and before_slow < slow_threshold:
            rows[found] = row
            attempts[found] = tries[who]
            scores[found] = after_fast if over & 1 else after_slow
            which[found] = over
            found += 1
        if telling:
            told_fast[row], told_slow[row], told_kind[row] = after_fast, after_slow, kind
    return found


def _loop(size: int) -> Callable[..., int]:
    """The loop: compiled when there is enough to do and Numba is installed, else as it stands."""
    loaded = _compiled.cache_info().currsize
    return _compiled() if size >= (LOADED_FROM if loaded else COMPILE_FROM) else _walk


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., int]:
    try:
        from numba import njit
    except ImportError:
        return _walk
    try:
        compiled: Callable[..., int] = njit(cache=True, nogil=True)(_walk)
    except RuntimeError:  # no folder that can be written: compiled anew each time
        compiled = njit(nogil=True)(_walk)
    return compiled
