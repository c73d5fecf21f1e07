"""Finding the mail-port lines of a netfilter log, against ripgrep counting them in the same file.

    python benchmarks/find_text.py [--megabytes 2000] [--share 0.005] [--rounds 5]

The log is synthetic: lines as the kernel writes them, 0.5 % of them on mail ports; 200 MB of distinct lines,
repeated. Both read it from the page cache. Ours recognizes the file, finds the lines, parses them, keeps the
attempts and counts all lines, on all cores; ripgrep counts the lines found, on one, as it does for one file.
A second run, where every line is a mail-port line, gives lines a second on one core, by the processor's time
too, since other work on the machine takes none of that. A third is the whole program on a small file.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ratio
from unlisted.edge import lines
from unlisted.edge.read import read
from unlisted.edge.reading import Reading

PATTERN = r"DPT=(25|465|587) "


def line(rng: random.Random, at: int, *, mail: bool) -> str:
    """One line of the kernel's log. Destinations come from a pool of 20,000, as a bot's list of targets."""
    target = rng.randrange(20_000) * 104_729
    port = rng.choice((25, 25, 25, 465, 587)) if mail else rng.choice((443, 443, 80, 53, 123, 2525, 5223, 22))
    clock = f"{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}"
    host = rng.randrange(2, 250)
    return (
        f"Nov 23 {clock} gw kernel: [{at}.{rng.randrange(10**6):06}] LAN-OUT IN=lan0 OUT=wan0 "
        f"MAC=36:89:99:f9:2c:95:3c:5a:b4:12:34:{host:02x}:08:00 SRC=192.168.50.{host} "
        f"DST={1 + (target >> 24) % 223}.{target >> 16 & 255}.{target >> 8 & 255}.{target & 255} "
        f"LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID={rng.randrange(65536)} DF PROTO=TCP "
        f"SPT={rng.randrange(1024, 65536)} DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0 \n"
    )


DISTINCT = 200 << 20  # bytes


def generate(path: Path, size: int, share: float) -> None:
    """A synthetic log of about `size` bytes; what is beyond the first 200 MB repeats them."""
    rng = random.Random(25)
    written, at = 0, 0
    with path.open("wb") as file:
        while written < min(size, DISTINCT):
            at += 1
            text = "".join(line(rng, at + i // 500, mail=rng.random() < share) for i in range(5000)).encode()
            file.write(text)
            written += len(text)
    with path.open("r+b") as file:
        once = file.read()
        while written < size:
            file.write(once)
            written += len(once)


def every_line(log: Path) -> None:
    """Lines a second where each one counts, in one process."""
    lines.workers = lambda: 1
    walls, cores, count = [], [], 0
    for _ in range(3):
        wall, core = time.perf_counter(), time.process_time()
        count = read(log).understood
        walls.append(time.perf_counter() - wall)
        cores.append(time.process_time() - core)
    sys.stdout.write(
        f"synthetic log, every line a mail line: {count / min(walls):,.0f} lines/s on one core,"
        f" {count / min(cores):,.0f} a second of the processor's time (goal 250,000)\n"
    )


# A process begins with the peak of the one that starts it: a small one does.
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(os.wait4(process.pid, 0)[2].ru_maxrss >> 10)
"""


def peak(log: Path) -> int:
    """Megabytes of the whole program on a log, or of its largest helper."""
    words = [sys.executable, "-m", "unlisted", "find", "--json", str(log)]
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *words], capture_output=True, check=True)
    return int(done.stdout)


def start(log: Path) -> None:
    """The whole program on a small file."""
    subprocess.run([sys.executable, "-m", "unlisted", "find", str(log)], capture_output=True, check=False)


def main() -> int:
    """Generate, run both in turn, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--share", type=float, default=0.005)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rg = shutil.which("rg")
    with tempfile.TemporaryDirectory() as folder:
        rare, dense = Path(folder, "rare.log"), Path(folder, "dense.log")
        generate(rare, args.megabytes << 20, args.share)
        generate(dense, args.megabytes << 18, 1.0)
        found: list[Reading] = []

        def ours() -> None:
            found[:] = [read(rare)]

        if rg is None:
            sys.stdout.write(
                f"ripgrep is not installed (apt install ripgrep): ours {ratio.measure(ours):.3f} s\n"
            )
        else:
            counted: list[int] = []

            def peer() -> None:
                done = subprocess.run([rg, "-c", PATTERN, str(rare)], capture_output=True, check=True)
                counted[:] = [int(done.stdout)]

            mine, theirs = ratio.alternate(ours, peer, args.rounds)
            ratio.show(
                f"synthetic log, {args.megabytes} MB, {args.share:.1%} mail", mine, theirs, "rg -c", 1.0
            )
            if counted != [found[0].understood]:
                sys.stdout.write(f"DIFFERENT COUNTS: rg {counted}, ours {found[0].understood}\n")
                return 1
        every_line(dense)
        memory = f"{peak(rare)} MB with mail lines rare, {peak(dense)} MB with nothing else"
        sys.stdout.write(f"peak memory of unlisted find: {memory} (goal 500)\n")
        small = Path(folder, "small.log")
        small.write_text("".join(line(random.Random(7), i, mail=i % 2 == 0) for i in range(1000)))
        whole = min(ratio.measure(lambda: start(small)) for _ in range(args.rounds))
        sys.stdout.write(f"unlisted find on 1,000 lines, whole process: {whole:.2f} s (goal 1)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
