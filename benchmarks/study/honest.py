"""Devices that are honest, per role. R: fitted on a real trace, L: literature, A: assumed."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from study.traces import (
    ANSWERED,
    DAY,
    HOUR,
    MINUTE,
    PORT_25,
    PORT_465,
    PORT_587,
    REFUSED,
    SECOND,
    SILENT,
    Numbers,
    Random,
    Trace,
    columns,
    joined,
    poisson,
    randomness,
    rows,
    zipf,
)  # fmt: skip
from unlisted.find.trip import Attempts

PLAIN, ODD, SENDER = "plain", "odd", "sender"


class Role(NamedTuple):
    """One row of the study: `chunks` seeds of `devices` devices, each watched for `days`."""

    name: str
    make: Callable[[Random, int, float], Trace]
    kind: str  # PLAIN: what most machines are; ODD: what happens to them; SENDER: many destinations by design
    devices: int
    days: float
    chunks: int
    numbers: str


def mua(rng: Random, devices: int, days: float, pool: int = 0) -> Trace:
    """A mail program: few servers, or one name that stands for `pool` networks."""
    device, at = poisson(rng, rng.uniform(5, 60, devices), days, 10)
    servers = np.full(devices, pool) if pool else rng.integers(1, 4, devices)
    target = (rng.random(len(at)) * servers[device]).astype(np.int64)
    ports = rng.choice([PORT_587, PORT_465], (devices, max(3, pool)), p=[0.7, 0.3])
    port = ports[device, np.zeros_like(target) if pool else target]
    outcome = np.where(rng.random(len(at)) < 0.01, SILENT, ANSWERED)
    return _trace(columns(device, at, target, port, outcome), devices, days)


def set_up(rng: Random, devices: int, days: float, order: str) -> Trace:
    """A mail program whose owner sets up an account twice a month, each at servers never seen before."""
    device, at = poisson(rng, np.full(devices, 2 / 30.4), days, 10)
    return _trace(joined(mua(rng, devices, days).attempts, _tried(rng, device, at, order)), devices, days)


def new_laptop(rng: Random, devices: int, days: float) -> Trace:
    """A device never seen before: one to three accounts set up in its first hour, then a mail program."""
    accounts = rng.integers(1, 4, devices)
    device = np.repeat(np.arange(devices), accounts)
    at = (8 * HOUR + rng.random(len(device)) * HOUR).astype(np.int64)
    order = np.lexsort((at, device))
    both = joined(mua(rng, devices, days).attempts, _tried(rng, device[order], at[order], ANY))
    first = np.searchsorted(both.device, np.arange(devices))
    young = both.at - both.at[np.minimum(first, len(both.at) - 1)][both.device] < DAY
    return _trace(both._replace(age=young.astype(np.int8)), devices, days)


HOSTS, PORTS, ANY, AT_ONCE = "host by host", "port by port", "in any order", "at once"


def _tried(rng: Random, device: Numbers, at: Numbers, order: str) -> Attempts:
    """Account set-up: two to six hosts on three ports within 30 s of `at`, or one second when AT_ONCE.

    Every host is in a new network; the port that is tried first differs.
    """
    hosts = rng.integers(2, 7, len(at))
    which = np.repeat(np.arange(len(at)), hosts * 3)
    place = np.arange(len(which)) - (np.cumsum(hosts * 3) - hosts * 3)[which]
    if order == HOSTS:
        host, port = place // 3, place % 3
    elif order == PORTS:
        host, port = place % hosts[which], place // hosts[which]
    else:
        place = place[np.lexsort((rng.random(len(which)), which))]
        host, port = place // 3, place % 3
    port = (port + rng.integers(0, 3, len(at))[which]) % 3
    host = 1000 + (np.cumsum(hosts) - hosts)[which] + host
    share = np.sort(rng.random(len(which)) + which) - which
    within = share * SECOND * (1 if order == AT_ONCE else 30)
    outcome = rng.choice([ANSWERED, REFUSED, SILENT], len(which), p=[0.4, 0.3, 0.3])
    return columns(device[which], at[which] + within, host, port, outcome)


def stuck(rng: Random, devices: int, days: float) -> Trace:
    """Two SYNs 21 s apart, again and again, to one server that is dead."""
    count = int(days * 1440 / 16.7)
    pairs = np.cumsum(np.exp(rng.uniform(np.log(3), np.log(50), (devices, count))), axis=1) * MINUTE
    at = (pairs[:, :, None] + np.array([0, 21 * SECOND])).reshape(devices, -1)
    return _trace(columns(np.arange(devices)[:, None], at, 0, PORT_25, SILENT), devices, days)


def relay_user(rng: Random, devices: int, days: float, servers: int = 1) -> Trace:
    """All its mail to one relay, or to a few."""
    if servers == 1:
        rate = np.exp(rng.uniform(0, np.log(38), devices)) * 10
    else:
        rate = np.full(devices, 109.0 * 10)
    device, at = poisson(rng, rate, days, 10)
    return _trace(columns(device, at, rng.integers(0, servers, len(at)), PORT_25, ANSWERED), devices, days)


def copier(rng: Random, devices: int, days: float) -> Trace:
    """Scan to mail."""
    device, at = poisson(rng, np.full(devices, 20.0), days, 10)
    return _trace(
        columns(device, at, 0, rng.choice([PORT_25, PORT_587], devices)[device], ANSWERED), devices, days
    )


def monitor(rng: Random, devices: int, days: float, few: bool = True) -> Trace:
    """A service monitor: two servers 99 times a minute, or 5 to 50 in a round every few minutes."""
    if few:
        device, at = poisson(rng, np.full(devices, 99.0 * 1440), days)
        return _trace(columns(device, at, rng.integers(0, 2, len(at)), PORT_25, ANSWERED), devices, days)
    parts = []
    for number in range(devices):
        servers, every = np.arange(int(rng.integers(5, 51))), float(rng.uniform(60, 300)) * SECOND
        start = every * np.arange(int(days * DAY / every))[:, None]
        parts.append(columns(number, start + servers * 0.05 * SECOND, servers, PORT_25, ANSWERED))
    return _trace(joined(*parts), devices, days)


def disordered(rng: Random, devices: int, days: float) -> Trace:
    """A mail program in a log with clock steps, lines twice and lines in the wrong order."""
    given = mua(rng, devices, days).attempts
    steps = rng.poisson(4 * days / 365, devices)
    shift = np.zeros(len(given.at))
    owner = np.repeat(np.arange(devices), steps)
    since = rng.random(len(owner)) * days * DAY
    jump = (
        rng.choice([-1, 1], len(owner))
        * np.exp(rng.uniform(np.log(60), np.log(172_800), len(owner)))
        * SECOND
    )
    for who, begin, leap in zip(owner, since, jump, strict=True):
        low, high = np.searchsorted(given.device, [who, who + 1])
        place = low + np.searchsorted(given.at[low:high], begin + given.at[0])
        shift[place:high] += leap
    # A router without a clock of its own begins in 1970 until it has asked for the time.
    booting = rng.random(len(given.at)) < 0.001
    at = np.where(booting, rng.integers(0, 600_000_000, len(given.at)), given.at + shift.astype(np.int64))
    order = np.repeat(np.arange(len(at)), 1 + (rng.random(len(at)) < 0.01))
    swap = np.flatnonzero(rng.random(len(order) - 1) < 0.01)
    swap = swap[given.device[order[swap]] == given.device[order[swap + 1]]]
    swap = swap[np.r_[True, np.diff(swap) > 1]] if len(swap) else swap
    order[swap], order[swap + 1] = order[swap + 1], order[swap].copy()
    return _trace(rows(given._replace(at=at), order), devices, days)


def lease_reuse(rng: Random, devices: int, days: float) -> Trace:
    """An address of a guest network without leases to read: five people a day, one after the other."""
    guest, start = poisson(rng, np.full(devices, 5.0), days, 10)
    mails = 1 + rng.poisson(3, len(guest))
    which = np.repeat(np.arange(len(guest)), mails)
    at = start[which] + rng.random(len(which)) * HOUR
    server = zipf(rng, 1.1, 2000, len(guest))[which]
    port = rng.choice([PORT_587, PORT_465], len(guest), p=[0.7, 0.3])[which]
    made = columns(guest[which], at, server, port, ANSWERED)
    return _trace(joined(made), devices, days)


def random_mac(rng: Random, devices: int, days: float) -> Trace:
    """A telephone that shows another MAC every day: each is a new device with a day of mail."""
    made = mua(rng, devices, days)
    return made._replace(attempts=made.attempts._replace(age=np.ones(len(made.attempts.at), np.int8)))


def mta(rng: Random, devices: int, days: float) -> Trace:
    """A mail server: mail to everybody, retries where it is greylisted."""
    device, at = poisson(rng, np.exp(rng.uniform(np.log(200), np.log(50_000), devices)), days)
    target = zipf(rng, 1.1, 3000, len(at))
    outcome = np.where(rng.random(len(at)) < 0.08, SILENT, ANSWERED)
    first = columns(device, at, target, PORT_25, outcome)
    late = np.flatnonzero(rng.random(len(at)) < 0.1)
    wait = rng.choice([5, 15, 30], len(late)) * MINUTE
    again = columns(device[late], at[late] + wait, target[late], PORT_25, ANSWERED)
    return _trace(joined(first, again), devices, days)


def newsletter(rng: Random, devices: int, days: float) -> Trace:
    """Once a week 20,000 letters within an hour."""
    weeks = max(1, int(days // 7))
    shape = (devices, weeks, 20_000)
    at = np.sort(rng.random(shape), axis=2) * HOUR + np.arange(weeks)[None, :, None] * 7 * DAY + 9 * HOUR
    target = zipf(rng, 1.1, 5000, shape)
    outcome = np.where(rng.random(shape) < 0.08, SILENT, ANSWERED)
    return _trace(columns(np.arange(devices)[:, None, None], at, target, PORT_25, outcome), devices, days)


def _trace(attempts: Attempts, devices: int, days: float) -> Trace:
    return Trace(attempts, np.zeros(len(attempts.at), np.bool_), devices, days)


_CLIENT = "A: 5-60 mails a day on 587 or 465, 1-3 servers, 1 % fail"
ROLES = (
    Role("mail program", mua, PLAIN, 200, 365, 17, _CLIENT),
    *(
        Role(
            f"mail program, {pool} networks", partial(mua, pool=pool), PLAIN, 200, 365, 4,
            f"A: the same with one name, of a large provider, that stands for {pool} networks in turn",
        )
        for pool in (10, 30)
    ),
    Role("copier", copier, PLAIN, 500, 365, 7, "A: 20 a day to one relay"),
    Role(
        "relay user", relay_user, PLAIN, 40, 365, 8,
        "R: 1-38 connections an hour to one server (A: 10 h a day)",
    ),
    Role(
        "relay user, 4 servers", partial(relay_user, servers=4), PLAIN, 10, 365, 4,
        "R: 109 connections an hour to 4 servers (A: 10 h a day)",
    ),
    Role(
        "stuck client", stuck, PLAIN, 500, 30, 6,
        "R: two SYNs 21 s apart every 3-50 min to one dead server",
    ),
    *(
        Role(
            f"account set-up, {order}", partial(set_up, order=order), ODD, 200, 365, 4,
            "A: a mail program; twice a month 2-6 hosts, each in a new network (the worst case), on 25, 465"
            f" and 587, {order}, within {1 if order == AT_ONCE else 30} s; 40 % answer",
        )
        for order in (HOSTS, PORTS, ANY, AT_ONCE)
    ),
    Role(
        "new laptop", new_laptop, ODD, 2000, 30, 2,
        "A: 1-3 such set-ups, in any order, in the first hour of a new device, then a mail program",
    ),
    Role(
        "bad clock and log", disordered, ODD, 200, 365, 2,
        "A: a mail program; 4 clock steps a year of 1 min-2 days, 0.1 % of the lines from 1970, 1 % twice,"
        " 1 % out of order",
    ),
    Role(
        "address of many guests", lease_reuse, ODD, 200, 365, 2,
        "A: no leases known; 5 guests a day behind one address, Zipf 1.1 over 2,000 providers",
    ),
    Role("random MAC", random_mac, ODD, 20_000, 1, 4, "A: a new device every day, with a mail program's day"),
    Role("monitor", monitor, ODD, 5, 2, 3, "R: 99 sessions a minute to 2 servers"),
    Role(
        "monitor of many", partial(monitor, few=False), ODD, 20, 7, 3,
        "A: 5-50 servers in a round every 1-5 min",
    ),
    Role(
        "mail server", mta, SENDER, 10, 14, 4,
        "A: 200-50,000 a day, Zipf 1.1 over 3,000 networks, 8 % fail, 10 % greylisted for 5-30 min",
    ),
    Role(
        "newsletter", newsletter, SENDER, 10, 28, 2,
        "A: 20,000 in an hour once a week, Zipf 1.1 over 5,000 networks",
    ),
)  # fmt: skip


def made(role: Role, seed: int, devices: int = 0, days: float = 0.0) -> Trace:
    """The devices of one seed."""
    return role.make(randomness(role.name, seed), devices or role.devices, days or role.days)
