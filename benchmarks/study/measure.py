"""Run every detector over a trace, and put into numbers what it did."""

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from study import REPORTED, bots, honest, peers, traces
from study.traces import ANSWERED, UNKNOWN, Floats, Numbers, Trace
from unlisted.find import trip, weights
from unlisted.find.trip import Attempts

HOLD = 1_000  # microseconds from the crossing to the hold, the goal's median; what starts before got out
OURS, BLIND, TRW, TRW5, TWENTY = "trip", "trip, outcomes unknown", "TRW 1e-2", "TRW 1e-5", "20 in 60 s"
DETECTORS = (OURS, BLIND, TRW, TRW5, TWENTY)
DAYS = 365.0


def tripped(attempts: Attempts, devices: int) -> trip.Alarms:
    """What the kernel says."""
    return trip.advance(trip.State.new(devices), attempts, weights.load())[1]


def alarms(trace: Trace) -> dict[str, Numbers]:
    """Rows of each detector's alarms, in order."""
    given = trace.attempts
    first = peers.first_contacts(given)
    unknown = given._replace(outcome=np.full(len(given.at), UNKNOWN, np.int8))
    return {
        OURS: tripped(given, trace.devices).row,
        BLIND: tripped(unknown, trace.devices).row,
        TRW: peers.walk(given, first, 1e-2),
        TRW5: peers.walk(given, first, 1e-5),
        TWENTY: peers.twenty(given),
    }


class Runs(NamedTuple):
    """Per run (an infected device) of one detector; infinite where it never flagged."""

    attempts: Floats
    seconds: Floats
    out: Floats  # connections that were answered before the hold, of all when it never came

    @property
    def caught(self) -> float:
        """The share flagged at all."""
        return float(np.isfinite(self.attempts).mean()) if len(self.attempts) else 0.0

    def at(self, share: float) -> tuple[float, float, float]:
        """That quantile of each, over all runs."""
        return tuple(  # type: ignore[return-value]
            float(np.quantile(column, share, method="inverted_cdf")) for column in self
        )


def delays(trace: Trace, rows: Numbers) -> Runs:
    """When each infected device was flagged for the first time after its first spam."""
    device, at = trace.attempts.device, trace.attempts.at
    bounds = np.searchsorted(device, np.arange(trace.devices + 1))
    spam = np.concatenate([[0], np.cumsum(trace.rogue)])
    answered = np.concatenate([[0], np.cumsum(trace.rogue & (trace.attempts.outcome == ANSWERED))])
    found = []
    for low, high in pairwise(bounds.tolist()):
        if spam[high] == spam[low]:
            continue  # thinned to nothing: there is nobody to find
        begin = int(np.searchsorted(spam, spam[low] + 1)) - 1
        place = int(np.searchsorted(rows, begin))
        if place == len(rows) or rows[place] >= high:
            found.append((np.inf, np.inf, float(answered[high] - answered[low])))
            continue
        row = int(rows[place])
        held = low + int(np.searchsorted(at[low:high], at[row] + HOLD, side="right"))
        took = (int(at[row]) - int(at[begin])) / 1e6
        found.append((float(spam[row + 1] - spam[low]), took, float(answered[held] - answered[low])))
    return Runs(*np.array(found, float).reshape(-1, 3).T)


class Accused(NamedTuple):
    """What a detector did to honest devices."""

    alarms: int
    devices: int


class Exposure(NamedTuple):
    """One role: how much was simulated and who was accused."""

    role: honest.Role
    attempts: int
    years: float
    devices: int
    accused: dict[str, Accused]
    scores: Counter[str]  # the trip's alarms by the score that crossed


def exposed(role: honest.Role, scale: float = 1.0) -> Exposure:
    """Every detector on the honest devices of a role, a seed at a time."""
    total, scores = dict.fromkeys(DETECTORS, (0, 0)), Counter[str]()
    attempts, years = 0, 0.0
    devices = max(2, round(role.devices * scale))
    chunks = role.chunks if scale >= 1 else 1
    for seed in range(REPORTED, REPORTED + chunks):
        trace = honest.made(role, seed, devices)
        attempts += len(trace.attempts.at)
        years += trace.devices * trace.days / DAYS
        for name, rows in alarms(trace).items():
            count, who = total[name]
            accused = len(np.unique(trace.attempts.device[rows]))
            total[name] = count + len(rows), who + accused
        scores += first_scores(trace, each=False)
    found = {name: Accused(*pair) for name, pair in total.items()}
    return Exposure(role, attempts, years, devices * chunks, found, scores)


def first_scores(trace: Trace, *, each: bool) -> Counter[str]:
    """Which score crossed: at each device's first alarm, or at all."""
    found = tripped(trace.attempts, trace.devices)
    which = found.which[np.unique(found.device, return_index=True)[1]] if each else found.which
    return Counter(trip.SCORES[number] for number in which.tolist())


class Bound(NamedTuple):
    """Page's and Lorden's: the attempts to expect at best, at this rate of false alarms."""

    fast: float  # nats that an attempt of the family adds in the mean, by the table: its KL to honest
    slow: float
    attempts: float  # log(ARL) / nats, by the score that is sooner; infinite when neither gains


class Caught(NamedTuple):
    """One family: its runs per detector, and the bound."""

    family: bots.Family
    runs: dict[str, Runs]
    bound: Bound
    scores: Counter[str]  # infected devices by the score that flagged them


def caught(family: bots.Family, scale: float = 1.0) -> Caught:
    """Every detector on the runs of a family."""
    seeds, devices = (10, 40) if scale >= 1 else (1, max(8, round(400 * scale)))
    parts: dict[str, list[Runs]] = {name: [] for name in DETECTORS}
    gains, scores = [], Counter[str]()
    for seed in range(REPORTED, REPORTED + seeds):
        trace = bots.made(family, seed, devices)
        for name, rows in alarms(trace).items():
            parts[name].append(delays(trace, rows))
        gains.append(gain(trace))
        scores += first_scores(trace, each=True)
    runs = {name: gathered(many) for name, many in parts.items()}
    return Caught(family, runs, bound(*np.mean(gains, axis=0)), scores)


def gathered(many: list[Runs]) -> Runs:
    """Several as one."""
    return Runs(*map(np.concatenate, zip(*many, strict=True)))


BEGINNING = 20  # spam attempts of a device whose mean is taken: the delay is decided there
_NEVER = 1 << 50  # a threshold out of reach


def gain(trace: Trace) -> tuple[float, float]:
    """What an attempt of the family adds to each score, in the mean: nats, by the table's own likelihoods."""
    device = trace.attempts.device[trace.rogue]
    place = np.arange(len(device)) - np.searchsorted(device, np.arange(trace.devices))[device]
    begin = traces.rows(trace.attempts, np.flatnonzero(trace.rogue)[place < BEGINNING])
    table = weights.load()._replace(fast_threshold=_NEVER, slow_threshold=_NEVER)
    state, _ = trip.advance(trip.State.new(trace.devices), begin, table)
    unit = max(1, len(begin.at)) * weights.NATS
    return float(np.asarray(state.fast).sum() / unit), float(np.asarray(state.slow).sum() / unit)


def bound(fast: float, slow: float) -> Bound:
    """From the gains and the thresholds."""
    table = weights.load()
    pairs = ((table.fast_threshold, fast), (table.slow_threshold, slow))
    sooner = min(height / weights.NATS / nats if nats > 0.05 else np.inf for height, nats in pairs)
    return Bound(float(fast), float(slow), sooner)
