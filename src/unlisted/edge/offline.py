"""List files from the disk, packed or not, with a compiled index beside them for the next time."""

import hashlib
import os
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from unlisted.edge import blocks
from unlisted.errors import UnlistedError
from unlisted.notice import offline
from unlisted.notice.offline import Odd, Ranges

MOST = 1 << 30  # octets of one list, unpacked
_MAGIC = b"unlisted ranges 1\n"
_SUFFIX = ".unlisted-index"


class _Head(Struct, frozen=True):
    """What stands in front of an index's columns. Another `stamp`, another list: made anew."""

    stamp: str
    check: int  # CRC-32 of the columns: damage is seen, not malice; who may write here may write the list
    count: int
    six: tuple[tuple[str, str, int], ...]  # 128-bit numbers as text
    cut: tuple[tuple[int, str, str], ...]
    defaults: tuple[tuple[int, str], ...]
    odd: tuple[Odd, ...]
    odd_count: int
    rounded: int


def load(path: Path, *, index: bool = True) -> Ranges:
    """A list's entries, from its index where that is of this very file. UnlistedError when unreadable."""
    try:
        stamp = _stamp(path)
        if index and (known := _from_index(path, stamp)) is not None:
            return known
        ranges = offline.read(contents(path))
    except OSError as error:
        code = 4 if isinstance(error, PermissionError) else 3
        raise UnlistedError(f"cannot read {path}: {error.strerror or error}", code=code) from None
    if index and path.is_file():
        _keep(path, stamp, ranges)
    return ranges


def contents(path: Path) -> bytes:
    """The file's octets, unpacked; what a cut-off archive holds, at most `MOST`."""
    if path.is_dir():
        raise UnlistedError(f"{path} is a folder", remedy="name the list files in it")
    parts: list[bytes] = []
    size = 0
    with blocks.unpack(path) as stream:
        while size < MOST:
            try:
                part = stream.read(1 << 20)
            except (EOFError, OSError, ValueError) as error:
                if not parts:
                    raise UnlistedError(f"cannot unpack {path}: {error}") from None
                break
            if not part:
                break
            parts.append(part)
            size += len(part)
    data = b"".join(parts)
    kind = blocks.known(data[:64])
    if kind and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnlistedError(f"{path} is {kind}, no list", remedy="name a text file")
    return data


def lines(path: Path, offsets: list[int]) -> list[tuple[int, str]]:
    """Number (from 1) and text of the lines that begin at these places."""
    data = contents(path)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode()
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    numbers = np.searchsorted(ends, offsets) + 1
    made = []
    for number, offset in zip(numbers.tolist(), offsets, strict=True):
        end = int(ends[number - 1]) if number <= len(ends) else len(data)
        made.append((number, data[offset : min(end, offset + offline.LONGEST)].decode("utf-8", "replace")))
    return made


def _stamp(path: Path) -> str:
    """Changes when the file does: size, time, place, and its first and last octets."""
    told = os.stat(path)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, told.st_size - 4096))
        ends = hashlib.blake2b(head + file.read(4096), digest_size=16).hexdigest()
    return f"{told.st_size}.{told.st_mtime_ns}.{told.st_ino}.{ends}"


def _place(path: Path) -> Path:
    return path.with_name(path.name + _SUFFIX)


def _from_index(path: Path, stamp: str) -> Ranges | None:
    """The columns as they were kept; None for none, for another file's, and for a damaged one."""
    try:
        data = _place(path).read_bytes()
        if not data.startswith(_MAGIC):
            return None
        begin = data.index(b"\n", len(_MAGIC)) + 1
        head = msgspec.json.decode(data[len(_MAGIC) : begin], type=_Head)
        if (
            head.stamp != stamp
            or len(data) - begin != head.count * 16
            or head.check != zlib.crc32(data[begin:])
        ):
            return None
        first = np.frombuffer(data, "<u4", head.count, begin)
        last = np.frombuffer(data, "<u4", head.count, begin + head.count * 4)
        offset = np.frombuffer(data, "<u8", head.count, begin + head.count * 8)
        return Ranges(
            first,
            last,
            offset,
            tuple((int(a), int(b), at) for a, b, at in head.six),
            tuple((version, int(a), int(b)) for version, a, b in head.cut),
            head.defaults,
            head.odd,
            head.odd_count,
            head.rounded,
        )
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _keep(path: Path, stamp: str, ranges: Ranges) -> None:
    """Write the index beside the list, whole or not at all; where one may not write, there is none."""
    columns = b"".join(
        column.astype(kind).tobytes()
        for column, kind in ((ranges.first, "<u4"), (ranges.last, "<u4"), (ranges.offset, "<u8"))
    )
    head = _Head(
        stamp,
        zlib.crc32(columns),
        len(ranges.first),
        tuple((str(a), str(b), at) for a, b, at in ranges.six),
        tuple((version, str(a), str(b)) for version, a, b in ranges.cut),
        ranges.defaults,
        ranges.odd,
        ranges.odd_count,
        ranges.rounded,
    )
    place = _place(path)
    half = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError):
        try:
            half.write_bytes(_MAGIC + msgspec.json.encode(head) + b"\n" + columns)
            half.replace(place)
        finally:
            half.unlink(missing_ok=True)
