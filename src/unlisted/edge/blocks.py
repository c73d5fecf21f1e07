"""Files as blocks of whole lines: opened whatever they are packed with, read in bounded memory.

A cut-off archive gives what it holds and then says so; a line without an end does not fill the memory.
"""

import bz2
import codecs
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 20  # bytes; read, scanned and counted while it is still in the processor's cache
LONGEST = 64 << 10  # bytes; a longer line is no log line and is counted, not parsed


_BOM = b"\xef\xbb\xbf"
OLD = "unlisted.old"


def _old(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8 are of the days before: ISO 8859-1, as in the name of a host in a log."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(OLD, _old)


def text(data: bytes | bytearray) -> str:
    """Bytes of a log as text, whatever they are. NULs are where a disk lost power."""
    made = data.decode("utf-8", OLD).removeprefix("\ufeff")  # Windows' mark, wherever a relay put it
    return made.replace("\0", "") if "\0" in made else made


class Wide(io.BytesIO):
    """UTF-16, as Windows' tools write it when told to write into a file, given as UTF-8."""

    def __init__(self, path: Path, code: str = "utf-16") -> None:
        super().__init__()
        self.fileobj = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(code)("replace")
        self._rest = b""

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next of it, no more than `size` bytes (letters of other scripts grow); b"" at the end."""
        asked = -1 if size is None or size < 0 else max(2, size)
        while not self._rest:
            data = self.fileobj.read(asked)
            self._rest = self._decoder.decode(data, final=not data).encode("utf-8", "replace")
            if not data:
                break
        end = len(self._rest) if asked < 0 else size or 0
        given, self._rest = self._rest[:end], self._rest[end:]
        return given

    def close(self) -> None:
        """The file is closed with it."""
        self.fileobj.close()
        super().close()


class Zipped(io.BytesIO):
    """The files in a zip archive, one after the other, as Windows packs logs."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fileobj = path.open("rb")
        try:
            self._zip = zipfile.ZipFile(self.fileobj)
            self._left = [one for one in self._zip.infolist() if not one.is_dir() and not one.flag_bits & 1]
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            self.fileobj.close()
            raise OSError("a zip archive: unpack it, if that goes: it is damaged") from error
        self._open: IO[bytes] | None = None

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next of it; b"" at the end. A file that ends without a newline gets one."""
        try:
            while self._open is not None or self._left:
                if self._open is None:
                    self._open = self._zip.open(self._left.pop(0))
                if data := self._open.read(size if size and size > 0 else BLOCK):
                    return data
                self._open = None
                if self._left:
                    return b"\n"
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise EOFError(str(error)) from error
        return b""

    def close(self) -> None:
        """The file is closed with it."""
        self.fileobj.close()
        super().close()


Stream: TypeAlias = io.FileIO | Wide | Zipped | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile

_PACKED: tuple[tuple[bytes, Callable[[Path], Stream]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"PK\x03\x04", Zipped),
    (b"\xff\xfe", Wide),
    (b"\xfe\xff", Wide),
)
# What we know by its first bytes and cannot read as text.
_KNOWN = (
    (b"PAR1", "parquet"),
    (b"\x83\x10\x00", "a file of Argus"),
    (b"snoop\0\0\0", "a packet capture (snoop)"),
    (b"GMBU", "a packet capture (Network Monitor)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"%PDF", "a PDF"),
    (b"\x7fELF", "a program"),
    (b"LPKSHHRH", "a journal of systemd (journalctl -o short-iso --file FILE writes it as text)"),
    (b"\x1f\x9d", "packed with compress"),
)


class Block(NamedTuple):
    """Whole lines (the last may lack its newline at the end of the file), until the next one is asked for."""

    buffer: bytearray  # used again for the next block
    end: int  # how much of it is of this block
    first: int  # number of its first line, from 1
    lines: int
    ends: npt.NDArray[np.bool_]  # per byte: a newline
    read: int  # bytes of the file read so far, as they lie on the disk
    longest: int = LONGEST  # a longer line is not parsed

    @property
    def data(self) -> bytes:
        """The lines, as a copy of their own."""
        return bytes(memoryview(self.buffer)[: self.end])

    def line_at(self, place: int, since: int = 0) -> int:
        """How many lines end between two places."""
        return int(np.count_nonzero(self.ends[since:place]))


class Cut(Exception):  # noqa: N818 - it is a fact about the file, not an error of ours
    """The archive ends before its end. Raised after the last block that could be read."""


def unpack(path: Path) -> Stream:
    """The file's bytes, unpacked when it is packed."""
    with path.open("rb") as file:
        head = file.read(200)
    for magic, opener in _PACKED:
        if head.startswith(magic):
            return opener(path)
    if len(head) >= 40 and b"\0" not in head[::2] and not any(head[1::2]):
        return Wide(path, "utf-16-le")
    return io.FileIO(path)


def known(head: bytes) -> str:
    """What a file that is no text is, by its first bytes; "" for text, "a binary file" when unknown."""
    for magic, name in _KNOWN:
        if head.startswith(magic):
            return name
    # A log that lost power has a run of NULs, a mail may have one: a share tells, not one odd byte.
    odd = sum(head.count(bytes([code])) for code in (*range(1, 9), *range(14, 27), 28, 29, 30, 31))
    lost = head.count(0)
    # A run of NULs is the only thing wrong with a log that lost power: its lines are text.
    whole = len(head) - lost
    runs = sum(1 for part in head.split(b"\0") if part)
    return "a binary file" if odd * 20 > whole or (lost * 20 > len(head) and runs > lost // 100 + 1) else ""


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


def blocks(path: Path, size: int = BLOCK, span: tuple[int, int] | None = None) -> Iterator[Block]:
    """The file in whole lines. OSError when it cannot be read, `Cut` where an archive ends early.

    `span`: only from one byte to another, of a file that is not packed. The bytes stay in one buffer: memory
    that is new for each block would cost more than the reading.
    """
    buffer, number, kept, cut = bytearray(size + LONGEST + 1), 1, 0, False
    ends = np.empty(len(buffer), np.bool_)
    with unpack(path) as file:
        left = span[1] - span[0] if span else -1
        if span:
            file.seek(span[0])
        while not cut:
            more, cut = _into(file, buffer, kept, size if left < 0 else min(size, left))
            if not more:
                break
            left -= more if span else 0
            if number == 1 and not kept and buffer.startswith(_BOM) and not (span and span[0]):
                more -= len(_BOM)
                buffer[:more] = buffer[len(_BOM) : more + len(_BOM)]
            filled = kept + more
            end = buffer.rfind(b"\n", kept, filled) + 1
            if not end:
                # Half a line without an end: kept as far as anybody will look at it.
                kept = min(filled, LONGEST + 1)
                continue
            made = _block(buffer, end, number, ends, file)
            yield made
            number += made.lines
            kept = min(filled - end, LONGEST + 1)
            buffer[:kept] = buffer[end : end + kept]
        if kept:
            yield _block(buffer, kept, number, ends, file)
        if cut:
            raise Cut


def _into(file: Stream, buffer: bytearray, start: int, size: int) -> tuple[int, bool]:
    """Like `piece`, into a buffer: how many bytes."""
    if isinstance(file, io.FileIO):
        return file.readinto(memoryview(buffer)[start : start + size]) or 0, False
    data, cut = piece(file, size)
    buffer[start : start + len(data)] = data
    return len(data), cut


def _block(buffer: bytearray, end: int, number: int, ends: npt.NDArray[np.bool_], file: Stream) -> Block:
    here = np.equal(np.frombuffer(buffer, np.uint8, end), 10, out=ends[:end])
    lines = int(np.count_nonzero(here)) + (buffer[end - 1] != 10)
    return Block(buffer, end, number, lines, here, told(file))


def block(data: bytes, number: int, file: Stream) -> Block:
    """Whole lines, made elsewhere, with what is counted of them."""
    return _block(bytearray(data), len(data), number, np.empty(len(data), np.bool_), file)


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
