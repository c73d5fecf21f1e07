"""Files that are one JSON document, or several pretty-printed ones, as blocks of one record a line.

Recorders export their logs in three shapes: an object a line, which is text like any other; one array, or
one object that holds an array (`{"records": […]}`, `{"arguments": {"leases": […]}}`); objects spread over
many lines, one behind the other (jq, gcloud). The last two are given to the readers of lines as compact
JSON, one record a line, in bounded memory and as far as a damaged document goes.

A record's number takes the place of the line's. RFC 8259 for the grammar, RFC 7464 for the separator.
"""

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from unlisted.edge import blocks as plain
from unlisted.edge.blocks import BLOCK, Block, Cut, Stream, head, piece, unpack

LONGEST = 16 << 20  # bytes of one record: a minute of a large site's flows is some megabytes
DEEP = 1000  # brackets in one record; no recorder nests ten
_LEVELS = 4  # of objects around the array of records: {"device": {"br-lan": {"leases": […]}}}
_SHOWN = 200  # bytes kept of a record that cannot be read
_FRONT = 4 << 20  # bytes of records that are enough for recognizing

_STRING = rb'"(?:[^"\\\n]++|\\.)*+"'
_SKIPPED = rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+"
_BRACKET = re.compile(_SKIPPED + rb"([{}\[\]])", re.DOTALL)
_BROKEN = re.compile(_SKIPPED + rb'"(?:[^"\\\n]++|\\.)*+\n', re.DOTALL)  # no string holds a bare newline
_KEY = re.compile(rb'"([^"\\]{1,64})"\s*:\s*\Z')
# An object that says when is a record itself, whatever it holds.
_TIMED = re.compile(
    rb'"(?:@?timestamp|time|ts|date|event_?time|event_type|start(?:_?time)?)"\s*:', re.IGNORECASE
)
_HOLDS = (
    "records", "events", "items", "entries", "leases", "results", "result", "hits", "logs", "rows",
    "messages", "data", "list", "value", "values", "connections", "sessions", "clients", "hosts", "devices",
    "stations", "neighbors", "neighbours", "response",
)  # fmt: skip
_ALWAYS = ("records", "leases", "events", "hits", "rows")  # no record holds an array of these names


class Source(Protocol):
    """Where the splitter takes its bytes from."""

    def __call__(self, size: int, /) -> tuple[bytes, bool]: ...


def document(first: bytes) -> bool:
    """True for the front of a file whose records are not lines."""
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    if text.startswith(b"["):
        return re.match(rb"\[\s*\{", text) is not None
    if not re.match(rb'\{\s*"', text):
        return False
    line, _, rest = text.partition(b"\n")
    front = io.BytesIO(line)
    splitter = Splitter(lambda size: (front.read(size), False))
    for _ in splitter.records():
        pass
    if splitter.whole:
        return splitter.held
    return not (rest.startswith(b"{") and line.rstrip() != b"{")  # else a cut-off line among whole ones


def blocks(path: Path, size: int = BLOCK, span: tuple[int, int] | None = None) -> Iterator[Block]:
    """The file in whole lines, or in whole records where it is a JSON document; as `blocks.blocks` does."""
    if span or not document(head(path)):
        yield from plain.blocks(path, span=span) if size == BLOCK else plain.blocks(path, size, span)
        return
    with unpack(path) as file:
        yield from _gathered(file, size)


def front(path: Path, count: int) -> list[str]:
    """The first records of a document, for recognizing it."""
    lines: list[str] = []
    seen = 0
    try:
        for block in blocks(path):
            lines += plain.text(block.data).split("\n")
            seen += len(block.data)
            if len(lines) > count or seen > _FRONT:
                break
    except Cut:
        pass  # said when it is read
    return list(islice((line for line in lines if line), count))


def _gathered(file: Stream, size: int) -> Iterator[Block]:
    splitter = Splitter(lambda wanted: piece(file, wanted))
    lines: list[bytes] = []
    number, held = 1, 0
    for record in splitter.records():
        lines.append(record)
        held += len(record)
        if held >= size:
            yield _block(lines, number, file)
            number += len(lines)
            lines, held = [], 0
    if lines:
        yield _block(lines, number, file)
    if not splitter.whole:
        raise Cut


def _block(lines: list[bytes], number: int, file: Stream) -> Block:
    return plain.block(b"\n".join(lines) + b"\n", number, file)._replace(longest=LONGEST)


