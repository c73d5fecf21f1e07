"""A million harmed answers of blocklists, read by us and by dnspython: every difference has a name.

    python tools/answers.py [--count 1000000] [--seed 1]

Prints how they were read and the table of the differences. Exits with 1 when one has no name, or when the
memory of shapes (notice/shapes.py) tells anything else than the reader, and prints those packets.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import dns_fuzz


def main() -> int:
    """Study, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.perf_counter()
    found = dns_fuzz.study(args.count, args.seed)
    for title, table in (("read as", found.read), ("dnspython differs, because", found.named)):
        print(title)
        for name, count in sorted(table.items(), key=lambda item: -item[1]):
            print(f"{count:>10,}  {name}")
    for text in found.nameless[:20]:
        print(f"NO NAME: {text}")
    for text in found.forgotten[:20]:
        print(f"FORGOTTEN: {text}")
    named = sum(found.named.values())
    print(
        f"{args.count:,} answers: {args.count - named - len(found.nameless):,} agree, {named:,} differ for a"
        f" named reason, {len(found.nameless)} without one; the memory of shapes, asked of three subjects"
        f" each, told {len(found.forgotten)} wrong; {time.perf_counter() - began:.0f} s"
    )
    return 1 if found.nameless or found.forgotten else 0


if __name__ == "__main__":
    sys.exit(main())
