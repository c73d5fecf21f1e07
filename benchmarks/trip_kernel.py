"""The trip's kernel, against the same arithmetic as NumPy columns and as a loop over dictionaries.

    python benchmarks/trip_kernel.py [--attempts 5_000_000] [--rounds 5] [--full]

The attempts are synthetic: 5,000 devices, of which most have one to four servers, twenty spam to ever new
networks, and one is a mail server with 3,000 networks that makes a tenth of all attempts (the worst case for
the memory of destinations). They are fed in chunks through the saved state; making them is not counted.

The peer is the segmented sum "C less its running minimum" of whole columns: the fast score alone, without
drift, ceiling, slow score or bounded memory, and not resumable. The loop over dictionaries is what one would
write first, on a slice. `--full` feeds 1e8 attempts. How long Numba takes to load is measured in fresh
processes, since that is what decides from how many attempts on it is worth while.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

import ratio
from unlisted.find import saved, trip

DEVICES = 5000
CHUNK = 5_000_000  # attempts
GOAL = 5e6  # attempts a second on one core
FULL = 100_000_000
FULL_GOAL = 20.0  # seconds
SLICE = 200_000  # attempts for what is slow
_SERVERS = np.array([1, 1, 1, 1, 1, 1, 2, 2, 3, 4])  # of a device, in tenths
_LOAD = """
import time
started = time.perf_counter()
import numpy as np
from unlisted.find import trip
trip.load()
numpy = time.perf_counter()
trip.COMPILE_FROM = 0
none = [np.zeros(1, kind) for kind in (np.int32, np.int64, np.int64, np.int8, np.int8, np.int8)]
trip.advance(trip.State.new(1), trip.Attempts(*none), trip.load())
print(numpy - started, time.perf_counter() - numpy)
"""


def chunk(number: int, size: int) -> trip.Attempts:
    """Synthetic attempts: a day for each chunk, in order of time."""
    dice = np.random.default_rng(number)
    device = dice.integers(0, DEVICES, size).astype(np.int32)
    device[dice.random(size) < 0.1] = 1
    servers = _SERVERS[device % len(_SERVERS)]
    which = (dice.random(size) ** 2 * servers).astype(np.int64)
    prefix = (device * 131 + which) * 977 & 0xFFFFFF
    bot, server = device % 250 == 0, device == 1
    prefix[bot] = dice.integers(0, 1 << 24, int(bot.sum()))
    prefix[server] = dice.zipf(1.1, int(server.sum())) % 3000
    start = 1_700_000_000_000_000 + number * 86_400_000_000
    at = np.sort(dice.integers(start, start + 86_400_000_000, size))
    port = np.where(bot | server, 0, 1 + device % 2).astype(np.int8)
    return trip.Attempts(
        device, at, prefix, port, dice.integers(0, 4, size).astype(np.int8), np.zeros(size, np.int8)
    )


def columns(attempts: trip.Attempts, table: trip.Table) -> int:
    """The peer: how many devices' fast score reaches the threshold, by whole columns."""
    order = np.argsort(attempts.device, kind="stable")
    device, at, port = attempts.device[order], attempts.at[order], attempts.port[order].astype(np.int64)
    pair = device.astype(np.int64) << 40 | attempts.prefix[order] & (1 << 40) - 1
    first = np.zeros(len(order), np.bool_)
    first[np.unique(pair, return_index=True)[1]] = True
    contacts = np.flatnonzero(first)
    gap = np.abs(np.diff(at[contacts], prepend=at[contacts[0]]))
    kind = np.searchsorted([1_000_000, 60_000_000, 3_600_000_000], gap, "right")
    kind[np.diff(device[contacts], prepend=-1) != 0] = len(trip.GAPS) - 1
    step = np.full(len(order), table.repeat[0])
    step[contacts] = (
        table.fast[kind * 3 + port[contacts]]
        + table.outcome[attempts.outcome[order][contacts] * 3 + port[contacts]]
    )
    # A device's sums lie far below those of the device before, so that its running minimum begins anew.
    start = np.diff(device, prepend=-1) != 0
    total = np.cumsum(step)
    floor = np.repeat(total[start] - step[start], np.diff(np.append(np.flatnonzero(start), len(order))))
    total = total - floor - np.cumsum(start) * (1 << 40)
    score = total - np.minimum.accumulate(np.minimum(total, -np.cumsum(start) * (1 << 40)))
    return len(np.unique(device[score >= table.fast_threshold]))