class Splitter:
    """Cuts JSON text into its records. What stands between them is passed over."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._data = b""
        self._at = 0  # behind the last bracket
        self._run = 0  # where what stands before that bracket begins
        self._start = -1  # of the record that is being read; -1: none
        self._ended = False
        self._depth = 0  # brackets open around the records
        self._damaged = False
        self.held = False  # an object held the records in an array

    @property
    def whole(self) -> bool:
        """True when every bracket was closed; asked behind the last record."""
        return not self._damaged and self._depth == 0

    def records(self) -> Iterator[bytes]:
        """Each record on one line; what is damaged is cut short, so that nobody takes it for one."""
        while bracket := self._bracket():
            if bracket == b"{":
                self._start = self._at - 1
                record = self._object()
                self._start = -1
                if record:
                    yield record
            elif bracket == b"[":
                self._depth += 1
            elif bracket in b"}]":
                self._depth = max(0, self._depth - 1)

    def _object(self) -> bytes:
        """The record that has just begun; b"" where it turns out to hold records, which come next."""
        stack = bytearray(b"{")
        timed, shown = False, b""
        while stack:
            bracket = self._bracket()
            if bracket in b"{[" and bracket:
                if not self._follows(stack[-1]):
                    return self._cut(shown, back=True)
                level = len(stack)
                timed = timed or (level == 1 and bool(_TIMED.search(self._data, self._run, self._at)))
                if bracket == b"[" and not shown and level <= _LEVELS and self._holds(level, timed=timed):
                    self._depth += level + 1
                    self.held = True
                    return b""
                stack += bracket
            elif not bracket or bracket == b"\n" or stack.pop() != _OPENS[bracket] or len(stack) > DEEP:
                return self._cut(shown)
            if self._at - self._start > LONGEST:
                shown = shown or _short(self._data[self._start : self._start + _SHOWN])
                self._start = self._at  # its end is looked for, and not kept
        return shown or _compact(self._data[self._start : self._at])

    def _cut(self, shown: bytes, *, back: bool = False) -> bytes:
        """What a record that is damaged here is known by; `back`: the bracket here begins the next one."""
        self._damaged = True
        text = shown or _short(self._data[self._start : min(self._at - back, self._start + _SHOWN)])
        self._at -= back
        return text

    def _follows(self, around: int) -> bool:
        """True when the bracket stands where a value may: elsewhere it is the front of the next record."""
        before = self._data[max(self._start, self._at - 200) : self._at - 1].rstrip()
        return not before or before[-1:] in (b":" if around == _OPENS[b"}"] else b",[")

    def _holds(self, level: int, *, timed: bool) -> bool:
        """True for an array, just begun, whose name says that it holds the records."""
        key = _KEY.search(self._data[max(self._run, self._at - 101) : self._at - 1])
        if key is None:
            return False
        name = key[1].decode("utf-8", "replace").lower()
        told = name.endswith(_HOLDS) or (level == 1 and name == "flows")
        if not (name.endswith(_ALWAYS) or (told and not timed)):
            return False
        while not (rest := self._data[self._at : self._at + 4096].lstrip()) and self._more():
            pass
        return rest[:1] in (b"{", b"]")

    def _bracket(self) -> bytes:
        """The next bracket outside of strings; a newline where there can be none any more, b"" at the end."""
        while True:
            if found := _BRACKET.match(self._data, self._at):
                self._run, self._at = self._at, found.end()
                return found[1]
            if _BROKEN.match(self._data, self._at) or len(self._data) - self._at > LONGEST:
                self._damaged = True
                self._at = self._data.find(b"\n", self._at) + 1 or len(self._data)
                return b"\n"
            if not self._more():
                return b""

    def _more(self) -> bool:
        """Read on; False at the end."""
        if self._ended:
            return False
        kept = self._at if self._start < 0 else self._start
        more, cut = self._source(BLOCK)
        self._damaged |= cut
        self._ended = cut or not more
        self._data = self._data[kept:] + more
        self._at -= kept
        self._run = max(0, self._run - kept)
        self._start = min(0, self._start)
        return bool(more)


_OPENS = {b"}": 0x7B, b"]": 0x5B}


def _compact(text: bytes) -> bytes:
    """Without the space between the words, and without newlines."""
    try:
        return msgspec.json.format(text, indent=-1)
    except msgspec.DecodeError:
        return b" ".join(text.split())


def _short(text: bytes) -> bytes:
    return b" ".join(text[:_SHOWN].split()) + " …".encode()
