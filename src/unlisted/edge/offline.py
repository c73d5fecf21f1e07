"""List files on disk: plain or gzip, read in blocks, and the compiled index that makes the next run short.

The index lies in the person's cache directory, never beside the list: who may write a list's folder must
not be able to tell us what the list says. It is believed only while path, size, inode, times of change and
both ends of the file are the same, its version is ours and its checksum holds; otherwise it is made anew.
"""

import bisect
import contextlib
import hashlib
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from unlisted.edge import unreadable
from unlisted.notice import offline
from unlisted.notice.intervals import Segments
from unlisted.notice.offline import Account, Listed

MAGIC = b"unlisted list index 3\n"
SETTLED = 2.0  # seconds: a file changed so lately may change again within the same tick of its clock
WORTH = 1 << 20  # bytes: smaller files are read as fast as their index
FEW = 64  # lines: more are found faster in one pass
_NO_PLACES = (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")  # a byte read is none of the file's
_END = 1 << 16  # bytes at either end that are compared


class _Head(msgspec.Struct, frozen=True):
    key: str
    count: int
    account: Account


def read(path: str, *, index: bool = True) -> Listed:
    """A list file; one that cannot be read says why in `account.trouble`. Never raises."""
    try:
        with _opened(path) as file:
            there = os.fstat(file.fileno())
            if why := _kind(there):
                return _nothing(why)
            keep = index and there.st_size >= WORTH
            key = _key(path, file, there) if keep else ""
            if keep and (known := _load(_place(path), key)) is not None:
                return known
            found = _parse(chunks(file))
            if keep and not found.account.trouble and time.time() - there.st_ctime > SETTLED:
                _save(_place(path), key, found)
            return found
    except OSError as error:
        return _nothing(error.strerror or str(error))


def read_stream(file: BinaryIO) -> Listed:
    """What comes through a pipe: read once, no index."""
    return _parse(iter(lambda: file.read(offline.CHUNK), b""))


def texts(path: str, wanted: Iterable[int], places: Sequence[tuple[int, int]] = ()) -> dict[int, str]:
    """Some lines of a list file, for showing; `places` leads to a few of them directly."""
    numbers = sorted(set(wanted))
    found: dict[int, str] = {}
    try:
        with _opened(path) as file:
            head = file.read(3)
            file.seek(0)
            if len(numbers) > FEW or not places or head.startswith(_NO_PLACES):
                return offline.lines(_told(chunks(file), []), numbers)
            for number in numbers:
                line, at = places[bisect.bisect(places, (number, sys.maxsize)) - 1]
                file.seek(at)
                found |= offline.lines(iter(lambda: file.read(offline.CHUNK), b""), [number], line)
    except OSError:
        pass
    return found


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file's bytes, unpacked."""
    head = file.read(2)
    file.seek(0)
    if head != b"\x1f\x8b":
        return iter(lambda: file.read(offline.CHUNK), b"")
    import gzip

    source = gzip.GzipFile(fileobj=file)
    return iter(lambda: source.read(offline.CHUNK), b"")


def _opened(path: str) -> BufferedReader:
    # Not to wait for a pipe's writer, who may never come.
    return open(path, "rb", opener=lambda p, f: os.open(p, f | getattr(os, "O_NONBLOCK", 0)))


def _kind(there: os.stat_result) -> str:
    if stat.S_ISREG(there.st_mode):
        return ""
    if stat.S_ISFIFO(there.st_mode):
        return "a pipe: its lines could not be quoted; save it to a file"
    return "no file"


def _nothing(why: str) -> Listed:
    return offline.Reader().done(why)


def _told(parts: Iterator[bytes], trouble: list[str]) -> Iterator[bytes]:
    """The same bytes; a broken archive ends them and says so."""
    try:
        yield from parts
    except (EOFError, zlib.error, OSError) as error:
        trouble.append(f"damaged, read up to the damage ({error})")


def _parse(parts: Iterator[bytes]) -> Listed:
    reader = offline.Reader()
    trouble: list[str] = []
    first = next(parts := _told(parts, trouble), b"")
    if why := unreadable.why(first[:512]):
        return _nothing(why)
    for block in offline.blocks(offline.utf8(_again(first, parts))):
        reader.feed(block)
        if reader.full:
            trouble.append("more entries than any list has: the rest was left")
            break
    return reader.done("; ".join(trouble))


def _again(first: bytes, parts: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from parts


# ---- the compiled index ---------------------------------------------------------------------------


def _place(path: str) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    name = hashlib.blake2b(os.fsencode(os.path.realpath(path)), digest_size=16).hexdigest()
    return Path(home, "unlisted", "lists", f"{name}.index")


def _key(path: str, file: BinaryIO, there: os.stat_result) -> str:
    """What must be the same for an index to be this file's."""
    ends = hashlib.blake2b(file.read(_END), digest_size=16)
    file.seek(max(0, there.st_size - _END))
    ends.update(file.read(_END))
    file.seek(0)
    facts = (there.st_size, there.st_ino, there.st_dev, there.st_mtime_ns, there.st_ctime_ns, sys.byteorder)
    return f"{os.path.realpath(path)} {facts} {ends.hexdigest()}"


def _load(place: Path, key: str) -> Listed | None:
    """The index where it is whole, ours and of this very file; None otherwise."""
    try:
        with _opened(os.fspath(place)) as file:
            there = os.fstat(file.fileno())
            # The cache may be where others write (XDG_CACHE_HOME=/tmp): a file of theirs, or a pipe, is none.
            if _kind(there) or (
                hasattr(os, "getuid") and (there.st_uid != os.getuid() or there.st_mode & 0o022)
            ):
                return None
            if file.readline(len(MAGIC)) != MAGIC:
                return None
            sum_, line = file.readline(16), file.readline(1 << 24)
            head = msgspec.json.decode(line, type=_Head)
            if head.key != key or there.st_size - file.tell() != 12 * head.count:
                return None
            body = np.empty((3, head.count), np.uint32)
            if file.readinto(body.data) != body.nbytes or zlib.crc32(body.data, zlib.crc32(line)) != int(
                sum_, 16
            ):
                return None
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    first, last, name = body
    if not bool((first <= last).all()) or not bool((first[1:] > last[:-1]).all()):
        return None
    try:
        six = [(int(one, 16), int(two, 16), line) for one, two, line in head.account.long]
    except ValueError:
        return None
    return Listed(head.account, Segments(first, last, name), six)


def _save(place: Path, key: str, found: Listed) -> None:
    """Write it whole or not at all; a cache that cannot be written is none."""
    import tempfile

    columns = [np.ascontiguousarray(column) for column in found.four]
    found.account.long = [(f"{one:x}", f"{two:x}", line) for one, two, line in found.six]
    head = msgspec.json.encode(_Head(key, len(found.four.first), found.account)) + b"\n"
    crc = zlib.crc32(head)
    for column in columns:
        crc = zlib.crc32(column.data, crc)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines((MAGIC, b"%08x\n" % crc, head, *(column.data for column in columns)))
        os.replace(name, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
