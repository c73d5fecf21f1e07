"""Machines that spam, per family. R: fitted on a real trace, L: literature, A: assumed."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from study import honest
from study.traces import (
    ANSWERED,
    DAY,
    MINUTE,
    PORT_25,
    PORT_587,
    REFUSED,
    SECOND,
    SILENT,
    Floats,
    Numbers,
    Random,
    Trace,
    beside,
    columns,
    contacted,
    randomness,
    rows,
    thinned,
    zipf,
)  # fmt: skip


class Family(NamedTuple):
    """One row of the study."""

    name: str
    make: Callable[[Random, int], Trace]
    numbers: str  # with their marks
    held_out: bool = False
    detectable: bool = True  # by fan-out


# R: DonBot (CTU-13 scenario 6): how many of its 638 batches, at least 5 s apart, had 1, 2, 3... SYNs, and the
# quantiles of the seconds between them.
BATCHES = np.array([103, 87, 44, 23, 9, 15, 28, 38, 57, 154, 21, 16, 2, 5, 8, 4, 3, 6, 2, 4, 2])
BETWEEN = ((0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), (6.2, 6.84, 7.21, 9.78, 14.18, 19.08, 22))
FULL = 19  # R: batches at its start, nearly all of 10
APART = 14  # R: so many first addresses shared no network; later 0.81 of the new ones bring a new network


def donbot(rng: Random, devices: int, count: int = 1000) -> Trace:
    """Batches of SYNs within a millisecond to addresses that its master sent; nobody answers."""
    batches = count // 3 + 40
    sizes = rng.choice(np.arange(1, len(BATCHES) + 1), (devices, batches), p=BATCHES / BATCHES.sum())
    sizes[:, :FULL] = 10
    gaps = np.interp(rng.random((devices, batches)), *BETWEEN) * SECOND
    starts, steps = np.cumsum(gaps, axis=1), rng.uniform(50, 110, (devices, batches))
    at = np.empty((devices, count))
    for device in range(devices):
        batch = np.repeat(np.arange(batches), sizes[device])[:count]
        place = np.arange(count) - (np.cumsum(sizes[device]) - sizes[device])[batch]
        at[device] = starts[device, batch] + place * steps[device, batch]
    attempt = np.arange(1, count + 1)
    fresh = rng.random((devices, count)) < 1.304 * attempt**-0.1775  # R: 70 of 100, 1,573 of 4,398
    new = fresh & ((attempt <= APART) | (rng.random((devices, count)) < 0.81))
    new[:, 0] = True
    return _trace(at, contacted(rng, new, recent=20), PORT_25, SILENT)


def emotet(rng: Random, devices: int, count: int = 355) -> Trace:
    """Stolen accounts at submission servers, and some mail exchangers."""
    shape = (devices, count)
    new = rng.random(shape) < 0.70
    new[:, 0] = True
    target = contacted(rng, new, recent=20)
    ports = rng.choice(3, shape, p=[0.28, 0.30, 0.42])
    gaps = 0.4 * np.exp(1.5 * rng.standard_normal(shape)) * SECOND
    gaps += np.where(rng.random(shape) < 1 / 40, rng.uniform(2, 10, shape) * MINUTE, 0)
    answered = rng.random(shape) < np.where(new, 0.79, 0.62)
    return _trace(
        np.cumsum(gaps, axis=1), target, np.take_along_axis(ports, target, 1),
        np.where(answered, ANSWERED, SILENT),
    )  # fmt: skip


def mx_engine(rng: Random, devices: int, count: int = 1000) -> Trace:
    """Its own mail server: each recipient's MX by itself."""
    rate = np.exp(rng.uniform(np.log(0.2), np.log(5), (devices, 1)))
    at = np.cumsum(rng.exponential(size=(devices, count)) / rate, axis=1) * SECOND
    fails = rng.uniform(0.2, 0.6, (devices, 1))
    return _trace(at, zipf(rng, 1.1, 20_000, (devices, count)), PORT_25, _failing(rng, fails, count))


