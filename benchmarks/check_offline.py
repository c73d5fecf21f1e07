"""Own addresses against a list file, whole processes, beside iprange (FireHOL's) on the same two files.

    python benchmarks/check_offline.py [--entries 1000000] [--rounds 5]

Synthetic: as many own addresses as entries, drawn from one /8, so that some 6 % of them are listed. Ours
names the entry and line that matched; iprange prints the common ranges and not whose they were. First
without an index, then with the one that the run before left beside the list.
"""

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ratio

GOAL = 1.0  # seconds without an index
MEMORY = 150  # MB


def draw(path: Path, count: int, rng: random.Random) -> None:
    """So many addresses of 10.0.0.0/8, a line each."""
    numbers = (rng.getrandbits(24) for _ in range(count))
    path.write_text("".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in numbers))


def run(command: list[str]) -> tuple[str, int]:
    """What a process printed, and the most memory that any child so far had (MB)."""
    bytecode = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=bytecode)
    if done.returncode not in (0, 1):
        sys.exit(f"{command[0]}: {done.stderr}")
    return done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def main() -> int:
    """Three commands in turn, medians of their seconds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    peer = shutil.which("iprange")
    rng = random.Random(4)
    with tempfile.TemporaryDirectory() as folder:
        listed, own = Path(folder, "listed.txt"), Path(folder, "own.txt")
        draw(listed, args.entries, rng)
        draw(own, args.entries, rng)
        ours = [sys.executable, "-m", "unlisted", "check", "--offline", str(listed), f"@{own}"]
        theirs = [peer or "", str(listed), "--common", str(own)]
        seconds: dict[str, list[float]] = {"cold": [], "warm": [], "iprange": []}
        memory = 0
        for _ in range(args.rounds):
            for index in Path(folder).glob("*.unlisted-index"):
                index.unlink()
            for name in ("cold", "warm"):
                took = ratio.measure(lambda: run(ours))
                seconds[name].append(took)
            memory = max(memory, run(ours)[1])
            if peer:
                seconds["iprange"].append(ratio.measure(lambda: run(theirs)))
        said = run(ours)[0].splitlines()[0].strip()
    cold, warm = (statistics.median(seconds[name]) for name in ("cold", "warm"))
    sys.stdout.write(
        f"{args.entries:,} own addresses, {args.entries:,} entries: {said.rpartition(': ')[2]}\n"
    )
    if peer:
        ratio.show("without an index", cold, statistics.median(seconds["iprange"]), "iprange", 1.7)
    sys.stdout.write(
        f"without an index {cold:.3f} s (goal {GOAL:.1f}), with it {warm:.3f} s (goal 0.2), "
        f"at most {memory} MB (goal {MEMORY})\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
