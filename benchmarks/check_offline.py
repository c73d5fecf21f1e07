"""`check --offline`: own addresses against a list file, beside `iprange` on the same two files.

    python benchmarks/check_offline.py [--own 1000000] [--entries 1000000] [--rounds 5]

Both files are synthetic: random addresses from a seed, one a line. Whole processes are measured, start-up
included, from the page cache. Ours names the line of each entry that matched; `iprange --common` only tells
the addresses. First without an index, then with the one that the run before left in the cache.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import ratio
from unlisted.edge.offline import SETTLED


def generate(path: Path, count: int, seed: int) -> None:
    """A synthetic list: addresses all over IPv4's unicast space."""
    rng = random.Random(seed)
    with path.open("w", encoding="ascii") as file:
        for _ in range(count):
            bits = rng.getrandbits(32)
            file.write(f"{1 + (bits >> 24) % 223}.{bits >> 16 & 255}.{bits >> 8 & 255}.{bits & 255}\n")


def run(command: Sequence[str], folder: str) -> tuple[float, int]:
    """Seconds, and MB of memory at the most, of a whole process."""
    started = time.perf_counter()
    environment = {**os.environ, "XDG_CACHE_HOME": folder}
    with open(os.devnull, "wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=environment)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return time.perf_counter() - started, used.ru_maxrss >> 10


def listed(command: Sequence[str], folder: str) -> int:
    """How many rows a command prints."""
    environment = {**os.environ, "XDG_CACHE_HOME": folder}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    return done.stdout.count(b"\n")


def main() -> int:
    """Generate, run all in turn, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--own", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own, those, cache = Path(folder, "own"), Path(folder, "list"), Path(folder, "cache")
        generate(own, args.own, 1)
        generate(those, args.entries, 2)
        time.sleep(SETTLED)  # what was just written gets no index
        ours = [sys.executable, "-m", "unlisted", "check", "--offline", str(those), f"@{own}"]
        program = shutil.which("iprange")
        peer = [program, str(own), "--common", str(those)] if program else []
        runs: dict[str, list[tuple[float, int]]] = {"without": [], "with": [], "peer": []}
        for _ in range(args.rounds + 1):
            shutil.rmtree(cache, ignore_errors=True)
            runs["without"].append(run(ours, str(cache)))
            runs["with"].append(run(ours, str(cache)))
            if peer:
                runs["peer"].append(run(peer, str(cache)))
        seconds = {
            name: statistics.median(took for took, _ in some[1:]) for name, some in runs.items() if some
        }
        memory = {name: max(peak for _, peak in some) for name, some in runs.items() if some}
        what = f"synthetic, {args.own:,} own addresses, {args.entries:,} entries"
        if not peer:
            sys.stdout.write(f"{what}: ours {seconds['without']:.3f} s, with index {seconds['with']:.3f} s")
            sys.stdout.write(" (iprange is not installed: apt install iprange)\n")
            return 0
        for name in ("without", "with"):
            ratio.show(f"{what}, {name} index", seconds[name], seconds["peer"], "iprange", 1.0)
        sys.stdout.write(
            f"peak memory: ours {memory['without']} MB, with index {memory['with']} MB,"
            f" iprange {memory['peer']} MB\n"
        )
        counts = listed([*ours, "--json"], str(cache)), listed([*peer, "--print-single-ips"], str(cache))
        if counts[0] != counts[1]:
            sys.stdout.write(f"DIFFERENT COUNTS: ours {counts[0]}, iprange {counts[1]}\n")
            return 1
        sys.stdout.write(f"both list the same {counts[0]} of our addresses\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
