"""Mail from files, folders and stdin: single messages, several in a file, Maildir, gzip, and texts.

Recognized by content, never by name. Reads at most `limit` bytes of a message and says what it left;
what cannot be read is a value with the reason, so that the rest is still done. `mbox` cuts files that
hold several messages.
"""

import gzip
import io
import os
import re
import select
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from msgspec import Struct

from unlisted.edge import mbox, unreadable
from unlisted.edge.mbox import Rewound
from unlisted.notice import pages, replies, report

LIMIT = 10 << 20  # bytes of one message: a report may stand behind screenshots, and behind what was attached
PASTE = 1 << 16  # bytes: a file that holds a pasted reply is small
COUNTED = (
    1 << 30
)  # bytes behind the limit that are counted, and that a gzip is unpacked to: it has any number
NO_MAIL = "no mail in it"
MOMENT = 100  # ms in which a program at the other end of a pipe has opened it

_BARE = re.compile(r"\s{0,8}[245][0-9]{2}[ -]")


class Message(Struct, frozen=True, gc=False):
    """One message or text: where from, its bytes, and how many bytes of it were not read."""

    source: str
    raw: bytes
    mail: bool = True  # False: a text without mail headers
    cut: int = 0


class Unread(Struct, frozen=True, gc=False):
    """What could not be read, and why."""

    source: str
    why: str


def is_mail(head: bytes) -> bool:
    """True when the first bytes of a file are those of a mail, an mbox, or a report in JSON."""
    return report.is_document(head) or mbox.is_mail(head)


def messages(
    path: str, limit: int = LIMIT, *, named: bool = True, waits: Callable[[str], object] = str
) -> Iterator[Message | Unread]:
    """Every message under `path`: a file, a folder (Maildir or not, recursively) or "-" for stdin.

    `named`: the person gave this very file, so a text without mail headers is meant to be a reply.
    `waits` is called with the path of a pipe that nobody writes to yet.
    """
    if path == "-":
        yield from _stream("stdin", cast(BinaryIO, sys.stdin.buffer), limit, named=True)
    elif os.path.isdir(path):
        yield from _folder(path, limit)
    elif named and _is_pipe(path):
        yield from _pipe(path, limit, waits)
    else:
        yield from _file(path, limit, named=named)