def throttled(rng: Random, devices: int, minutes: float, days: float = 30.0) -> Trace:
    """A new network every so many minutes; three in ten are tried once more within a quarter of an hour."""
    count = min(1000, int(days * 1440 / minutes))
    at = np.cumsum(minutes * rng.uniform(0.5, 1.5, (devices, count)), axis=1) * MINUTE
    again = rng.random((devices, count)) < 0.3
    later = np.where(again, at + rng.uniform(1, 15, (devices, count)) * MINUTE, np.inf)
    both = np.concatenate([at, later], axis=1)
    order = np.argsort(both, axis=1, kind="stable")
    target = np.broadcast_to(np.tile(np.arange(count), 2), both.shape)
    outcome = np.tile(np.where(rng.random((devices, count)) < 0.4, SILENT, ANSWERED), 2)
    at, target, outcome = (np.take_along_axis(one, order, 1) for one in (both, target, outcome))
    kept = np.isfinite(at)
    whole = _trace(np.where(kept, at, 0), target, PORT_25, outcome)
    return whole._replace(
        attempts=rows(whole.attempts, kept.reshape(-1)), rogue=whole.rogue[kept.reshape(-1)]
    )


def throttled_beside(rng: Random, devices: int, minutes: float) -> Trace:
    """The same on a machine whose owner sends his own mail; the bot comes on the eleventh day."""
    return beside(throttled(rng, devices, minutes), honest.mua(rng, devices, 40.0), 10 * DAY)


def thin_donbot(rng: Random, devices: int, share: float) -> Trace:
    """Two hours of DonBot of which only so many attempts were made, or logged."""
    return thinned(donbot(rng, devices, 4398), share, rng)


def snowshoe(rng: Random, devices: int, hosts: int) -> Trace:
    """One of `hosts` infected machines that share a rate of one attempt a second, for a day."""
    count = min(1000, 86_400 // hosts)
    at = np.cumsum(rng.exponential(hosts, (devices, count)), axis=1) * SECOND
    fails = np.full((devices, 1), 0.3)
    return _trace(at, zipf(rng, 1.1, 20_000, (devices, count)), PORT_25, _failing(rng, fails, count))


def relay_abuse(rng: Random, devices: int, count: int = 1000) -> Trace:
    """All through the own relay, with a stolen password: one destination."""
    at = np.cumsum(rng.exponential(1.2, (devices, count)), axis=1) * SECOND
    return _trace(at, np.zeros((devices, count), np.int64), PORT_587, ANSWERED)


def _failing(rng: Random, share: Floats, count: int) -> Numbers:
    lost = rng.random((len(share), count)) < share
    return np.where(lost, rng.choice([REFUSED, SILENT], lost.shape), ANSWERED)


def _trace(at: Floats, target: Numbers, port: Numbers | int, outcome: Numbers | int) -> Trace:
    devices = len(at)
    attempts = columns(np.arange(devices)[:, None], at, target, port, outcome)
    return Trace(attempts, np.ones(at.size, np.bool_), devices, float(at.max() / DAY))


_THROTTLED = (
    "A: a new network every {} min, times 0.5-1.5; 30 % tried again in 1-15 min; 40 % silent; port 25"
)
_DONBOT = (
    "R: batches of 1-21 SYNs, 50-110 us apart, every 9.8 s (6-22), the first 19 of 10; of addresses 70 of the"
)
FAMILIES = (
    Family("donbot-like", donbot, _DONBOT),
    *(
        Family(
            f"donbot, 1/{part}", partial(thin_donbot, share=1 / part),
            f"the same two hours, thinned to 1/{part} (A)",
        )
        for part in (10, 100, 440)
    ),
    Family(
        "emotet-like", emotet,
        "R: ports 587 42 %, 465 30 %, 25 28 %; 70 % new servers; 21 % of first contacts silent; 0.6 s between"
        " new ones. A: a pause of 2-10 min after about 40",
    ),
    Family(
        "mx-engine", mx_engine,
        "L: one MX a recipient, 0.2-5 a second. A: 20-60 % fail, Zipf 1.1 over 20,000 networks",
        held_out=True,
    ),
    *(
        Family(f"throttled, {minutes} min", partial(throttled, minutes=minutes), _THROTTLED.format(minutes))
        for minutes in (1, 10, 60, 240)
    ),
    *(
        Family(
            f"throttled, {minutes} min, beside its owner's mail", partial(throttled_beside, minutes=minutes),
            "the same on a machine that also sends as a mail program (below) does",
        )
        for minutes in (1, 10, 60, 240)
    ),
    *(
        Family(
            f"snowshoe, {hosts} hosts", partial(snowshoe, hosts=hosts),
            f"A: {hosts} hosts share one attempt a second; 30 % fail, Zipf 1.1 over 20,000 networks",
            held_out=True,
        )
        for hosts in (16, 64, 256)
    ),
    Family("relay abuse", relay_abuse, "A: 3,000 mails an hour through the own relay", detectable=False),
)  # fmt: skip


def made(family: Family, seed: int, devices: int) -> Trace:
    """The runs of one seed."""
    return family.make(randomness(family.name, seed), devices)
