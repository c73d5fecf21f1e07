"""Several messages in one stream: an mbox of any kind, or mails that somebody wrote one behind the other.

RFC 4155 and what is older than it: mboxo and mboxrd (">From " unquoted once), mboxcl and mboxcl2 (a
Content-Length, believed where a message really ends there and none begins before). Mails without "From "
lines are told apart where a multipart has ended and a header block begins, or where a bounce begins that
the one before does not announce as what it returns.
One line, one message and one look ahead are bounded; the stream may be a pipe.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from unlisted.notice import parts

BLOCK = 1 << 18  # bytes read at once
BACK = 4000  # bytes before a place that are looked at
AHEAD = 8192  # bytes that are looked at to recognize a mail

POSTMARK = re.compile(rb"From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b")
_HEADER = re.compile(rb"([!-9;-~]{1,70})[ \t]*:")
_KNOWN = frozenset(
    b"from to subject date received return-path message-id content-type mime-version delivered-to "
    b"x-original-to auto-submitted reply-to sender cc envelope-to x-failed-recipients in-reply-to".split()
)
# A "From " line as programs write it; this one needs no empty line before it, but a header behind it.
_DATED = re.compile(
    rb"From \S{1,320} {1,3}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [A-Z0-9][A-Za-z0-9 ]{3,12} [0-9]{1,2}:[0-9]{2}"
)
_EMPTY = re.compile(rb"\n[ \t]{0,80}+\r?\n")
_CLOSES = re.compile(rb"--[ -]{0,80}[^\s-][^\n]{0,200}--\s*\Z")
_CLEAR = re.compile(rb"(?:\n|\A)[ \t]{0,80}\r?\n\Z")
_LINE = 83  # octets of the longest that these find
HEAD = 1 << 20  # octets of a header in which a Content-Length is looked for
_TEXT = re.compile(rb"\S")
_END = re.compile(rb"\r\n|\n|\r")
_LENGTH = re.compile(rb"(?i)\ncontent-length:[ \t]{0,8}([0-9]{1,9})[ \t]{0,8}\r?\n")
_QUOTED = re.compile(rb"(?m)^>(>{0,80}From )")
_DAEMON = re.compile(rb"(?im)^from[ \t]*:.{0,200}(?:mailer-daemon|postmaster|mail delivery)")
# What a program writes right before the message that it returns: words for people, or a part's header.
_COPY = re.compile(
    rb"(?im)copy of|(?:original|returned|undelivered|unsent) (?:message|mail)|"
    rb"(?:header|headers|message|mail|text)[^\n]{0,40}follow|"
    rb"follows?[\s:.>*-]{0,80}$|begin message|^content-type:[ \t]{0,8}(?:message/|text/rfc822)|"
    rb"^--[^\n]{1,200}\ncontent-"
)
# Where a mail may begin: a header that mails have, and another one or its continuation in the next line;
# behind an empty line or one that may end a multipart. Return-Path is the first of what was delivered.
_BEGIN = re.compile(
    rb"(?i)\n(?:([ \t]{0,80}+\r?\n)|(--[^\n]{1,200}+\n)|(?=return-path:))(?=(?:"
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
    data = front = b""  # `front`: of a large one the beginning, while its middle is counted
    one, cut = _Message(0), 0
    more = True
    while more:
        block = file.several(len(data) - one.start)
        more = bool(block)
        data, one = data[one.start :] + block, one.moved()
        last = len(data) - AHEAD if more else len(data)  # as far as there is enough to look ahead to
        while (stop := one.end(data, last)) is not None:
            yield _bounded(front, data[one.start : stop], cut, limit)
            one, cut, front = _Message(stop), 0, b""
        if one.seen - one.start > (BLOCK if front else limit + BLOCK):
            front = front or data[one.start : one.start + limit]
            behind = max(one.start, one.seen - BACK)
            cut, one.start, one.bare = cut + behind - one.start, behind, max(one.bare, behind)
    if data[one.start :]:
        yield _bounded(front, data[one.start :], cut, limit)


def _bounded(front: bytes, rest: bytes, counted: int, limit: int) -> tuple[bytes, int]:
    """A message's first bytes, and how many more it has; a large one's `rest` is behind those counted."""
    return (front, counted + len(rest) - len(front)) if front else (rest[:limit], max(0, len(rest) - limit))


def _marked(file: "Rewound", limit: int) -> Iterator[tuple[bytes, int]]:
    """Messages that begin with "From " lines, block by block: a mailbox has millions of lines."""
    data = file.some(BLOCK).lstrip(b"\r\n")
    front = b""  # of a large message the beginning, while its middle is counted
    start = seen = cut = 0  # of the present message: where it begins, is searched from, bytes left out
    more = True
    while True:
        after = seen if front else _announced(data, start, limit, more=more)
        last = len(data) - AHEAD if more else len(data)
        found = _next(data, max(seen, after, start + 1), last) if after is not None else None
        if found is not None or not more:
            stop = len(data) if found is None else found
            if start < stop:
                raw, left = _bounded(front, data[start:stop], cut, limit)
                yield _unquoted(raw), left
            if found is None:
                return
            start, seen, cut, front = stop, stop, 0, b""
            continue
        if after is not None:
            seen = max(seen, last)
        if seen - start > (BLOCK if front else limit + BLOCK):
            front = front or data[start : start + limit]
            behind = max(start, seen - BACK)
            cut, start = cut + behind - start, behind
        block = file.several(len(data) - start)
        more = bool(block)
        data, start, seen = data[start:] + block, 0, seen - start


def _next(data: bytes, at: int, last: int) -> int | None:
    """The first "From " line from `at` on, and before `last`, that begins a message."""
    place = max(0, at - 1)
    while 0 <= (place := data.find(b"\nFrom ", place)) < last:
        place += 1
        if place >= at and POSTMARK.match(data, place):
            before = data[max(0, place - _LINE) : place]
            if _CLEAR.search(before) or (
                _DATED.match(data, place) and is_mail(data, place) and not _returned(data, 0, place)
            ):
                return place
    return None


def _announced(data: bytes, start: int, limit: int, *, more: bool) -> int | None:
    """Where the message ends by its Content-Length, if it does; else where it begins; None: not yet known.

    The sender writes that number: it must not hide the mails that lie behind his.
    """
    head = _EMPTY.search(data, start, start + min(limit, HEAD))
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
    place: int | None = head.start()
    while place is not None and (place := _next(data, place + 1, stop - 1)) is not None:
        if _headed(data, place):
            return start
    return max(head.start(), stop - 3)


def _headed(data: bytes, postmark: int) -> bool:
    """True when a header begins behind that line."""
    return _HEADER.match(data, data.find(b"\n", postmark) + 1) is not None


def _returned(data: bytes, start: int, place: int) -> bool:
    """True when the words right before a place, behind `start`, say that it begins what is returned."""
    before = data[max(start, place - BACK) : place].rstrip()
    return _COPY.search(_EMPTY.split(before)[-1]) is not None


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
        self.returns = False  # a mail was seen in it that is no bounce: what it returns

    def moved(self) -> "_Message":
        """The same, where everything before it was dropped."""
        self.start, self.seen, self.bare = 0, self.seen - self.start, max(0, self.bare - self.start)
        return self

    def end(self, data: bytes, last: int) -> int | None:
        """Where the next message begins, when it does before `last`; what was looked at is remembered."""
        for found in _BEGIN.finditer(data, max(self.start, self.seen - _REACH)):
            if (place := found.end()) >= last:
                break
            if place > self.seen and self._ends(data, place, found[2], blank=found[1] is not None):
                return place
        if last > self.seen:
            self._look(data, last)
        return None

    def _ends(self, data: bytes, place: int, line: bytes | None, *, blank: bool) -> bool:
        """True when a mail begins at this place, which a pattern found; `blank`: behind an empty line.

        Behind `line` it does where that ends a multipart, be it one of what a bounce returns.
        """
        if self.head and not self._read_header(data, place):
            return False
        self._look(data, place)
        known = self.returns and (line is None or _CLOSES.match(line) is not None)
        if not (self.closed or (not self.opened and (blank or known))) or not is_mail(data, place):
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
            self.returns = True
            return False
        return self.returns or not _returned(data, self.start, place)

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

    def several(self, held: int) -> bytes:
        """What is there, at most `BLOCK`; where much is held already a share of it, to be added at once."""
        return self.some(BLOCK) if held < 4 * BLOCK else self.exactly(held // 4)

    def exactly(self, size: int) -> bytes:
        """`size` bytes, fewer at the end only."""
        taken = bytearray()
        while len(taken) < size and (more := self.read(size - len(taken))):
            taken += more
        return bytes(taken)

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay."""
        if len(self._head) < size:
            self._head = self.exactly(size)
        return self._head[:size]
