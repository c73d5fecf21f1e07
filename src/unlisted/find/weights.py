"""The trip's parameters: data/trip.toml, checked, and turned into the integers that the kernel reads."""

import math
from functools import lru_cache
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct, structs

from unlisted import catalogue

Ints: TypeAlias = npt.NDArray[np.int64]

NATS = 1000  # score units in one nat
SLOTS = 64  # networks remembered per device; a spammer overflows it, and is long tripped by then
SECOND = 1_000_000  # microseconds
HOUR = 3600 * SECOND


class Table(NamedTuple):
    """The parameters as integers: what the loop reads. Scores in thousandths of a nat."""

    fast: Ints  # gap class * 3 + port class
    slow: Ints  # port class, then the same for the first `usual` networks
    outcome: Ints  # outcome * 3 + port class
    age: Ints
    repeat: Ints  # on a port that this network was tried on before, on another one
    fast_drift: int  # an hour
    slow_drift: int
    fast_threshold: int
    slow_threshold: int
    ceiling: int  # times the threshold
    usual: Ints  # networks, by port class
    quiet: int  # microseconds


_Nats = Annotated[float, Meta(ge=-1000, le=1000)]
_Drift = Annotated[float, Meta(ge=0, le=100)]
_Rate = Annotated[float, Meta(gt=0, le=1e9)]
_Ports = tuple[_Nats, _Nats, _Nats]
_Networks = Annotated[int, Meta(ge=0, le=SLOTS)]


class ByGap(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The first contact, by the time since the one before."""

    second: _Ports
    minute: _Ports
    hour: _Ports
    longer: _Ports
    first_ever: _Ports


class ByRepeat(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """An attempt to a known network."""

    same_port: _Nats
    other_port: _Nats


class ByOutcome(Struct, frozen=True, forbid_unknown_fields=True):
    """How a first contact ended."""

    unknown: _Ports
    answered: _Ports
    refused: _Ports
    silent: _Ports


class ByAge(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the device has been known."""

    known: _Nats
    new: _Nats


class ByNumber(Struct, frozen=True, forbid_unknown_fields=True):
    """The first contact, beyond the usual number of networks or not."""

    another: _Ports
    usual: _Ports


class Fast(Struct, frozen=True, forbid_unknown_fields=True):
    """[fast] of data/trip.toml."""

    false_alarms: _Rate
    events: _Rate
    drift: _Drift
    first: ByGap
    repeat: ByRepeat
    outcome: ByOutcome
    age: ByAge


class Slow(Struct, frozen=True, forbid_unknown_fields=True):
    """[slow] of data/trip.toml."""

    false_alarms: _Rate
    events: _Rate
    drift: _Drift
    quiet: Annotated[float, Meta(ge=0, le=1e6)]
    usual: tuple[_Networks, _Networks, _Networks]
    first: ByNumber


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """data/trip.toml, in nats."""

    checked: str
    source: str
    ceiling: Annotated[int, Meta(ge=1, le=1000)]
    fast: Fast
    slow: Slow


def read() -> Parameters:
    """data/trip.toml with the person's own merged over it."""
    return catalogue.read("trip", Parameters)


@lru_cache(maxsize=1)
def load() -> Table:
    """The parameters of data/trip.toml as the loop wants them."""
    given = read()
    fast, slow = given.fast, given.slow
    return Table(
        fast=_units(fast.first),
        slow=_units(slow.first),
        outcome=_units(fast.outcome),
        age=_units(fast.age),
        repeat=_units(fast.repeat),
        fast_drift=round(fast.drift * NATS),
        slow_drift=round(slow.drift * NATS),
        fast_threshold=threshold(fast.events, fast.false_alarms),
        slow_threshold=threshold(slow.events, slow.false_alarms),
        ceiling=given.ceiling,
        usual=np.array(slow.usual, np.int64),
        quiet=round(slow.quiet * SECOND),
    )


def _units(weights: Struct) -> Ints:
    """All weights of a table in their order, in the unit of the scores."""
    return np.rint(np.array(structs.astuple(weights), np.float64).reshape(-1) * NATS).astype(np.int64)


def threshold(events: float, false_alarms: float) -> int:
    """Where a score must trip so that an honest device does `false_alarms` times a year, by Wald's bound.

    Each of its `events` may begin a climb from zero, and a climb reaches h with a chance of exp(-h) at most.
    """
    return max(1, round(math.log(events / false_alarms) * NATS)) if events > false_alarms else 1
