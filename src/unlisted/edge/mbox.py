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

BLOCK = 1 << 18  # bytes read at once
AHEAD = 8192  # bytes that are looked at to recognize a mail

POSTMARK = re.compile(rb"From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b")
_HEADER = re.compile(rb"([!-9;-~]{1,70})[ \t]*:")
_KNOWN = frozenset(
    b"from to subject date received return-path message-id content-type mime-version delivered-to "
    b"x-original-to auto-submitted reply-to sender cc envelope-to x-failed-recipients in-reply-to".split()
)
_NEXT = re.compile(rb"\n[ \t]{0,80}\r?\n(?=From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b)")
_EMPTY = re.compile(rb"\n[ \t]{0,80}+\r?\n")
_LINE = 83  # octets of the longest that it finds
_TEXT = re.compile(rb"\S")
_END = re.compile(rb"\r\n|\n|\r")
_LENGTH = re.compile(rb"(?i)\ncontent-length:[ \t]{0,8}([0-9]{1,9})[ \t]{0,8}\r?\n")
_QUOTED = re.compile(rb"(?m)^>(>{0,80}From )")
_DAEMON = re.compile(rb"(?im)^from[ \t]*:.{0,200}(?:mailer-daemon|postmaster|mail delivery)")
_COPY = re.compile(
    rb"(?i)copy of|(?:original|returned) (?:message|mail)|follows?\b|begin message|^content-type:|^--"
)

# Where a mail may begin: a header that mails have, and another one or its continuation in the next line;
# behind an empty line or one that may end a multipart.
_BEGIN = re.compile(
    rb"(?i)\n(?:([ \t]{0,80}+\r?\n)|--[^\n]{1,200}+\n)(?=(?:"
    + b"|".join(sorted(_KNOWN))
    + rb")[ \t]{0,8}+:[^\n]{0,8000}+\n(?:[ \t]|[!-9;-~]{1,70}+[ \t]{0,8}+:))"
)
_REACH = 210  # bytes: of that pattern, without what it looks ahead to


def is_mail(head: bytes, at: int = 0) -> bool:
    """True when the first bytes of a file (or those from `at` on) are those of a mail or an mbox."""
    last = min(len(head), at + AHEAD)
    while at < last and head[at] in b"\r\n":
        at += 1
    known = 0
    for number in range(61):
        found = _END.search(head, at, last)
        line = head[at : found.start() if found else last]
        if not line.strip():
            return False
        if number or not line.startswith((b"From ", b">From ")):
            name = _HEADER.match(line)
            if not name and line[:1] not in b" \t":
                return False
            known += name is not None and _is_known(name[1].lower())
        if known == 2:
            return True
        if not found:
            return False
        at = found.end()
    return False


def _is_known(name: bytes) -> bool:
    return name in _KNOWN or name.startswith(b"x-")


def split(file: "Rewound", limit: int) -> Iterator[tuple[bytes, int]]:
    """Each message's first `limit` bytes, and how many more it has."""
    if POSTMARK.match(file.peek(AHEAD).lstrip(b"\r\n")):
        return _marked(file, limit)
    return _unmarked(file, limit)


def _unmarked(file: "Rewound", limit: int) -> Iterator[tuple[bytes, int]]:
    """Mails one behind the other, block by block; what cannot begin one is passed over by one pattern."""
    data = b""
    one, cut = _Message(0), 0
    more = True
    while more:
        block = file.some(BLOCK)
        more = bool(block)
        data, one = data[one.start :] + block, one.moved()
        last = len(data) - AHEAD if more else len(data)  # as far as there is enough to look ahead to
        while (stop := one.end(data, last)) is not None:
            yield data[one.start : min(stop, one.start + limit)], cut + max(0, stop - one.start - limit)
            one, cut = _Message(stop), 0
        if one.seen - one.start > limit + BLOCK:  # a large one: its beginning is kept, its middle counted
            cut += one.seen - one.start - limit
            data = data[one.start : one.start + limit] + data[one.seen :]
            one.start, one.seen, one.bare = 0, limit, min(one.bare, limit)
    if data[one.start :]:
        yield data[one.start : one.start + limit], cut + max(0, len(data) - one.start - limit)


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
    if head is None or not _headed(data, start):
        return start
    if not (found := _LENGTH.search(data, start, head.start() + 1)):
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
    if any(_headed(data, one.end()) for one in jumped):
        return start
    return max(head.start(), stop - 3)


def _headed(data: bytes, postmark: int) -> bool:
    """True when a header begins behind that line."""
    return _HEADER.match(data, data.find(b"\n", postmark) + 1) is not None


def _unquoted(raw: bytes) -> bytes:
    return _QUOTED.sub(rb"\1", raw) if b"\n>" in raw else raw


class _Message:
    """The message that is being read: where it begins in the data, and what says where it ends."""

    def __init__(self, start: int) -> None:
        self.start = self.seen = start  # `seen`: no other begins before
        self.bare = start  # no empty line stands before, while the header is not read
        self.close = b""  # what ends a multipart
        self.head = True  # its header was not yet read
        self.opened = self.closed = False  # that multipart

    def moved(self) -> "_Message":
        """The same, where everything before it was dropped."""
        self.start, self.seen, self.bare = 0, self.seen - self.start, max(0, self.bare - self.start)
        return self

    def end(self, data: bytes, last: int) -> int | None:
        """Where the next message begins, when it does before `last`; what was looked at is remembered."""
        for found in _BEGIN.finditer(data, max(self.start, self.seen - _REACH)):
            if (place := found.end()) >= last:
                break
            if place > self.seen and self._ends(data, place, blank=found[1] is not None):
                return place
        if last > self.seen:
            self._look(data, last)
        return None

    def _ends(self, data: bytes, place: int, *, blank: bool) -> bool:
        """True when a mail begins at this place, which a pattern found; `blank`: behind an empty line."""
        if self.head and not self._read_header(data, place):
            return False
        self._look(data, place)
        if not (self.closed or (blank and not self.opened)) or not is_mail(data, place):
            return False
        return self.closed or self._bounce(data, place)

    def _look(self, data: bytes, place: int) -> None:
        """Move on to this place, and see whether the multipart is open or closed there."""
        begin = b"\n" + self.close[:-2]
        after = max(self.start, self.seen - len(begin))
        line = data.rfind(begin, after, place) if self.close else -1
        if line >= 0:
            self.opened = True
            self.closed = data[line + 1 : line + 200].partition(b"\n")[0].rstrip() == self.close
        self.seen = place

    def _bounce(self, data: bytes, place: int) -> bool:
        """The next bounce behind one in plain text, and not the mail that this one returns."""
        blank = _EMPTY.search(data, place, place + AHEAD)
        if not _DAEMON.search(data, place, blank.start() if blank else place + AHEAD):
            return False
        before = data[max(self.start, place - 2000) : place].rsplit(b"\n", 9)[-9:]
        return not _COPY.search(b"\n".join(before))

    def _read_header(self, data: bytes, place: int) -> bool:
        """Read it when it ends before this place."""
        first = _TEXT.search(data, self.start, place)
        blank = _EMPTY.search(data, max(first.start(), self.bare - _LINE), place) if first else None
        if blank is None:
            self.bare = place if first else self.bare
            return False
        self.head = False
        text = data[self.start : blank.end()].decode("latin-1").replace("\r\n", "\n").lstrip("\n")
        boundary = parts.boundary(parts.Part("", parts.headers_of(text)).get("content-type"))
        self.close = f"--{boundary}--".encode("latin-1", "replace") if boundary else b""
        return True


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
