"""Several messages in one stream: an mbox of any kind, or mails that somebody wrote one behind the other.

RFC 4155 and what is older than it: mboxo and mboxrd (">From " unquoted once), mboxcl and mboxcl2 (a
Content-Length, believed where a message really ends there). Mails without "From " lines are told apart
where a multipart has ended and a header block begins, or where a bounce begins that nothing announces.
One line, one message and one look ahead are bounded; the stream may be a pipe.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from unlisted.notice import parts

LINE = 1 << 16  # bytes of one line; longer ones are cut into pieces
AHEAD = 8192  # bytes that are looked at to recognize a mail

POSTMARK = re.compile(rb"From \S{1,320} .{0,40}[0-9]{1,2}:[0-9]{2}|From MAILER-DAEMON\b")
_HEADER = re.compile(rb"([!-9;-~]{1,70})[ \t]*:")
_KNOWN = frozenset(
    b"from to subject date received return-path message-id content-type mime-version delivered-to "
    b"x-original-to auto-submitted reply-to sender cc envelope-to x-failed-recipients in-reply-to".split()
)
_LENGTH = re.compile(r"[0-9]{1,9}")
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
    marked = POSTMARK.match(file.peek(AHEAD).lstrip(b"\r\n")) is not None
    one = _Message(limit, marked=marked)
    while line := file.readline(LINE):
        if one.size and one.ends_before(line, file):
            yield one.taken()
            one = _Message(limit, marked=marked)
        one.add(line)
        if marked and one.length:
            one.length = _whole(one, file)
    if one.size:
        yield one.taken()


def _whole(one: "_Message", file: "Rewound") -> int:
    """Take the body that Content-Length announces, if a message ends there; always 0."""
    body = file.exactly(one.length)
    behind = file.peek(AHEAD).lstrip(b"\r\n")
    if len(body) == one.length and (not behind or POSTMARK.match(behind)):
        for line in body.splitlines(keepends=True):
            one.add(line)
        one.empty = True
    else:
        file.unread(body)
    return 0


class _Message:
    """The message that is being read: its lines, and what says where it ends."""

    def __init__(self, limit: int, *, marked: bool) -> None:
        self.limit = limit
        self.marked = marked  # messages begin with "From " lines, and >From is quoted
        self.lines: list[bytes] = []
        self.size = self.cut = 0
        self.empty = False  # the last line was
        self.length = 0  # Content-Length
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
            quoted = self.marked and line.startswith(b">") and line.lstrip(b">").startswith(b"From ")
            self.lines.append(line[1:] if quoted else line)
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
        if self.marked:
            return self.empty and POSTMARK.match(line) is not None
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
        if text.startswith(("From ", ">From ")):
            text = text.partition("\n")[2]
        head = parts.Part("", parts.headers_of(text))
        boundary = parts.boundary(head.get("content-type"))
        self.close = f"--{boundary}--".encode("latin-1", "replace") if boundary else b""
        if _LENGTH.fullmatch(head.get("content-length")):
            length = int(head.get("content-length"))
            self.length = length if length <= self.limit else 0


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

    def unread(self, data: bytes) -> None:
        """Put bytes back."""
        self._head = data + self._head

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
