"""Several messages in one stream: an mbox of any kind, or mails that somebody wrote one behind the other.

RFC 4155 and what is older than it: mboxo and mboxrd (">From " unquoted once), mboxcl and mboxcl2 (a
Content-Length, believed where a message really ends there and none begins before). Mails without "From "
lines are told apart where a multipart has ended and a header block begins, or where a bounce begins that
nothing announces.
One line, one message and one look ahead are bounded; the stream may be a pipe.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from unlisted.notice import parts

LINE = 1 << 16  # bytes of one line; longer ones are cut into pieces
BLOCK = 1 << 18  # bytes read at once
AHEAD = 8192  # bytes that are looked at to recognize a mail

POSTMARK = re.compile(rb"From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b")
_HEADER = re.compile(rb"([!-9;-~]{1,70})[ \t]*:")
_KNOWN = frozenset(
    b"from to subject date received return-path message-id content-type mime-version delivered-to "
    b"x-original-to auto-submitted reply-to sender cc envelope-to x-failed-recipients in-reply-to".split()
)
_NEXT = re.compile(rb"\n[ \t]{0,80}\r?\n(?=From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b)")
_EMPTY = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"(?i)\ncontent-length:[ \t]{0,8}([0-9]{1,9})[ \t]{0,8}\r?\n")
_QUOTED = re.compile(rb"(?m)^>(>{0,80}From )")
_DAEMON = re.compile(rb"(?im)^from[ \t]*:.{0,200}(?:mailer-daemon|postmaster|mail delivery)")
_COPY = re.compile(
    rb"(?i)copy of|(?:original|returned) (?:message|mail)|follows?\b|begin message|^content-type:|^--"
)


def is_mail(head: bytes) -> bool:
    """True when the first bytes of a file are those of a mail or an mbox."""
    head = head[:AHEAD].lstrip(b"\r\n")
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


def split(file: "Rewound", limit: int) -> Iterator[tuple[bytes, int]]:
    """Each message's first `limit` bytes, and how many more it has."""
    if POSTMARK.match(file.peek(AHEAD).lstrip(b"\r\n")):
        yield from _marked(file, limit)
        return
    one = _Message(limit)
    while line := file.readline(LINE):
        if one.size and one.ends_before(line, file):
            yield one.taken()
            one = _Message(limit)
        one.add(line)
    if one.size:
        yield one.taken()


def _marked(file: "Rewound", limit: int) -> Iterator[tuple[bytes, int]]:
    """Messages that begin with "From " lines, block by block: a mailbox has millions of lines."""
    data = file.some(BLOCK).lstrip(b"\r\n")
    start = seen = cut = 0  # of the present message: where it begins, is searched from, bytes left out
    more = True
    while True:
        after = seen if cut else _announced(data, start, limit, more=more)
        found = _NEXT.search(data, max(seen, after)) if after is not None else None
        if found or not more:
            stop = found.end() if found else len(data)
            if start < stop:
                yield _unquoted(data[start : min(stop, start + limit)]), cut + max(0, stop - start - limit)
            if not found:
                return
            start, seen, cut = stop, stop, 0
            continue
        if after is not None:
            seen = max(seen, len(data) - AHEAD)
        if seen - start > limit + BLOCK:  # a large one: its beginning is kept, its middle counted
            cut += seen - start - limit
            data, start, seen = data[start : start + limit] + data[seen:], 0, limit
        block = file.some(BLOCK)
        more = bool(block)
        data, start, seen = data[start:] + block, 0, seen - start


