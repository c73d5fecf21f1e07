"""What is missing where nothing could be told, and what to do about that: for `find` in all its forms."""

import argparse
import shlex
from typing import TYPE_CHECKING

from unlisted.errors import UnlistedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from unlisted.edge.folder import Gathered
    from unlisted.edge.reading import Reading
    from unlisted.find.who import Who
    from unlisted.messages import Suspect

FARTHEST = 14 * 3600  # seconds; no zone is farther from UTC
BLOCK = "block and log outgoing port 25 at the router, then give me that log"
# Kinds that answer by their names: what people carry logs in, and what programs record.
_MEANT = ("archive", "packed with", "capture", "Argus", "journal", "flow", "log")


def lacking(args: argparse.Namespace, gathered: "Gathered", why: str) -> int:
    """Say why nothing could be told and what would help; 4 where a file may not be read, else 3."""
    from unlisted import show

    show.say(f"could not tell: {why}")
    sources = shlex.join([*args.source, *args.leases])
    if closed := [one for one in gathered.readings if one.trouble == "permission denied"]:
        show.say(f"next: sudo unlisted find {sources}   ({show.clean(closed[0].path, 100)} may not be read)")
        return 4
    if unread := [one for one in gathered.readings if not one.understood and telling(one)]:
        first = unread[0]
        what, _, mend = first.trouble.partition(": ")
        mend = "" if what.startswith("cut off") else mend
        step = f"{mend} ({show.clean(first.path, 100)} is {what})" if mend else _again(first)
        show.say(f"next: {step}")
    elif gathered.has("maillogs"):
        show.say(f"next: unlisted investigate {sources}   (a mail server's log names an account, no device)")
    else:
        show.say(f"next: {BLOCK}")
    return 3


def _again(reading: "Reading") -> str:
    from unlisted import show

    return f"{show.clean(reading.path, 100)} once more, whole: it is {reading.trouble}"


def telling(reading: "Reading") -> bool:
    """True for a file that likely holds a log and could not be read."""
    cut = reading.trouble.startswith("cut off")
    return cut or any(word in reading.trouble.partition(": ")[0] for word in _MEANT)


def first_what_matters(left: "Iterable[Reading]") -> "list[Reading]":
    """Files that were not read: what may be a log before pictures."""
    return sorted(left, key=lambda one: not (telling(one) or one.trouble == "permission denied"))


def handed_over(suspects: "Iterable[Suspect]", who: "Who") -> "Iterator[str]":
    """Where a name hangs on the zone that was assumed: another had the address within a day's zones of it."""
    from unlisted import show

    for one in suspects:
        address, at = one.device.address, one.flagged_at
        if one.verdict == "honest" or address is None or at is None:
            continue
        others = {
            span.mac
            for span in who.spans(address)
            if span.mac != one.device.mac and span.start - FARTHEST <= at <= span.end + FARTHEST
        }
        if others:
            had = ", ".join(sorted(others)[:3])
            yield (
                f"{show.clean(one.device.key)} rests on the time zone that was assumed: {address} was {had}'s"
                " within hours of it. Say the zone of the log: --zone ZONE"
            )


def check(args: argparse.Namespace) -> None:
    """Exit 2 for options that mean nothing together."""
    asked = args.seen is not None or args.contacted is not None
    if args.skew is not None and not asked and not args.at:
        raise UnlistedError(
            "--skew is for --seen, --contacted and --at",
            remedy="--seen ADDR:PORT --at TIME --skew 30s",
            code=2,
        )
