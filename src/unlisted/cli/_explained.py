"""`find --explain DEVICE`: the score of one device attempt by attempt, as a table and as a picture."""

import argparse
from typing import TYPE_CHECKING

from unlisted.errors import UnlistedError

if TYPE_CHECKING:
    from unlisted.edge.folder import Gathered
    from unlisted.find.explain import Explained
    from unlisted.find.rank import Setting, Sorted
    from unlisted.messages import Suspect

NAMED = 5  # devices named as what else could be meant


def check(args: argparse.Namespace) -> None:
    """Exit 2 for options that mean nothing together."""
    if args.svg is not None and args.explain is None:
        raise UnlistedError("--svg draws one device's score", remedy="--explain DEVICE --svg FILE", code=2)


def run(args: argparse.Namespace, gathered: "Gathered", setting: "Setting") -> int:
    """Show it. 0 an honest device, 1 another one, 3 could not tell."""
    from unlisted import show
    from unlisted.find import explain, rank

    flows = gathered.flows
    sorted_out = rank.sort_out(flows, gathered.who, setting)
    found = rank.judge(flows, gathered.who, setting, gathered.sent())
    for note in found.notes:
        show.say(note)
    if isinstance(sorted_out, rank.Findings):
        return 3
    explained = explain.explain(sorted_out, _chosen(args.explain, sorted_out))
    [judged] = [one for one in found.suspects if one.device.key == explained.device.key]
    if args.json:
        for place in range(len(explained.rows)):
            show.emit(explained.step(place))
    else:
        _print(explained, judged, everything=args.all)
    if args.svg is not None:
        _draw(args.svg, explained, judged)
    if judged.verdict == "rogue":
        show.say(f"next: sudo unlisted hold {explained.device.key}")
    elif judged.verdict == "suspect":
        show.say(f"next: --sender {explained.device.key} if it may send, else unlisted investigate FOLDER")
    return 0 if judged.verdict == "honest" else 1


def _chosen(text: str, sorted_out: "Sorted") -> int:
    """The device that is meant; exit 2 when it is not one."""
    from unlisted import show
    from unlisted.find import explain

    meant = explain.matching(sorted_out, text)
    if len(meant) == 1:
        return meant[0]
    among = meant or range(len(sorted_out.made.who))
    devices = [sorted_out.made.who[number].device for number in among]
    keys = [f"{one.key} ({show.clean(one.hostname, 40)})" if one.hostname else one.key for one in devices]
    what = "means several devices" if meant else "made no attempt on a mail port in these"
    more = f", and {len(keys) - NAMED:,} more" if len(keys) > NAMED else ""
    raise UnlistedError(
        f"{show.clean(text, 80)!r} {what}",
        remedy=f"--explain with one of {', '.join(keys[:NAMED])}{more}",
        code=2 if meant else 3,
    )


def _names(explained: "Explained") -> str:
    from unlisted import show

    device = explained.device
    names = [str(device.address or ""), device.mac, device.vendor, device.hostname]
    return "  ".join(show.clean(name, 80) for name in names if name)


def _print(explained: "Explained", judged: "Suspect", *, everything: bool) -> None:
    """The table, then both scores as bars."""
    import sys

    from unlisted import plot, show
    from unlisted.find import explain

    out, width = show.console(), show.width()

    def put(text: str) -> None:
        out.print(text, soft_wrap=True)  # rows are as wide as they are to be

    size = len(explained.rows)
    role = f" ({judged.role})" if judged.role else ""
    for row in show.wrap(f"{judged.verdict}{role}: {_names(explained)}", width, hang=2):
        put(row)
    for row in show.wrap(f"because: {show.clean(judged.because, 2000)}", width - 2, hang=2):
        put(f"  {row}")
    put("")
    places = range(size) if everything else explained.shown()
    steps = (explained.step(place) for place in places)
    for row in explain.table(steps, width, len(f"{size}")):
        put(row)
    for row in explain.HEAD:
        put(row)
    if len(places) < size:
        put(f"{len(places):,} of {show.count(size, 'attempt')} shown; --all shows every one")
    plain = not _draws(sys.stdout.encoding)
    for series in explained.series(whole=everything or size <= 2 * explain.NEARBY):
        put("")
        for row in plot.terminal(series, width, plain=plain):
            put(row)


def _draws(encoding: str | None) -> bool:
    """True when the output can spell the bars."""
    try:
        "█▁┼│─".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _draw(path: str, explained: "Explained", judged: "Suspect") -> None:
    """The picture as a file of its own."""
    from pathlib import Path

    from unlisted import plot, show
    from unlisted.find import explain

    panels = explained.series(whole=True)
    if len(explained.rows) > 2 * explain.NEARBY:
        panels = [one for one in explained.series(whole=False) if one not in panels] + panels
    first, last = (show.when(int(explained.flows.at[explained.rows[end]]) / 1e6) for end in (0, -1))
    count = show.count(len(explained.rows), "attempt")
    role = f" ({judged.role})" if judged.role else ""
    told = f"{judged.verdict}{role}: {count} on mail ports, {first} to {last}"
    words = [row for text in (_names(explained), told) for row in show.wrap(text, plot.LETTERS)]
    title = show.clean(explained.device.hostname or explained.device.key, 64)
    try:
        Path(path).write_text(plot.svg(panels, title, words), encoding="utf-8")
    except OSError as error:
        remedy = "--svg FILE, in a folder that is there and that you may write to"
        raise UnlistedError(f"cannot write the picture: {error}", remedy=remedy, code=4) from None
    show.say(f"written: {show.clean(path)}")
