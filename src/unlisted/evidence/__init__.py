"""What each program writes: one folder a kind, one file a format, and in it one function that reads a line.

A format is found by walking these folders; nothing registers it. A format module has
`HINT` (a substring that all of its telling lines hold: a cheap test) and
`parse(line, near) -> event | tuple of events | Other | None`. It may have
`CANDIDATE` (an RE2 pattern over bytes: only lines that it matches can hold an event, the rest of a
large file is passed over unread) and
`header(line) -> parse | None` (for tables whose first line says what the columns are) and
`session() -> parse` (for logs in which one line says whom another is about: it is given a file's lines in
their order; where what it returns has `end()`, that gives (number of a line, what it was read as) for what
was held back, and `number` is set to the number of the line at hand).

A binary format has `MAGIC` (what such a file begins with, several where there are several) and
`stream() -> feed` instead: `feed(data)` takes the file's bytes in pieces of any size, b"" at the end, and
gives (number of the record from 1, what it was read as) for each record that is whole. Where the first octets
are too few to tell, `begins(first)` looks closer; `refuse(first)` says why a file of that format is not read
and what would write it as text ("" when it is read).

`dated(line, near) -> Stamp | None` tells a line's time where it does not stand at its front, or not the one
that counts, so that what was assumed of it can be said.

`PACKETS = True` says that a line is a packet: one unanswered connection then stands there several times.

A gateway's or a flow's line is made into a fact by `contact.connection`: an Attempt where it opened
a mail port, a Contact where it did not.
"""

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from importlib import import_module
from typing import Protocol, TypeAlias, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from unlisted.evidence.framing import Stamp, relayed
from unlisted.messages import Attempt, Contact, Delivery, Lease, Presence, Submission, Translation


class Other(Enum):
    """Ours, but says nothing about mail or devices."""

    OTHER = "other"


OTHER = Other.OTHER
_ANY_XML = "<?xml"  # begins files of all kinds
HEADER = 10  # lines in which the names of the columns must stand

Fact: TypeAlias = Attempt | Contact | Translation | Lease | Presence | Delivery | Submission
Parsed: TypeAlias = Fact | tuple[Fact, ...] | Other | None  # several, where one line tells several
Parse: TypeAlias = Callable[[str, float], Parsed]


@runtime_checkable
class Holding(Protocol):
    """A session that holds something back until a later line, or the end."""

    number: int

    def __call__(self, line: str, near: float) -> Parsed:
        """Read one line."""

    def end(self) -> Iterable[tuple[int, Parsed]]:
        """What was held back."""


Feed: TypeAlias = Callable[[bytes], Iterable[tuple[int, Parsed]]]


def facts(made: Parsed) -> tuple[Fact, ...]:
    """The facts in what a line was read as."""
    if isinstance(made, tuple):
        return made
    return () if made is None or isinstance(made, Other) else (made,)


class Format(Struct, frozen=True):
    """One way of writing, as the reader uses it."""

    kind: str  # the folder: gateway, flows, translations, leases, maillogs
    name: str  # the module
    hint: str
    parse: Parse
    candidate: bytes = b""  # b"": every line must be read
    header: Callable[[str], Parse | None] | None = None
    session: Callable[[], Parse] | None = None
    magic: tuple[bytes, ...] = ()
    stream: Callable[[], Feed] | None = None  # binary: `parse` reads nothing
    begins: Callable[[bytes], bool] | None = None  # binary: a closer look behind the magic
    refuse: Callable[[bytes], str] | None = None  # binary: why this file of the format is not read, or ""
    packets: bool = False  # a line is a packet, not a connection: what is not answered stands there again
    dated: Callable[[str, float], Stamp | None] | None = None

    def reader(self) -> Parse:
        """What reads the lines of one file."""
        return self.session() if self.session else self.parse


def _none(line: str, near: float) -> Parsed:  # noqa: ARG001 - no line is of a binary format
    return None


@lru_cache(maxsize=1)
def _all() -> tuple[Format, ...]:
    found = []
    for kind in pkgutil.iter_modules(__path__):
        if not kind.ispkg:
            continue
        folder = import_module(f"{__name__}.{kind.name}")
        for info in pkgutil.iter_modules(folder.__path__):
            module = import_module(f"{folder.__name__}.{info.name}")
            if not hasattr(module, "HINT") and not hasattr(module, "MAGIC"):
                continue  # what the formats of this folder share
            found.append(
                Format(
                    kind=kind.name,
                    name=info.name,
                    hint=getattr(module, "HINT", ""),
                    parse=getattr(module, "parse", _none),
                    candidate=getattr(module, "CANDIDATE", b""),
                    header=getattr(module, "header", None),
                    session=getattr(module, "session", None),
                    magic=tuple(getattr(module, "MAGIC", ())),
                    stream=getattr(module, "stream", None),
                    begins=getattr(module, "begins", None),
                    refuse=getattr(module, "refuse", None),
                    packets=getattr(module, "PACKETS", False),
                    dated=getattr(module, "dated", None),
                )
            )
    return tuple(sorted(found, key=lambda one: (one.kind, one.name)))


def formats(kind: str | None = None) -> tuple[Format, ...]:
    """Every format that there is, or those of one kind."""
    return tuple(one for one in _all() if kind is None or one.kind == kind)


def binary(first: bytes) -> Format | None:
    """The binary format that a file beginning with `first` is in."""
    return next((one for one in formats() if one.stream and _begins(one, first)), None)


def _begins(one: Format, first: bytes) -> bool:
    return first.startswith(one.magic) and (one.begins is None or one.begins(first))


def recognise(lines: Sequence[str], near: float) -> Format | None:
    """The format that most of `lines` are written in, by their content alone; None when in none."""
    found = present(lines, near)
    return found[0] if found else None


def present(lines: Sequence[str], near: float) -> list[Format]:
    """Every format that occurs in `lines`, the most frequent first: a router's syslog holds several.

    A header decides alone: under it a line means what its columns say.
    """
    filled = [line for line in lines if line and not line.isspace() and not line.startswith(_ANY_XML)]
    for one in formats():
        # Zeek writes a few lines of comment above the names of its columns.
        for line in filled[:HEADER] if one.header else ():
            if one.header and (parse := one.header(line)):
                return [replace(one, hint="", parse=parse, session=None)]
    shares = []
    behind = sum(1 for line in filled if relayed(line, near)) * 2 > len(filled)
    for one in formats():
        if one.stream:
            continue
        one = _behind(one) if behind else one
        ours = sum(1 for line in filled if one.hint in line and one.parse(line, near) is not None)
        if ours:
            shares.append((ours, one))
    shares.sort(key=lambda pair: -pair[0])
    # Formats without a telling hint (a lease file is five words) may fit a stray line of a log:
    # beside a clear winner they need a tenth of the lines.
    return [
        one for ours, one in shares if len(one.hint) > 1 or ours == shares[0][0] or ours * 10 >= len(filled)
    ]


def _behind(one: Format) -> Format:
    """The same format for a file in which most lines stand whole behind a relay's header.

    Only what says nothing as it is, is read without it: formats know most relays, and what their time tells.
    """

    def through(parse: Parse) -> Parse:
        if isinstance(parse, Holding):
            return parse

        def read(line: str, near: float) -> Parsed:
            made = parse(line, near)
            if (made is None or made is OTHER) and (inner := relayed(line, near)):
                # A session says nothing of a connection that it knows: that line is read.
                return made if facts(one.parse(line, near)) else parse(inner, near) or made
            return made

        return read

    session = one.session
    return replace(one, parse=through(one.parse), session=(lambda: through(session())) if session else None)
