"""`unlisted check --offline`: list files against own addresses, without asking anybody."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from unlisted import net, show
from unlisted.errors import ConfigError, UnlistedError
from unlisted.net import Address

if TYPE_CHECKING:
    from unlisted.notice.offline import Hits, Ranges

SHOWN = 20  # entries of one list that a person is shown; --json has them all


class Found(Struct, frozen=True):
    """As `check --json` promises, and the entry and line that matched."""

    address: str
    list: str
    zone: str
    state: str
    codes: tuple[str, ...]
    meaning: str
    reason: str
    why: str
    scope: str
    removal: str
    weight: float
    since: float | None
    entry: str
    line: int


def run(args: argparse.Namespace, own: Sequence[Address]) -> int:
    """Read, meet, show. 1 listed, 0 not, 3 when no list could be read."""
    from unlisted.edge import offline as files

    mine = _own(args.address, own)
    if not mine.count:
        raise ConfigError("no own address to look for", remedy="unlisted check --offline LIST 203.0.113.0/24")
    total = read = 0
    for name in dict.fromkeys(args.offline):
        try:
            listed = files.load(Path(name))
        except UnlistedError as error:
            show.say(
                f"unlisted: {show.clean(error.what)}" + (f"\n  try: {error.remedy}" if error.remedy else "")
            )
            continue
        read += 1
        total += _list(args, name, listed, mine)
    return 1 if total else 0 if read else 3


def _own(words: Sequence[str], own: Sequence[Address]) -> "Ranges":
    """Own ranges as words of the command line, as files (@FILE, - for stdin), or as configured."""
    from unlisted.edge import offline as files
    from unlisted.notice import offline

    plain = [word for word in words if not word.startswith("@") and word != "-"]
    said = offline.read("\n".join(plain if words else map(str, own)).encode())
    if said.odd:
        one = said.odd[0]
        raise ConfigError(
            f"{show.clean(one.text, 80)!r} is no address or range: {one.why}", remedy="as in 203.0.113.0/24"
        )
    parts = [said] if said.count or len(plain) == len(words) else []
    for word in words:
        if word == "-":
            parts.append(offline.read(sys.stdin.buffer.read(files.MOST)))
        elif word.startswith("@"):
            parts.append(files.load(Path(word[1:])))
    mine = offline.joined(parts)
    _misses("your own addresses", mine)
    return mine


def _list(args: argparse.Namespace, name: str, listed: "Ranges", mine: "Ranges") -> int:
    """One list: its rows, or its part of the page; returns how many own addresses are on it."""
    from unlisted.notice import offline

    hits = offline.meet(mine, listed)
    count = hits.addresses if len(hits.first) or hits.six else 0
    if args.json:
        for row in _rows(name, listed, hits, None):
            show.emit(row)
    elif count:
        _page(name, listed, hits, count)
    else:
        say = show.console().print
        say(show.clean(f"{name}: none of your addresses is in its {listed.count:,} entries"), soft_wrap=True)
    _misses(name, listed)
    return count


def _page(name: str, listed: "Ranges", hits: "Hits", count: int) -> None:
    from rich.table import Table

    entries = len(hits.first) + len(hits.six)
    what = show.count(count, "address", "addresses")
    table = Table(title=show.clean(f"{name}: {what} of yours listed"), title_justify="left")
    for heading in ("address", "line", "entry"):
        table.add_column(heading, overflow="fold")
    for row in _rows(name, listed, hits, SHOWN):
        table.add_row(row.address, str(row.line), show.clean(row.entry, 100))
    console = show.console()
    console.print(table)
    if entries > SHOWN:
        console.print(f"and {entries - SHOWN:,} more: --json has them all", soft_wrap=True)


def _rows(name: str, listed: "Ranges", hits: "Hits", most: int | None) -> list[Found]:
    """The first `most` hits, with the entries that matched."""
    from unlisted.edge import offline as files
    from unlisted.notice import offline

    four = zip(
        hits.first[:most].tolist(), hits.last[:most].tolist(), hits.offset[:most].tolist(), strict=True
    )
    spans = [(4, *one) for one in four] + [(6, *one) for one in hits.six]
    spans = spans[:most]
    texts = files.lines(Path(name), [offset for *_, offset in spans])
    made = []
    for (version, first, last, offset), (number, text) in zip(spans, texts, strict=True):
        code, reason = offline.value(text, listed.defaults, offset)
        made.append(
            Found(
                address=offline.spelled(first, last, version),
                list=Path(name).name,
                zone=name,
                state="listed",
                codes=(code,) if code else (),
                meaning="",
                reason=reason[:1000],
                why="",
                scope="address" if first == last and net.ip(text.split()[0].strip(",;")) else "range",
                removal="",
                weight=0.0,
                since=None,
                entry=text.strip()[:300],
                line=number,
            )
        )
    return made


def _misses(name: str, ranges: "Ranges") -> None:
    """What was not understood is counted, and the first of it is shown."""
    if not ranges.odd_count:
        return
    lines = show.count(ranges.odd_count, "line")
    show.say(f"unlisted: {show.clean(name)}: {lines} not understood, the first of them:")
    for one in ranges.odd[:3]:
        show.say(f"  {show.clean(one.text, 80)}: {one.why}")
