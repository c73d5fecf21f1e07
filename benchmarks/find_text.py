"""Finding the mail-port lines of a netfilter log, against ripgrep counting them in the same file.

    python benchmarks/find_text.py [--megabytes 200] [--share 0.005] [--rounds 5]

The log is synthetic: lines as the kernel writes them, 0.5 % of them on mail ports. Both read it from the page
cache. Ours recognizes the file, finds the lines, parses them and keeps the attempts; ripgrep counts lines.
A second run, where every line is a mail-port line, gives lines a second on one core.
"""

import argparse
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ratio
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


def generate(path: Path, size: int, share: float) -> None:
    """A synthetic log of about `size` bytes; a megabyte of distinct lines at a time."""
    rng = random.Random(25)
    written, at = 0, 0
    with path.open("w", encoding="ascii") as file:
        while written < size:
            at += 1
            text = "".join(line(rng, at + i // 500, mail=rng.random() < share) for i in range(5000))
            file.write(text)
            written += len(text)


def main() -> int:
    """Generate, run both in turn, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.005)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rg = shutil.which("rg")
    with tempfile.TemporaryDirectory() as folder:
        rare, dense = Path(folder, "rare.log"), Path(folder, "dense.log")
        generate(rare, args.megabytes << 20, args.share)
        generate(dense, 40 << 20, 1.0)
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
        seconds = min(ratio.measure(lambda: found.append(read(dense))) for _ in range(3))
        count = found[-1].understood
        sys.stdout.write(
            f"synthetic log, every line a mail line: {count / seconds:,.0f} lines/s on one core\n"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        sys.stdout.write(f"peak memory {peak} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
