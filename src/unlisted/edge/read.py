"""A file of evidence, whatever it is: recognized by its content, read, and honest about what was not read.

`read(path)` never raises on what is in a file. Large files whose format allows it are scanned for the
mail ports in whole blocks (RE2), and only the lines found are parsed.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import tzinfo
from itertools import islice
from pathlib import Path

import re2

from unlisted.edge import archives, journal, records, tables, unreadable
from unlisted.edge.blocks import (
    BLOCK,
    Cut,
    head,
    known,
    piece,
    text,
    told,
    unpack,
    virtual,
    walk,
)
from unlisted.edge.dates import placing
from unlisted.edge.lines import Reader, sample
from unlisted.edge.reading import CUT, About, Keeper, Progress, Reading
from unlisted.edge.records import blocks
from unlisted.evidence import OTHER, Fact, Format, Parsed, binary, facts, formats, present
from unlisted.evidence.framing import Near, Stamp, assumptions, stamp

TRIES = 100  # candidates in a block that are looked at for recognizing


def paths(sources: Iterable[str]) -> list[Path]:
    """Files as they are, folders as the files below them; a pattern-free, sorted list without doubles."""
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        found |= dict.fromkeys(walk(path) if os.path.isdir(path) else [path])
    return list(found)


def read(
    path: Path,
    near: float | None = None,
    progress: Progress | None = None,
    take: Callable[[Fact], object] | None = None,
    about: About | None = None,
    zone: tzinfo | None = None,
) -> Reading:
    """Read one file. `near` (Unix seconds) places times without a year; default: the file's own time.

    `take` is given all but attempts as they come; without it they are kept. With `about`, the
    connections that it wants, on whatever port, are given to `take` as well. `zone`: of times that tell none.
    """
    reading = Reading(str(path))
    try:
        status = path.stat()
        if not path.is_file() or virtual(path):
            with os.scandir(path) if path.is_dir() else nullcontext():
                reading.trouble = "not a file"
            return reading
        reading.size = status.st_size
        first = head(path)
        keeper = Keeper(reading, take or reading.events.append, about)
        keeper.written = status.st_mtime
        around = placing(near, status.st_mtime)
        _read(path, first, keeper, around if zone is None else Near(around, zone), progress)
    except PermissionError:
        reading.trouble = "permission denied"
    except FileNotFoundError:
        reading.trouble = "no such file"
    except BrokenPipeError:  # of who is told, while he is
        raise
    except OSError as error:
        reading.trouble = f"cannot be read: {error.strerror or error}"
    return reading


def _read(path: Path, first: bytes, keeper: Keeper, near: float, progress: Progress | None) -> None:
    reading = keeper.reading
    if not first:
        nothing = "cut off or damaged: nothing could be unpacked"
        reading.trouble = (unreadable.why(_raw(path)) or nothing) if reading.size else "empty"
        return
    if form := binary(first):
        reading.trouble = form.refuse(first) if form.refuse else ""
        if reading.trouble:
            return
        reading.kind, reading.kinds, reading.format = form.kind, (form.kind,), form.name
        _stream(path, form, keeper, progress)
        return
    what = known(first)
    if what == "parquet":
        tables.read(path, keeper, near)
        return
    if _is_mail(first):
        reading.kind = reading.format = "mail"
        return
    if what:
        reading.trouble = unreadable.why(first) or f"{what}: not read"
        return
    lines = sample(path, first)
    found = present(lines, near)
    told_apart = any(one.header or one.kind in ("gateway", "flows") for one in found)
    if not told_apart and not records.document(first):
        found += _overlooked(path, found, near)
    if not found:
        nothing = "not recognized: nothing in it looks like a log, a lease or a flow that I know"
        reading.trouble = unreadable.why(first) or nothing
        return
    reading.kind = found[0].kind
    reading.kinds = tuple(dict.fromkeys(one.kind for one in found))
    reading.format = " + ".join(one.name for one in found)
    stamps = [made for line in lines[:200] if (made := _dated(line, found, near))]
    reading.assumed = tuple(filter(None, (archives.names(path), *assumptions(stamps))))
    Reader(path, keeper, found, near).run(progress)


def _dated(line: str, found: Sequence[Format], near: float) -> Stamp | None:
    """When a line was written, by the format that it is in."""
    for one in found:
        if one.dated and one.hint in line and one.parse(line, near) is not None:
            return one.dated(line, near)
    return stamp(line, near)


def _raw(path: Path) -> bytes:
    """The first bytes as they lie on the disk, or of what gzip packed; for naming an archive of nothing."""
    with path.open("rb") as file:
        first = file.read(512)
    try:
        return zlib.decompressobj(31).decompress(first, 512) if first.startswith(b"\x1f\x8b") else first
    except zlib.error:
        return first


def _stream(path: Path, form: Format, keeper: Keeper, progress: Progress | None) -> None:
    """A binary file, in pieces."""
    reading = keeper.reading
    keeper.packets = form.packets
    feed, done, cut = form.stream() if form.stream else _nothing, False, False
    with unpack(path) as file:
        while not done:
            data, cut = piece(file, BLOCK)
            done = cut or not data
            for batch in [data] * bool(data) + [b""] * done:  # the end is told once
                dull = useful = 0
                for number, made in feed(batch):
                    if made is OTHER:
                        dull += 1
                    else:
                        useful += 1
                        keeper.read(made, number, "")
                reading.lines += dull + useful
                reading.other += dull
            if progress:
                progress(told(file), reading.size)
    if cut:
        reading.trouble = CUT
    keeper.finish()


def _nothing(data: bytes) -> Iterable[tuple[int, Parsed]]:  # noqa: ARG001
    return ()


def _is_mail(first: bytes) -> bool:
    from unlisted.edge import mail  # reading mail is heavy; only asked for what is text

    return bool(mail.is_mail(first))


def _overlooked(path: Path, found: Sequence[Format], near: float) -> list[Format]:
    """Formats whose few lines no sample showed: a month of syslog, and one minute of dropped mail in it.

    Only those that can be looked for at memory speed, by their candidates.
    """
    wanted = [
        (one, one.hint.encode(), re2.compile(one.candidate)) for one in formats() if _sought(one, found)
    ]
    seen: list[Format] = []
    try:
        for data in (block.data for block in blocks(path)) if wanted else ():
            for one, hint, scan in wanted:
                if one not in seen and hint in data and _has(data, scan, one, near):
                    seen.append(one)
            if len(seen) == len(wanted):
                break
    except Cut:
        pass  # said when it is read
    return seen


def _sought(one: Format, found: Sequence[Format]) -> bool:
    return bool(one.candidate) and len(one.hint) > 1 and one.name not in {other.name for other in found}


def _has(data: bytes, scan: "re2._Regexp[bytes]", one: Format, near: float) -> bool:
    """True when a line of this block is an event of that format. A stranger's text may look like many."""
    for match in islice(scan.finditer(data), TRIES):
        start = data.rfind(b"\n", 0, match.start()) + 1
        end = data.find(b"\n", match.end() - 1)
        line = journal.plain(text(data[start : end if end >= 0 else len(data)]))
        if one.hint in line and facts(one.parse(line, near)):
            return True
    return False
