"""The trip: one kernel that says which device sends mail as a machine that spams does.

For each attempt a log-likelihood ratio from {first contact with this prefix?, port, gap since the
device's last attempt, how a first contact ended, is the device new}; the score of a device is Page's
cumulative sum, `S = max(0, S + llr)`, and it trips when S reaches the threshold.

Live traffic, old logs and a cluster run this same loop: `advance` takes any number of attempts and
returns the state from which the next call goes on, so a stream may be cut anywhere. Scores are
integers (thousandths of a nat), so every engine gives the same answer bit for bit. Numba compiles
the loop where it is installed and the call is large enough to pay for it.

Page, Biometrika 41 (1954); Jung et al., IEEE S&P 2004 (first contact); the numbers: data/trip.toml.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from unlisted import catalogue

Ints: TypeAlias = npt.NDArray[np.int64]
Small: TypeAlias = npt.NDArray[np.int8]

NATS = 1000  # score units in one nat
SLOTS = 128  # destinations remembered per device; a spammer overflows it, and is long tripped by then
PROBES = 8  # slots looked at before the oldest guess is overwritten
COMPILE_FROM = 50_000  # attempts in one call; below, loading Numba takes longer than the plain loop

_SECOND = 1_000_000  # microseconds
_LOW = (1 << 40) - 1  # keeps the hash's product within 63 bits
_GAPS = ("second", "minute", "hour", "longer", "first-ever")


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
    score: Ints


class State(NamedTuple):
    """What is remembered per device. `advance` uses it up; keep a `copy` to go back to."""

    score: Ints
    peak: Ints
    last: Ints  # time of the last attempt, microseconds; -1 before the first
    tries: Ints  # attempts so far
    fresh: Ints  # first contacts so far; exact until SLOTS overflow, an upper bound after
    seen: npt.NDArray[np.int64]  # (devices, SLOTS) prefixes + 1; 0 is empty

    @classmethod
    def new(cls, devices: int) -> "State":
        """Nothing seen yet, for `devices` devices."""
        zero = np.zeros(devices, np.int64)
        return cls(
            zero, zero.copy(), np.full(devices, -1, np.int64), zero.copy(), zero.copy(),
            np.zeros((devices, SLOTS), np.int64),
        )  # fmt: skip

    def copy(self) -> "State":
        """The same, untouched by what is done to this one."""
        return State(*(column.copy() for column in self))

    def grown(self, devices: int) -> "State":
        """The same with room for `devices` devices."""
        more = State.new(max(0, devices - len(self.score)))
        return State(*(np.concatenate(pair) for pair in zip(self, more, strict=True)))


class Table(NamedTuple):
    """The parameters as integers: what the loop reads."""

    first: Ints  # (gap class, port class)
    outcome: Ints
    age: Ints
    repeat: int
    threshold: int
    ceiling: int


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """data/trip.toml, in nats."""

    checked: str
    source: str
    threshold: float
    ceiling: float
    repeat: float
    first: dict[str, tuple[float, float, float]]
    outcome: dict[str, float]
    age: dict[str, float]


@lru_cache(maxsize=1)
def load() -> Table:
    """The parameters of data/trip.toml as the loop wants them."""
    given = catalogue.read("trip", Parameters)

    def units(values: list[float]) -> Ints:
        return np.array([round(value * NATS) for value in values], np.int64)

    return Table(
        first=np.array([units(list(given.first[gap])) for gap in _GAPS], np.int64),
        outcome=units([given.outcome[name] for name in ("unknown", "answered", "refused", "silent")]),
        age=units([given.age[name] for name in ("known", "new")]),
        repeat=round(given.repeat * NATS),
        threshold=round(given.threshold * NATS),
        ceiling=round(given.ceiling * NATS),
    )


def advance(state: State, attempts: Attempts, table: Table) -> tuple[State, Alarms]:
    """Carry `state` over `attempts`, in place. Every device id must be below the state's size."""
    size = len(attempts.at)
    rows = np.empty(size, np.int64)
    scores = np.empty(size, np.int64)
    counts = np.empty(size, np.int64)
    found = _loop(size)(*state, *attempts, *table, rows, scores, counts)
    rows = rows[:found]
    devices = attempts.device[rows].astype(np.int64)
    return state, Alarms(devices, rows, counts[:found].copy(), scores[:found].copy())


def _walk(
    score: Ints, peak: Ints, last: Ints, tries: Ints, fresh: Ints, seen: Ints,
    device: Ints, at: Ints, prefix: Ints, port: Small, outcome: Small, age: Small,
    first: Ints, by_outcome: Ints, by_age: Ints, repeat: int, threshold: int, ceiling: int,
    rows: Ints, scores: Ints, counts: Ints,
) -> int:  # fmt: skip
    """The loop itself, in the part of Python that Numba compiles. Writes into the state's columns."""
    found = 0
    for row in range(len(at)):
        who = device[row]
        now = at[row]
        mark = prefix[row] + 1
        slot = ((mark & _LOW) * 40503 >> 4) % SLOTS  # Knuth: the prefixes of one site are neighbors
        new = True
        for step in range(PROBES):
            held = seen[who, (slot + step) % SLOTS]
            if held == mark:
                new = False
                break
            if held == 0:
                slot = (slot + step) % SLOTS
                break
        if new:
            seen[who, slot] = mark
            fresh[who] += 1
            gap = abs(now - last[who])  # two sources, or a clock set back: no burst because of that
            if last[who] < 0:
                kind = 4
            elif gap < _SECOND:
                kind = 0
            elif gap < 60 * _SECOND:
                kind = 1
            elif gap < 3600 * _SECOND:
                kind = 2
            else:
                kind = 3
            llr = first[kind, port[row]] + by_outcome[outcome[row]] + by_age[age[row]]
        else:
            llr = repeat
        before = score[who]
        after = min(max(before + llr, 0), ceiling)
        score[who] = after
        peak[who] = max(peak[who], after)
        last[who] = now
        tries[who] += 1
        if before < threshold <= after:
            rows[found] = row
            scores[found] = after
            counts[found] = tries[who]
            found += 1
    return found


def _loop(size: int) -> Callable[..., int]:
    """The loop: compiled when there is enough to do and Numba is installed, else as it stands."""
    return _compiled() if size >= COMPILE_FROM else _walk


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., int]:
    try:
        from numba import njit
    except ImportError:
        return _walk
    compiled: Callable[..., int] = njit(cache=True, nogil=True)(_walk)
    return compiled
