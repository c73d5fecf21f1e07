"""Mail from files, folders and stdin: single messages, several in a file, Maildir, packed, and texts.

Recognized by content, never by name. Reads at most `limit` bytes of a message and says what it left;
what cannot be read is a value with the reason, so that the rest is still done. `mbox` cuts files that
hold several messages, `packed` opens what is compressed.
"""

import io
import os
import re
import select
import shutil
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from msgspec import Struct, structs

from unlisted.edge import mbox, packed, undated, unreadable
from unlisted.edge.mbox import Rewound
from unlisted.errors import UnlistedError
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import pages, replies, report, units

LIMIT = 10 << 20  # bytes of one message: a report may stand behind screenshots, and behind what was attached
PASTE = 1 << 16  # bytes: a file that holds a pasted reply is small; a larger text is read in such pieces
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


Take = Callable[[Message | Unread], list[Refusal]]  # tells a message; what it said


def told(found: Message | Unread, take: Take) -> tuple[list[Refusal], Message | Unread]:
    """What a message says; where reading it ends in an error of ours, that, which is still to be told."""
    try:
        return take(found), found
    except (OSError, UnlistedError):  # the terminal's or the store's, and no message's fault
        raise
    except Exception as error:  # one message must not hide all that lie behind it
        return [], Unread(found.source, f"reading it failed ({type(error).__name__}: {error})"[:300])


def is_mail(head: bytes) -> bool:
    """True when the first bytes of a file are those of a mail, an mbox, or a report in JSON."""
    return report.is_document(head) or mbox.is_mail(head)


class _How(Struct, frozen=True):
    """How a file is read. `named`: the person gave this very file, so a text in it is meant to be read."""

    limit: int
    named: bool
    log: Callable[[str, str], bool]


def messages(
    path: str,
    limit: int = LIMIT,
    *,
    named: bool = True,
    waits: Callable[[str], object] = str,
    log: Callable[[str, str], bool] | None = None,
) -> Iterator[Message | Unread]:
    """Every message under `path`: a file, a folder (Maildir or not, recursively) or "-" for stdin.

    `named`: the person gave this very file, so a text without mail headers is meant to be a reply.
    `waits` is called with the path of a pipe that nobody writes to yet; `log` with each text's file, and
    its name for people, before it is read here: True says that it is a mail server's log, and done.
    """
    how = _How(limit, named, log or (lambda *_: False))
    if path == "-":
        try:
            file = cast(BinaryIO, sys.stdin.buffer)
            yield from _stream("stdin", cast(BinaryIO, _Typed(file)) if file.isatty() else file, how)
        except BrokenPipeError:  # of who is told, while he is
            raise
        except OSError as error:
            yield Unread("stdin", error.strerror or "cannot be read")
    elif os.path.isdir(path):
        yield from _folder(path, structs.replace(how, named=False))
    elif named and _is_pipe(path):
        yield from _pipe(path, how, waits)
    else:
        yield from _file(path, how)


def replied(text: Message, own: tuple[Address, ...], near: float = 0.0) -> tuple[list[Refusal], int]:
    """The refusals in a text, piece by piece where it is large, and how many replies were not read.

    `near`: no time without a year in it lies behind this (Unix seconds).
    """
    told: list[Refusal] = []
    more = 0
    for piece in _pieces(text.raw.decode("utf-8", "replace"), PASTE):
        found, beyond = replies.counted(undated.dated(piece), text.source, own, near)
        told, more = told + found, more + beyond
    return told, more


def is_long(raw: bytes) -> bool:
    """True when a text has a line in whose end no reply is looked for."""
    return len(raw) > units.LINE and any(len(line) > units.LINE for line in raw.split(b"\n"))