def single(path: str, limit: int = LIMIT) -> Message | Unread:
    """The file as one message, whatever is in it: what a Maildir holds (maildir(5))."""
    try:
        with open(path, "rb") as file:
            raw, cut = _bounded(b"", file, limit)
            return Message(path, raw, cut=cut)
    except OSError as error:
        return Unread(path, error.strerror or "cannot be read")


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _pipe(path: str, limit: int, waits: Callable[[str], object]) -> Iterator[Message | Unread]:
    """A named pipe; to open it without a writer would wait for ever, and in silence (fifo(7))."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            poll = select.poll()
            poll.register(file, select.POLLIN)
            if not poll.poll(MOMENT):
                waits(path)
                poll.poll()
            os.set_blocking(file.fileno(), True)
            yield from _stream(path, file, limit, named=True)
    except OSError as error:
        yield Unread(path, error.strerror or "cannot be read")


def _folder(path: str, limit: int) -> Iterator[Message | Unread]:
    failed: list[Unread] = []

    def note(error: OSError) -> None:
        failed.append(Unread(str(error.filename), error.strerror or "cannot be read"))

    for folder, folders, names in os.walk(path, onerror=note):
        # A Maildir's tmp holds what is still being written (maildir(5)).
        maildir = {"cur", "new"} <= set(folders)
        folders[:] = sorted(f for f in folders if not (maildir and f == "tmp"))
        for name in sorted(names):
            yield from _file(os.path.join(folder, name), limit, named=False)
    yield from failed


def _file(path: str, limit: int, *, named: bool) -> Iterator[Message | Unread]:
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not (named and stat.S_ISCHR(mode)):
            yield Unread(path, "not a regular file")
            return
        with open(path, "rb") as file:
            if not stat.S_ISREG(mode) and not file.isatty():  # /dev/zero has no end
                yield Unread(path, "a device, not a file")
                return
            yield from _stream(path, file, limit, named=named)
    except OSError as error:
        yield Unread(path, error.strerror or "cannot be read")


def _stream(source: str, file: BinaryIO, limit: int, *, named: bool) -> Iterator[Message | Unread]:
    """`named`: the person gave this very file, so a text in it is meant to be read."""
    head = file.read(mbox.AHEAD)
    if head.startswith(b"\x1f\x8b"):
        packed = _Unpacked(gzip.GzipFile(fileobj=Rewound(head, file), mode="rb"))  # type: ignore[call-overload]
        try:
            yield from _plain(source, packed.read(mbox.AHEAD), cast(BinaryIO, packed), limit, named=named)
            if not packed.left:
                yield Unread(source, f"unpacks to more than {COUNTED >> 20:,} MiB; the rest was not read")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield Unread(source, f"damaged gzip: {error}")
        return
    yield from _plain(source, head, file, limit, named=named)


def _plain(
    source: str, head: bytes, file: BinaryIO, limit: int, *, named: bool
) -> Iterator[Message | Unread]:
    if not head.strip():
        yield Unread(source, "empty")
    elif why := unreadable.why(head):
        yield Unread(source, why)
    elif report.is_document(head):
        raw, cut = _bounded(head, file, limit)
        yield Message(source, report.as_mail(raw), cut=cut)
    elif mbox.POSTMARK.match(head.lstrip(b"\r\n")) or mbox.is_mail(head):
        if b"\r" in head and b"\n" not in head:
            file, head = io.BufferedReader(_Returns(file)), head.replace(b"\r", b"\n")
        yield from _each(source, mbox.split(Rewound(head, file), limit))
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):  # Windows' Notepad calls it Unicode
        raw, cut = _bounded(head, file, PASTE)
        yield Message(source, raw.decode("utf-16", "replace").encode(), mail=False, cut=cut)
    elif b"\x00" in head:
        yield Unread(source, "binary, not a mail")
    else:
        saved = pages.is_saved(head[:4096].decode("utf-8", "replace"))
        raw, cut = _bounded(head, file, limit if saved else PASTE)
        if named or (not cut and _meant(raw.decode("utf-8", "replace"))):
            yield Message(source, raw, mail=False, cut=cut)
        else:
            yield Unread(source, NO_MAIL)


def _meant(text: str) -> bool:
    """True when a text that nobody named was put there for the replies in it."""
    return bool(_BARE.match(text.lstrip())) or replies.tells(text)


def _bounded(head: bytes, file: BinaryIO, limit: int) -> tuple[bytes, int]:
    """At most `limit` bytes, and how many more there are."""
    raw = head + file.read(max(0, limit - len(head)))
    cut = 0
    while cut < COUNTED and (block := file.read(1 << 20)):
        cut += len(block)
    return raw[:limit], cut + len(raw[limit:])


def _each(source: str, found: Iterator[tuple[bytes, int]]) -> Iterator[Message]:
    """With a number where there are several."""
    number = 0
    held: tuple[bytes, int] | None = None
    for one in found:
        if held is not None:
            yield Message(f"{source}#{number}", held[0], cut=held[1])
        number += 1
        held = one
    if held is not None:
        yield Message(f"{source}#{number}" if number > 1 else source, held[0], cut=held[1])


class _Unpacked(io.RawIOBase):
    """A gzip that ends at `COUNTED` bytes: a kilobyte of it may unpack to a megabyte."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.left = COUNTED

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: Any) -> int:
        """Fill `room` as far as that goes."""
        data = self._file.read(min(len(room), self.left))
        self.left -= len(data)
        room[: len(data)] = data
        return len(data)


class _Returns(io.RawIOBase):
    """A stream whose lines end in CR alone, as on an old Macintosh."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: Any) -> int:
        """Fill `room`, with LF for CR."""
        data = self._file.read(len(room)).replace(b"\r", b"\n")
        room[: len(data)] = data
        return len(data)
