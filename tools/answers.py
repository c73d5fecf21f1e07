"""A million harmed answers of blocklists, read by us and by dnspython: every difference has a name.

    python tools/answers.py [--count 1000000] [--seed 1]
    python tools/answers.py --seconds 60

Prints how they were read and the table of the differences. Exits with 1 when one has no name, or when the
memory of shapes (notice/shapes.py) tells anything else than the reader, and prints those packets. With
--seconds, atheris (the group `fuzz`) looks for such packets, guided by coverage; without it the same study
runs about so long. What was tried is kept in .fuzz/answers.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import dns_fuzz
from unlisted.notice import packets, shapes

SUBJECT, OTHERS = "99.2.0.192", ("17.5.8.203", "192.0.2.99")


def one(raw: bytes) -> None:
    """The first octet chooses the question, the rest is the packet, always under the right id."""
    zone = dns_fuzz.ZONES[raw[0] % len(dns_fuzz.ZONES)] if raw else dns_fuzz.ZONES[0]
    qtype = dns_fuzz.TYPES[raw[0] // 8 % len(dns_fuzz.TYPES)] if raw else dns_fuzz.TYPES[0]
    sample = dns_fuzz.Sample(raw[1:], int.from_bytes(raw[1:3]), f"{SUBJECT}.{zone}", qtype)
    mine, other = dns_fuzz.ours(sample), dns_fuzz.theirs(sample)
    assert not dns_fuzz.differ(mine, other) or dns_fuzz.reason(sample, mine, other), (sample, mine, other)
    assert not (wrong := dns_fuzz.forgets(sample, {}, OTHERS)), wrong


def guided(seconds: int) -> None:
    """By atheris; libFuzzer ends the process."""
    import atheris

    known = Path(__file__).resolve().parents[1] / ".fuzz" / "answers"
    known.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    for number in range(200):
        sample = dns_fuzz.made(rng, SUBJECT)
        zone = next(at for at, zone in enumerate(dns_fuzz.ZONES) if sample.name.endswith(f".{zone}"))
        head = zone + 8 * dns_fuzz.TYPES.index(sample.qtype)
        (known / f"seed-{number}").write_bytes(bytes([head]) + sample.packet)
    words = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=1500", "-timeout=5", "-verbosity=0"]
    atheris.instrument_func(packets.read_answer)
    for name in ("_read", "_collect", "_name", "_text", "_address"):
        atheris.instrument_func(getattr(packets, name))
    atheris.instrument_func(shapes.Known._general)
    atheris.Setup([*words, f"-artifact_prefix={known}/", "-print_final_stats=1", str(known)], one)
    atheris.Fuzz()


def main() -> int:
    """Study, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=0, help="fuzz for so long instead")
    args = parser.parse_args()
    if args.seconds:
        try:
            guided(args.seconds)
        except ImportError:
            args.count = args.seconds * 1000
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