def _pieces(text: str, size: int) -> Iterator[str]:
    """A text cut between its paragraphs, else between its lines; a page of a list stays whole."""
    start = 0
    while len(text) - start > size and not pages.is_saved(text[:4096]):
        end = start + size
        cuts = (text.rfind(mark, start + size // 2, end) for mark in ("\n\n", "\n\r\n", "\n"))
        stop = next((cut + 1 for cut in cuts if cut >= 0), end)
        yield text[start:stop]
        start = stop
    yield text[start:]


def single(path: str, limit: int = LIMIT) -> Message | Unread:
    """The file as one message, whatever is in it: what a Maildir holds (maildir(5)).

    Dovecot keeps them packed when it is told to (mail_compress), under the same names.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(mbox.AHEAD)
            inside = packed.opened(head, Rewound(head, file), COUNTED)
            if inside is None:
                raw, cut = _bounded(head, file, limit)
                return Message(path, raw, cut=cut)
            with inside as unpacked:
                raw, cut = _bounded(b"", unpacked, limit)
            if inside.damage:
                return Unread(path, f"damaged {inside.kind}: {inside.damage}")
            return Message(path, raw, cut=cut)
    except OSError as error:
        return Unread(path, error.strerror or "cannot be read")


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _virtual(path: str) -> bool:
    """True for what only looks like a file: reading some of them waits for ever (/proc/kmsg)."""
    return os.path.realpath(path).startswith(("/proc/", "/sys/", "/dev/"))


def _pipe(path: str, how: _How, waits: Callable[[str], object]) -> Iterator[Message | Unread]:
    """A named pipe; to open it without a writer would wait for ever, and in silence (fifo(7))."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            poll = select.poll()
            poll.register(file, select.POLLIN)
            if not poll.poll(MOMENT):
                waits(path)
                poll.poll()
            os.set_blocking(file.fileno(), True)
            yield from _stream(path, file, how)
    except BrokenPipeError:  # of who is told, while he is
        raise
    except OSError as error:
        yield Unread(path, error.strerror or "cannot be read")


def _folder(path: str, how: _How) -> Iterator[Message | Unread]:
    failed: list[Unread] = []

    def note(error: OSError) -> None:
        failed.append(Unread(str(error.filename), error.strerror or "cannot be read"))

    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, onerror=note, followlinks=True):
        try:
            status = os.stat(folder)
        except OSError as error:  # taken away since it was listed
            note(error)
            continue
        if (status.st_dev, status.st_ino) in seen:  # a link in a circle
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # A Maildir's tmp holds what is still being written (maildir(5)).
        maildir = {"cur", "new"} <= set(folders)
        folders[:] = sorted(f for f in folders if not (maildir and f == "tmp"))
        for name in sorted(names):
            yield from _file(os.path.join(folder, name), how)
    yield from failed


def _file(path: str, how: _How) -> Iterator[Message | Unread]:
    try:
        mode = os.stat(path).st_mode
        plain = stat.S_ISREG(mode) and (how.named or not _virtual(path))
        if not plain and not (how.named and stat.S_ISCHR(mode)):
            yield Unread(path, "not a regular file")
            return
        with open(path, "rb") as file:
            if not plain and not file.isatty():  # /dev/zero has no end
                yield Unread(path, "a device, not a file")
                return
            yield from _stream(path, file, how, path if plain else "")
    except BrokenPipeError:  # of who is told, while he is
        raise
    except OSError as error:
        yield Unread(path, error.strerror or "cannot be read")


def _stream(source: str, file: BinaryIO, how: _How, path: str = "") -> Iterator[Message | Unread]:
    """What is in a stream, packed or not. `path`: where it lies as a file, which can be read again."""
    head = file.read(mbox.AHEAD)
    inside = packed.opened(head, Rewound(head, file), COUNTED)
    if inside is None:
        yield from _plain(source, head, file, how, path)
        return
    with inside as raw:
        head = raw.read(mbox.AHEAD)
        if not (inside.damage and not head):
            yield from _plain(source, head, raw, how, path)
        if inside.damage:
            then = "what stands before that was read" if head else "nothing could be unpacked"
            yield Unread(source, f"damaged {inside.kind}: {inside.damage}; {then}")
        elif not inside.left:
            yield Unread(source, f"unpacks to more than {COUNTED >> 20:,} MiB; the rest was not read")


def _plain(source: str, head: bytes, file: BinaryIO, how: _How, path: str) -> Iterator[Message | Unread]:
    if not head.strip():
        yield Unread(source, "empty")
    elif why := unreadable.why(head):
        yield Unread(source, why)
    elif report.is_document(head):
        raw, cut = _bounded(head, file, how.limit)
        yield Message(source, report.as_mail(raw), cut=cut)
    elif mbox.POSTMARK.match(head.lstrip(b"\r\n")) or mbox.is_mail(head):
        if b"\r" in head and b"\n" not in head:
            file, head = io.BufferedReader(_Returns(file)), head.replace(b"\r", b"\n")
        yield from _each(source, mbox.split(Rewound(head, file), how.limit))
    elif path:
        if not how.log(path, source):
            yield from _text(source, head, file, how)
    else:
        yield from _spooled(source, head, file, how)


def _spooled(source: str, head: bytes, file: BinaryIO, how: _How) -> Iterator[Message | Unread]:
    """A text out of a pipe: as a file it is read again, in another way and in bounded memory."""
    try:
        spool = tempfile.NamedTemporaryFile(prefix="unlisted-")  # noqa: SIM115 - closed below
    except OSError:  # no place to write to: replies are read, no log is known
        yield from _text(source, head, file, how)
        return
    with _tidied(), spool:
        copied = packed.Most(Rewound(head, file), COUNTED)
        shutil.copyfileobj(copied, spool, 1 << 20)
        spool.seek(0)
        if not how.log(spool.name, source):
            yield from _text(source, b"", cast(BinaryIO, spool), how)
    if not copied.left:
        yield Unread(source, f"more than {COUNTED >> 20:,} MiB; the rest was not read")


@contextmanager
def _tidied() -> Iterator[None]:
    """Who ends us (kill, a terminal that is closed) leaves no copy of a log behind."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    before = {number: signal.signal(number, _ended) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _text(source: str, head: bytes, file: BinaryIO, how: _How) -> Iterator[Message | Unread]:
    """What is neither a mail nor a log: replies that somebody pasted, a list's page, or nothing for us."""
    head = head or file.read(mbox.AHEAD)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # Windows' Notepad calls it Unicode
        raw, cut = _bounded(head, file, how.limit)
        yield Message(source, raw.decode("utf-16", "replace").encode(), mail=False, cut=cut)
    elif b"\x00" in head:
        yield Unread(source, "binary, not a mail")
    else:
        raw, cut = _bounded(head, file, how.limit)
        if how.named or _meant(raw.decode("utf-8", "replace")):
            yield Message(source, raw, mail=False, cut=cut)
        else:
            yield Unread(source, NO_MAIL)


def _meant(text: str) -> bool:
    """True when a text that nobody named was put there for the replies in it."""
    if _BARE.match(text.lstrip()) or any(map(replies.tells, _pieces(text, replies.LENGTH // 2))):
        return True
    return len(text) <= PASTE and replies.meant(undated.dated(text))


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


class _Typed:
    """What is typed ends at the first Ctrl-D, a short block; the terminal would ask for further ones."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._done = file, False

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; all of it when negative."""
        block = b"" if self._done else self._file.read(size)
        self._done = size < 0 or len(block) < size
        return block


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
