"""Reading bounces, against flufl.bounce (GNU Mailman's reader) over the same bytes.

    python benchmarks/explain_mails.py [--rounds 7] [--corpus FOLDER]

Every mail of the corpus is in memory; one process, one core. Ours takes it apart, finds recipients, codes,
the deciding phrase and the cited address; flufl.bounce, behind the standard library's parser, says which
addresses bounced and no more. No round repeats another's mails: their numbers and names are spelled anew,
and every cache that is keyed by what a mail says is emptied, so that none of it is won by remembering.
"""

import argparse
import email
import functools
import gc
import os
import random
import re
import statistics
import sys
from pathlib import Path

from flufl.bounce import scan_message

import ratio
from unlisted.notice import bounce

GOAL = 8000  # messages/s, one process
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "bounces"
KNOWLEDGE = (
    "table",
    "matcher",
    "_addressed",
    "_zones",
    "_pages",
    "known",
    "_keys",
    "_combined",
    "_abbreviations",
    "_hosts",
    "_ends",
    "_single",
)  # read or compiled from our own tables
_DIGITS = re.compile(rb"(?<=[0-9]{2})[0-9]{2,}")
_NAMES = re.compile(rb"[A-Za-z0-9._+-]{1,64}(?=@)")
_CONSONANTS = b"bcdfghjklmnpqrstvwxz"


def respelled(raw: bytes, rng: random.Random) -> bytes:
    """The same mail about other people: new letters in every mailbox name, new digits in long numbers."""
    digits = bytes.maketrans(b"0123456789", bytes(rng.sample(b"0123456789", 10)))
    letters = bytes.maketrans(_CONSONANTS, bytes(rng.sample(_CONSONANTS, len(_CONSONANTS))))
    raw = _DIGITS.sub(lambda found: found[0].translate(digits), raw)
    return _NAMES.sub(lambda found: found[0].translate(letters), raw)


def forget() -> None:
    """Empty every cache of ours but those of the tables."""
    for thing in gc.get_objects():
        if isinstance(thing, functools._lru_cache_wrapper):
            mine = str(getattr(thing, "__module__", "")).startswith("unlisted.")
            if mine and thing.__name__ not in KNOWLEDGE:
                thing.cache_clear()


def ours(mails: list[bytes]) -> int:
    """Refusals found."""
    return sum(len(bounce.refusals(raw, "")) for raw in mails)


def theirs(mails: list[bytes]) -> int:
    """Addresses found."""
    return sum(len(scan_message(email.message_from_bytes(raw))) for raw in mails)


def main() -> int:
    """Read all mails in every round, in turn, and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--corpus", type=Path, default=None, help="folder of .eml files")
    args = parser.parse_args()
    named = os.environ.get("UNLISTED_CORPORA")
    folder = args.corpus or (Path(named) / "bounces" if named else CORPUS)
    mails = [path.read_bytes() for path in sorted(folder.glob("*.eml"))]
    if not mails:
        sys.stdout.write(f"no bounces at {folder} (set UNLISTED_CORPORA)\n")
        return 0
    rng = random.Random(25)
    found = ours(mails), theirs(mails)  # to warm up: tables read, automata built
    mine: list[float] = []
    peer: list[float] = []
    for _ in range(args.rounds):
        fresh = [respelled(raw, rng) for raw in mails]
        forget()
        mine.append(ratio.measure(lambda fresh=fresh: ours(fresh)))  # type: ignore[misc]
        peer.append(ratio.measure(lambda fresh=fresh: theirs(fresh)))  # type: ignore[misc]
    rates = [len(mails) / statistics.median(seconds) for seconds in (mine, peer)]
    kilobytes = sum(map(len, mails)) / len(mails) / 1000
    sys.stdout.write(
        f"{len(mails)} bounces of {kilobytes:.1f} kB, {found[0]} refusals: ours {rates[0]:,.0f} messages/s, "
        f"flufl.bounce {rates[1]:,.0f} ({found[1]} addresses), ratio {rates[0] / rates[1]:.2f} "
        f"(goal {GOAL:,}/s)\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
