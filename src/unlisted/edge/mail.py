"""Mail from files, folders and stdin: single messages, mbox, Maildir, gzip, and texts that are none.

Recognized by content, never by name. Reads at most `limit` bytes of a message and says what it left;
what cannot be read is a value with the reason, so that the rest is still done.
"""

import gzip
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from msgspec import Struct

from unlisted.notice import report

LIMIT = 1 << 20  # bytes of one message: a report precedes what it returns, and is a few kB long
LINE = 1 << 16  # bytes of one line; longer ones are cut into pieces
PASTE = 1 << 16  # bytes: a file that holds a pasted reply is small

_HEADER = re.compile(rb"([!-9;-~]{1,70})[ \t]*:")
_KNOWN = frozenset(
    b"from to subject date received return-path message-id content-type mime-version delivered-to "
    b"x-original-to auto-submitted reply-to sender cc envelope-to x-failed-recipients in-reply-to".split()
)
_POSTMARK = re.compile(rb"From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b")
_BARE = re.compile(
    r"\s{0,8}[245][0-9]{2}[ -]|.{0,400}\b(?:status=(?:bounced|deferred)|said: [45][0-9]{2})", re.DOTALL
)


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
    if report.is_document(head):
        return True
    head = head[:8192].lstrip(b"\r\n")
    lines = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines and lines[0].startswith((b"From ", b">From ")):
        lines = lines[1:]
    known = 0
    for line in lines[:60]:
        if not line.strip():
            break
        if line[:1] in b" \t":
            continue
        found = _HEADER.match(line)
        if not found:
            break
        known += found[1].lower() in _KNOWN or found[1].lower().startswith(b"x-")
    return known >= 2


def messages(path: str, limit: int = LIMIT, *, named: bool = True) -> Iterator[Message | Unread]:
    """Every message under `path`: a file, a folder (Maildir or not, recursively) or "-" for stdin.

    `named`: the person gave this very file, so a text without mail headers is meant to be a reply.
    """
    if path == "-":
        yield from _stream("stdin", cast(BinaryIO, sys.stdin.buffer), limit, named=True)
    elif os.path.isdir(path):
        yield from _folder(path, limit)
    else:
        yield from _file(path, limit, named=named)


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
        if not stat.S_ISREG(os.stat(path).st_mode) and not named:
            yield Unread(path, "not a regular file")
            return
        with open(path, "rb") as file:
            yield from _stream(path, file, limit, named=named)
    except OSError as error:
        yield Unread(path, error.strerror or "cannot be read")


def _stream(source: str, file: BinaryIO, limit: int, *, named: bool) -> Iterator[Message | Unread]:
    """`named`: the person gave this very file, so a text in it is meant to be read."""
    head = file.read(8192)
    if head.startswith(b"\x1f\x8b"):
        packed = gzip.GzipFile(fileobj=_Rewound(head, file), mode="rb")  # type: ignore[call-overload]
        try:
            yield from _plain(source, packed.read(8192), cast(BinaryIO, packed), limit, named=named)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield Unread(source, f"damaged gzip: {error}")
        return
    yield from _plain(source, head, file, limit, named=named)


def _plain(
    source: str, head: bytes, file: BinaryIO, limit: int, *, named: bool
) -> Iterator[Message | Unread]:
    if not head.strip():
        yield Unread(source, "empty")
    elif _POSTMARK.match(head.lstrip(b"\r\n")):
        yield from _mbox(source, _Rewound(head, file), limit)
    elif report.is_document(head):
        raw, cut = _bounded(head, file, limit)
        yield Message(source, report.as_mail(raw), cut=cut)
    elif is_mail(head):
        raw, cut = _bounded(head, file, limit)
        yield Message(source, raw, cut=cut)
    elif b"\x00" in head:
        yield Unread(source, "binary, not a mail")
    else:
        raw, cut = _bounded(head, file, PASTE)
        if named or (not cut and _BARE.match(raw[:2000].decode("utf-8", "replace").lstrip())):
            yield Message(source, raw, mail=False, cut=cut)
        else:
            yield Unread(source, "no mail in it")


def _bounded(head: bytes, file: BinaryIO, limit: int) -> tuple[bytes, int]:
    """At most `limit` bytes, and how many more there are."""
    raw = head + file.read(max(0, limit - len(head)))
    cut = 0
    while block := file.read(1 << 20):
        cut += len(block)
    return raw[:limit], cut + len(raw[limit:])


def _mbox(source: str, file: "_Rewound", limit: int) -> Iterator[Message]:
    """Messages of an mbox (RFC 4155): a "From " line after an empty one; >From unquoted (mboxrd)."""
    lines: list[bytes] = []
    size = cut = number = 0
    empty = True
    while line := file.readline(LINE):
        if empty and _POSTMARK.match(line):
            if lines:
                number += 1
                yield Message(f"{source}#{number}", b"".join(lines), cut=cut)
            lines, size, cut, empty = [], 0, 0, False
            continue
        empty = not line.strip()
        if size + len(line) <= limit:
            lines.append(
                line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line
            )
            size += len(line)
        else:
            cut += len(line)
    if lines:
        yield Message(f"{source}#{number + 1}" if number else source, b"".join(lines), cut=cut)


class _Rewound:
    """A stream with the bytes put back that were read to recognize it; pipes cannot seek."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._file.read(size)
        if size < 0:
            taken, self._head = self._head + self._file.read(), b""
            return taken
        taken, self._head = self._head[:size], self._head[size:]
        return taken

    def readline(self, size: int) -> bytes:
        """One line, or `size` bytes of it."""
        if not self._head:
            return self._file.readline(size)
        end = self._head.find(b"\n") + 1
        if end:
            taken, self._head = self._head[: min(end, size)], self._head[min(end, size) :]
            return taken
        taken, self._head = self._head, b""
        return taken + self._file.readline(max(1, size - len(taken)))
