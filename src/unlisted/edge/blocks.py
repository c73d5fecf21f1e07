"""Files as blocks of whole lines: opened whatever they are packed with, read in bounded memory.

A cut-off archive gives what it holds and then says so; a line without an end does not fill the memory.
"""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 20  # bytes; read, scanned and counted while it is still in the processor's cache
LONGEST = 64 << 10  # bytes; a longer line is no log line and is counted, not parsed

Stream: TypeAlias = io.FileIO | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile

_PACKED: tuple[tuple[bytes, Callable[[Path], Stream]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)
# What we know by its first bytes and cannot read as text.
_KNOWN = (
    (b"PAR1", "parquet"),
    (b"\x83\x10\x00", "a file of Argus"),
    (b"snoop\0\0\0", "a packet capture (snoop)"),
    (b"GMBU", "a packet capture (Network Monitor)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF"),
    (b"\x7fELF", "a program"),
    (b"LPKSHHRH", "a journal of systemd (journalctl -o short-iso --file FILE writes it as text)"),
    (b"\x1f\x9d", "packed with compress"),
)


class Block(NamedTuple):
    """Whole lines (the last may lack its newline at the end of the file)."""

    data: bytes
    first: int  # number of its first line, from 1
    lines: int
    ends: npt.NDArray[np.bool_]  # per byte: a newline
    read: int  # bytes of the file read so far, as they lie on the disk

    def line_at(self, place: int, since: int = 0) -> int:
        """How many lines end between two places."""
        return int(np.count_nonzero(self.ends[since:place]))


class Cut(Exception):  # noqa: N818 - it is a fact about the file, not an error of ours
    """The archive ends before its end. Raised after the last block that could be read."""


def unpack(path: Path) -> Stream:
    """The file's bytes, unpacked when it is packed."""
    with path.open("rb") as file:
        head = file.read(6)
    for magic, opener in _PACKED:
        if head.startswith(magic):
            return opener(path)
    return io.FileIO(path)


def known(head: bytes) -> str:
    """What a file that is no text is, by its first bytes; "" for text, "a binary file" when unknown."""
    for magic, name in _KNOWN:
        if head.startswith(magic):
            return name
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text (save it as UTF-8)"
    # A log that lost power has a run of NULs, a mail may have one: a share tells, not one odd byte.
    odd = sum(head.count(bytes([code])) for code in (*range(9), *range(14, 27), 28, 29, 30, 31))
    return "a binary file" if odd * 20 > len(head) else ""


def head(path: Path, size: int = 64 << 10) -> bytes:
    """The first bytes of what is in the file; b"" for an empty one. OSError when it cannot be read."""
    with unpack(path) as file:
        return piece(file, size)[0]


def piece(file: Stream, size: int) -> tuple[bytes, bool]:
    """Up to `size` bytes, and whether an archive broke off behind them. Fewer only at the end."""
    if isinstance(file, io.FileIO):
        return file.read(size) or b"", False
    parts: list[bytes] = []
    missing = size
    try:
        # read1 gives what could still be unpacked; read would throw it away with the error.
        while missing > 0 and (part := file.read1(missing)):
            parts.append(part)
            missing -= len(part)
    except (EOFError, OSError, zlib.error, lzma.LZMAError):
        return b"".join(parts), True
    return b"".join(parts), False


def blocks(path: Path, size: int = BLOCK) -> Iterator[Block]:
    """The file in whole lines. OSError when it cannot be read, `Cut` where an archive ends early."""
    number = 1
    with unpack(path) as file:
        rest = b""
        cut = False
        while not cut:
            more, cut = piece(file, size)
            if not more:
                break
            end = more.rfind(b"\n") + 1
            if not end:
                # Half a line without an end: kept as far as anybody will look at it.
                rest = (rest + more)[: LONGEST + 1]
                continue
            data = rest + more[:end] if rest else more[:end]
            block = _block(data, number, file)
            yield block
            number += block.lines
            rest = more[end:]
        if rest:
            yield _block(rest, number, file)
        if cut:
            raise Cut


def _block(data: bytes, number: int, file: Stream) -> Block:
    ends = np.frombuffer(data, np.uint8) == 10
    lines = int(np.count_nonzero(ends)) + (not data.endswith(b"\n"))
    return Block(data, number, lines, ends, told(file))


def told(file: Stream) -> int:
    """How many bytes of the file were read so far, as they lie on the disk."""
    raw = getattr(file, "fileobj", None) or getattr(file, "_fp", None) or file
    tell = getattr(raw, "tell", None)
    try:
        return int(tell()) if tell else 0
    except (OSError, ValueError):
        return 0


def virtual(path: Path) -> bool:
    """True for what only looks like a file: reading some of them waits for ever (/proc/kmsg)."""
    return os.path.realpath(path).startswith(("/proc/", "/sys/", "/dev/"))


def walk(folder: Path) -> list[Path]:
    """Every file below, sorted; hidden ones left out, links followed once and never in a circle.

    A folder that cannot be opened stands there itself, so that whoever reads it says why.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()

    def closed(error: OSError) -> None:
        found.append(Path(str(error.filename)))

    for place, folders, names in os.walk(folder, followlinks=True, onerror=closed):
        try:
            status = os.stat(place)
        except OSError:
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)
