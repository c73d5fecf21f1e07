"""The score of one device, attempt by attempt: what the kernel saw, what that added, and where it tripped."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from unlisted import net
from unlisted.find import cards, trip
from unlisted.find.columns import ACTIONS, OUTCOMES, Flows
from unlisted.find.rank import Sorted
from unlisted.find.served import Rows
from unlisted.messages import Device
from unlisted.net import Address
from unlisted.plot import Series
from unlisted.show import count

BEFORE, AFTER, LAST = 12, 4, 6  # attempts shown before and after a crossing, and at the end
NEARBY = 40  # attempts drawn around a crossing, at least


class Step(Struct, frozen=True, gc=False):
    """One attempt as the kernel took it; what `find --explain --json` prints. Scores in nats."""

    device: str
    attempt: int
    at: float
    destination: Address
    port: int
    first: bool  # the first contact with this network (/24, /48)
    gap: str  # since the first contact before: second, minute, hour, longer, first-ever; "" for a repeat
    other_port: bool  # a repeat on a port that this network was not tried on before
    outcome: str
    action: str
    added_fast: float  # drift, floor and ceiling included
    added_slow: float
    fast: float
    slow: float
    threshold_fast: float
    threshold_slow: float
    tripped: str  # fast, slow, "fast and slow"; "" for most
    source: str
    line: int


class Explained(NamedTuple):
    """A device's attempts beside what the kernel made of them."""

    device: Device
    flows: Flows
    rows: Rows
    trace: trip.Trace
    thresholds: tuple[int, int]  # fast, slow
    tripped: npt.NDArray[np.int8]  # into trip.SCORES

    def step(self, place: int) -> Step:
        """The attempt at `place`, from 0."""
        flows, row, trace = self.flows, int(self.rows[place]), self.trace
        gap = int(trace.gap[place])
        return Step(
            device=self.device.key,
            attempt=place + 1,
            at=int(flows.at[row]) / 1e6,
            destination=flows.addresses[flows.dst[row]],
            port=net.MAIL_PORTS[flows.port[row]],
            first=bool(trace.first[place]),
            gap=trip.GAPS[gap] if gap >= 0 else "",
            other_port=bool(trace.other[place]),
            outcome=OUTCOMES[flows.outcome[row]],
            action=ACTIONS[flows.action[row]],
            added_fast=int(trace.step_fast[place]) / trip.NATS,
            added_slow=int(trace.step_slow[place]) / trip.NATS,
            fast=int(trace.fast[place]) / trip.NATS,
            slow=int(trace.slow[place]) / trip.NATS,
            threshold_fast=self.thresholds[0] / trip.NATS,
            threshold_slow=self.thresholds[1] / trip.NATS,
            tripped=trip.SCORES[self.tripped[place]],
            source=flows.files[flows.file[row]],
            line=int(flows.line[row]),
        )

    @property
    def crossed(self) -> int | None:
        """The first place at which it tripped."""
        places = np.flatnonzero(self.tripped)
        return int(places[0]) if len(places) else None

    def shown(self) -> list[int]:
        """The places that a person wants to see: around the first crossing (else the peak), and the last."""
        size = len(self.rows)
        middle = self.crossed
        if middle is None:
            shares = [self.trace.fast / self.thresholds[0], self.trace.slow / self.thresholds[1]]
            middle = int(np.argmax(np.maximum(*shares)))
        near = set(range(max(0, middle - BEFORE), min(size, middle + AFTER + 1)))
        for place in self._firsts():  # the other score's, shortly
            near |= set(range(max(0, place - 1), place + 1))
        return sorted(near | set(range(max(0, size - LAST), size)))

    def _firsts(self) -> list[int]:
        """Where each score tripped first."""
        found = (np.flatnonzero(self.tripped & bit) for bit in (1, 2))
        return [int(places[0]) for places in found if len(places)]

    def series(self, *, whole: bool) -> list[Series]:
        """Both scores for drawing: all attempts, or, where it tripped, those around the first time."""
        size = len(self.rows)
        made = []
        names = ("fast score (new networks within minutes)", "slow score (new networks over days)")
        for which, (name, column) in enumerate(zip(names, (self.trace.fast, self.trace.slow), strict=True)):
            crossed = np.flatnonzero(self.tripped & (which + 1))
            begin, end = 0, size
            if not whole and len(crossed):
                begin = max(0, int(crossed[0]) - NEARBY // 2)
                end = min(size, begin + NEARBY)
            tripped = int(crossed[0]) + 1 if len(crossed) else None
            values = (column[begin:end] / trip.NATS).tolist()
            limit = self.thresholds[which] / trip.NATS
            made.append(Series(name + _part(begin, end, size), values, limit, begin + 1, tripped))
        return made


def _part(begin: int, end: int, size: int) -> str:
    return (
        f", {'all ' if size > 1 else ''}{count(size, 'attempt')}"
        if end - begin == size
        else f", attempts {begin + 1:,} to {end:,} of {size:,}"
    )


def matching(sorted_out: Sorted, text: str) -> list[int]:
    """The devices that `text` (an address, a MAC, a host name) means."""
    out, made = sorted_out.out, sorted_out.made
    address, mac, name = net.ip(text), net.mac(text), text.strip().lower()
    using = set[int]()
    if address is not None and address in out.flows.addresses:
        using = set(made.id[out.flows.src == out.flows.addresses.index(address)].tolist())
    short = name.partition(".")[0] if address is None and not mac else ""
    exact = any(name == identity.device.hostname.lower() for identity in made.who)
    return [
        number
        for number, identity in enumerate(made.who)
        if number in using
        or (mac and identity.device.mac == mac)
        or (name and identity.device.hostname.lower() == name)
        or (short and not exact and identity.device.hostname.lower().partition(".")[0] == short)
    ]


def explain(sorted_out: Sorted, number: int) -> Explained:
    """One of the devices."""
    out, made = sorted_out.out, sorted_out.made
    rows = np.flatnonzero(made.id == number)
    table = trip.load()
    attempts = cards.attempts(out.flows.rows(rows), made._replace(id=made.id[rows]))
    thresholds = (table.fast_threshold, table.slow_threshold)
    trace = trip.trace(attempts, table)
    tripped = np.zeros(len(rows), np.int8)
    for bit, (score, threshold) in enumerate(zip((trace.fast, trace.slow), thresholds, strict=True)):
        over = score >= threshold
        tripped[over & ~np.r_[False, over[:-1]]] |= 1 << bit
    return Explained(made.who[number].device, out.flows, rows, trace, thresholds, tripped)


# ---- as a table -----------------------------------------------------------------------------------

_CONTACT = {
    "second": "new <1s",
    "minute": "new <1m",
    "hour": "new <1h",
    "longer": "new >1h",
    "first-ever": "first",
}
HEAD = (
    "new: first contact with this network (/24, /48), by the time since the last such",
    "port: a known network on a port not tried there before; again: nothing new",
)


def table(steps: Iterator[Step], width: int, digits: int) -> Iterator[str]:
    """Rows of at most `width` columns; an attempt that tripped has a row after it that says so."""
    yield (
        f"{'#':>{digits}} {'UTC':<12} port {'contact':<7} {'outcome':<8} {'fast':>10} {'slow':>11}"
        " destination"
    ).rstrip()
    day, before = "", 0
    for step in steps:
        if before and step.attempt > before + 1:
            yield f"{'...':>{digits}} {count(step.attempt - before - 1, 'attempt')} not shown"
        before = step.attempt
        today, moment = _moment(step.at)
        if today != day:
            day = today
            yield f"{'':>{digits}} {day}"
        row = (
            f"{step.attempt:>{digits}} {moment:<12} {step.port:<4} {_contact(step):<7} {_outcome(step):<8}"
            f" {step.added_fast:>+5.1f} {step.fast:>5.1f} {step.added_slow:>+5.1f} {step.slow:>5.1f}"
        )
        target = str(step.destination)
        if len(row) + 1 + len(target) <= width:
            yield f"{row} {target}"
        else:
            yield row
            yield f"{'':>{digits}} to {target}"
        if step.tripped:
            limits = {"fast": step.threshold_fast, "slow": step.threshold_slow}
            told = " and ".join(
                f"{name} {limit:.1f}" for name, limit in limits.items() if name in step.tripped
            )
            yield f"{'':>{digits}} ^ trips: over the threshold ({told})"


def _moment(at: float) -> tuple[str, str]:
    """Day and time of the day; the first is empty for what no calendar holds."""
    from datetime import UTC, datetime

    try:
        made = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return "", f"{at:.0f}"
    return f"{made:%Y-%m-%d}", f"{made:%H:%M:%S}.{made.microsecond // 1000:03}"


def _contact(step: Step) -> str:
    return _CONTACT[step.gap] if step.first else "port" if step.other_port else "again"


def _outcome(step: Step) -> str:
    return step.outcome or {"block": "blocked", "held": "held"}.get(step.action, "")