def dictionaries(attempts: trip.Attempts, table: trip.Table) -> int:
    """The first thing that one would write: the fast score in a loop over dictionaries."""
    score: dict[int, int] = {}
    last: dict[int, int] = {}
    seen: dict[int, set[int]] = {}
    tripped: set[int] = set()
    fast, outcome, repeat = table.fast.tolist(), table.outcome.tolist(), int(table.repeat[0])
    rows = zip(*(column.tolist() for column in attempts[:5]), strict=True)
    for device, at, prefix, port, ended in rows:
        known = seen.setdefault(device, set())
        step = repeat
        if prefix not in known:
            known.add(prefix)
            gap = abs(at - last.get(device, at))
            kind = (
                4 if device not in last else (gap >= 1_000_000) + (gap >= 60_000_000) + (gap >= 3_600_000_000)
            )
            step = fast[kind * 3 + port] + outcome[ended * 3 + port]
            last[device] = at
        score[device] = max(0, score.get(device, 0) + step)
        if score[device] >= table.fast_threshold:
            tripped.add(device)
    return len(tripped)


def chunks(attempts: int) -> Iterator[trip.Attempts]:
    for number, start in enumerate(range(0, attempts, CHUNK)):
        yield chunk(number, min(CHUNK, attempts - start))


def feed(attempts: int, table: trip.Table) -> tuple[float, set[int], int]:
    """Seconds in the kernel, who tripped, and the size of the state when saved."""
    state, took, tripped = trip.State.new(DEVICES), 0.0, set[int]()
    for part in chunks(attempts):
        started = time.perf_counter()
        state, alarms = trip.advance(state, part, table)
        took += time.perf_counter() - started
        tripped |= set(alarms.device.tolist())
    return took, tripped, len(saved.dump(state))


def head(attempts: trip.Attempts, size: int) -> trip.Attempts:
    """The first of them."""
    return attempts._replace(**{name: getattr(attempts, name)[:size] for name in attempts._fields})


def peak() -> float:
    """Megabytes that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plainly(attempts: trip.Attempts, table: trip.Table) -> None:
    """The loop without Numba."""
    trip.COMPILE_FROM, trip.LOADED_FROM = sys.maxsize, sys.maxsize
    trip.advance(trip.State.new(DEVICES), attempts, table)
    trip.COMPILE_FROM, trip.LOADED_FROM = 0, 0


def loading(rounds: int) -> tuple[float, float]:
    """Seconds for NumPy and our module, then for Numba with its first result; in fresh processes."""
    told = [
        subprocess.run(
            [sys.executable, "-c", _LOAD], capture_output=True, check=True, text=True
        ).stdout.split()
        for _ in range(rounds + 1)
    ][1:]  # the first one may compile
    return statistics.median(float(a) for a, _ in told), statistics.median(float(b) for _, b in told)


def main() -> int:
    """Generate, run all in turn, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", type=int, default=CHUNK)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="feed 1e8 attempts as well")
    args = parser.parse_args()
    table = trip.load()
    base, numba = loading(args.rounds)
    trip.COMPILE_FROM = 0
    trip.advance(trip.State.new(DEVICES), chunk(0, 1000), table)
    sys.stdout.write(f"synthetic attempts of {DEVICES:,} devices, chunks of {CHUNK:,}\n")
    if args.full:
        took, tripped, size = feed(FULL, table)
        sys.stdout.write(
            f"{FULL:,} attempts: {took:.2f} s in the kernel (goal {FULL_GOAL:.0f}),"
            f" {FULL / took / 1e6:.1f} M/s, {len(tripped)} devices tripped,"
            f" state {size / 1e6:.2f} MB saved, peak {peak():.0f} MB\n"
        )
    attempts = chunk(0, args.attempts)
    before = peak()
    _, tripped, size = feed(args.attempts, table)
    sys.stdout.write(
        f"{args.attempts:,} attempts: {len(tripped)} devices tripped, state {size / 1e6:.2f} MB saved,"
        f" peak {peak():.0f} MB, of which {before:.0f} MB before the kernel ran\n"
    )

    def ours() -> None:
        trip.advance(trip.State.new(DEVICES), attempts, table)

    mine, peer = ratio.alternate(ours, lambda: columns(attempts, table), args.rounds)
    ratio.show("one chunk", mine, peer, "NumPy columns", 1.0)
    sys.stdout.write(
        f"ours {args.attempts / mine / 1e6:.1f} M attempts/s on one core (goal {GOAL / 1e6:.0f}),"
        f" NumPy columns {args.attempts / peer / 1e6:.1f}\n"
    )
    part = head(attempts, SLICE)
    plain, loop = ratio.alternate(
        lambda: plainly(part, table), lambda: dictionaries(part, table), args.rounds
    )
    ratio.show(f"{SLICE:,} without Numba", plain, loop, "dictionaries", 1.0)
    sys.stdout.write(
        f"without Numba {SLICE / plain / 1e6:.2f} M/s; Numba loads in {numba:.2f} s with a warm cache"
        f" (NumPy and the rest {base:.2f} s): worth while from {numba * SLICE / plain:,.0f} attempts\n"
    )
    return 0 if args.attempts / mine >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