def _announced(data: bytes, start: int, limit: int, *, more: bool) -> int | None:
    """Where the message ends by its Content-Length, if it does; else where it begins; None: not yet known.

    The sender writes that number: it must not hide the mails that lie behind his.
    """
    head = _EMPTY.search(data, start, start + limit)
    if head is None or not (found := _LENGTH.search(data, start, head.start() + 1)):
        return start
    stop = head.end() + int(found[1])
    if stop - start > limit:
        return start
    if more and len(data) < stop + AHEAD:
        return None
    behind = data[stop : stop + AHEAD].lstrip(b"\r\n")
    if stop > len(data) or not (POSTMARK.match(behind) or not (behind or more)):
        return start
    jumped = _NEXT.finditer(data, head.start(), stop - 1)
    if any(_HEADER.match(data, data.find(b"\n", one.end()) + 1) for one in jumped):
        return start
    return max(head.start(), stop - 3)


def _unquoted(raw: bytes) -> bytes:
    return _QUOTED.sub(rb"\1", raw) if b"\n>" in raw else raw


class _Message:
    """The message that is being read: its lines, and what says where it ends."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.lines: list[bytes] = []
        self.size = self.cut = 0
        self.empty = False  # the last line was
        self.head = True  # still in the header
        self.close = b""  # what ends a multipart
        self.opened = self.closed = False  # that multipart

    def taken(self) -> tuple[bytes, int]:
        """The bytes, and how many were left out."""
        return b"".join(self.lines), self.cut

    def add(self, line: bytes) -> None:
        """One line more, as far as there is room."""
        self.empty = not line.strip()
        self.size += len(line)
        if self.size <= self.limit:
            self.lines.append(line)
        else:
            room = max(0, self.limit - self.size + len(line))
            self.cut += len(line) - room
            if room:
                self.lines.append(line[:room])
        if self.head and self.empty and len(self.lines) > 1:
            self.head = False
            self._read_header()
        elif self.close and line.startswith(self.close[:-2]):
            self.opened = True
            self.closed = line.rstrip() == self.close

    def ends_before(self, line: bytes, file: "Rewound") -> bool:
        """True when `line` begins the next message."""
        if not self.empty and not self.closed:
            return False
        known = _HEADER.match(line)
        if self.head or not known or known[1].lower() not in _KNOWN or not is_mail(line + file.peek(AHEAD)):
            return False
        return self.closed or (not self.opened and self._bounce(line + file.peek(AHEAD)))

    def _bounce(self, head: bytes) -> bool:
        """The next bounce behind one in plain text, and not the mail that this one returns."""
        head = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        before = b"".join(self.lines[-8:])
        return _DAEMON.search(head) is not None and not _COPY.search(before)

    def _read_header(self) -> None:
        text = b"".join(self.lines).decode("latin-1").replace("\r\n", "\n").lstrip("\n")
        head = parts.Part("", parts.headers_of(text))
        boundary = parts.boundary(head.get("content-type"))
        self.close = f"--{boundary}--".encode("latin-1", "replace") if boundary else b""


class Rewound:
    """A stream with bytes put back that were read ahead; pipes cannot seek."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """What was put back, or else what the stream gives."""
        if not self._head:
            return self._file.read(size)
        if size < 0:
            taken, self._head = self._head + self._file.read(), b""
            return taken
        taken, self._head = self._head[:size], self._head[size:]
        return taken

    def some(self, size: int) -> bytes:
        """At most `size` bytes, and of a pipe what is there; b"" at the end."""
        if self._head:
            return self.read(size)
        read: bytes = getattr(self._file, "read1", self._file.read)(size)
        return read

    def exactly(self, size: int) -> bytes:
        """`size` bytes, fewer at the end only."""
        taken = b""
        while len(taken) < size and (more := self.read(size - len(taken))):
            taken += more
        return taken

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay."""
        if len(self._head) < size:
            self._head = self.exactly(size)
        return self._head[:size]

    def readline(self, size: int) -> bytes:
        """One line, or `size` bytes of it."""
        if not self._head:
            return self._file.readline(size)
        end = self._head.find(b"\n") + 1
        if end:
            taken, self._head = self._head[: min(end, size)], self._head[min(end, size) :]
            return taken
        taken, self._head = self._head[:size], self._head[size:]
        return taken if self._head else taken + self._file.readline(max(1, size - len(taken)))
