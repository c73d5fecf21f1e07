"""Follow a file that grows, is rotated (another inode takes its name) or truncated.

Polling, so it works on every file system; `poll` returns at once. A program goes on writing to a file that
was rotated until it is told to open the new one (logrotate: rename, create, and only then the signal), so
the old one is read on for `LINGER`. A file that was truncated and has grown past the old length between
two polls cannot be told from one that only grew.
"""

import os
import stat
import time
from typing import BinaryIO, NamedTuple

LONGEST = 65536  # bytes: a longer line is cut here, so that a file without newlines cannot fill the memory
BLOCK = 1 << 20  # bytes read at once
LINGER = 60.0  # seconds; with `sharedscripts` the signal waits until the last of many logs is rotated
OLD_ONES = 2  # rotated files that are still read


class _Opened:
    """One file and how far it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.line = 0
        self.rest = b""

    def read(self) -> list[tuple[int, str]]:
        """The whole lines that came since the last call."""
        lines: list[tuple[int, str]] = []
        while block := self.file.read(BLOCK):
            lines += self._cut(block)
        return lines

    def last(self) -> list[tuple[int, str]]:
        """Let the file go: what is left, though its last line never got its newline."""
        lines = self.read()
        if self.rest:
            lines += self._cut(b"\n")
        self.file.close()
        return lines

    def _cut(self, block: bytes) -> list[tuple[int, str]]:
        *whole, self.rest = (self.rest + block).split(b"\n")
        self.rest = self.rest[:LONGEST]
        first = self.line + 1
        self.line += len(whole)
        return [
            (number, line[:LONGEST].decode("utf-8", "replace").rstrip("\r"))
            for number, line in enumerate(whole, first)
        ]


class _Old(NamedTuple):
    opened: _Opened
    until: float  # by the monotonic clock


class Tail:
    """One followed file. `poll()` gives the new lines with their numbers, starting at 1."""

    def __init__(self, path: str, *, from_start: bool = False, linger: float = LINGER) -> None:
        self.path = path
        self.rotations = 0
        self._linger = linger
        self._now: _Opened | None = None
        self._old: list[_Old] = []  # the oldest first
        self._at_end = not from_start
        self._open()  # now: what is written from here on is news, even before the first poll

    def poll(self) -> list[tuple[int, str]]:
        """The lines that came since the last call, those of a rotated file first; [] while it is away."""
        lines: list[tuple[int, str]] = []
        now, clock = self._now, time.monotonic()
        if now is not None and (moved := self._moved(now)):
            self.rotations += 1
            self._now = None
            if moved == "cut":  # the same file: what it held is gone
                lines += now.last()
            else:
                self._old.append(_Old(now, clock + self._linger))
        # After the look at the name, so that nothing is written between a last reading and that look.
        for old in self._old:
            lines += old.opened.read()
        while self._old and (clock >= self._old[0].until or len(self._old) > OLD_ONES):
            lines += self._old.pop(0).opened.last()
        if self._now is not None or self._open():
            lines += self._read()
        return lines

    def close(self) -> None:
        """Let the files go; the next poll opens the present one again from its start."""
        for one in (*(old.opened for old in self._old), self._now):
            if one is not None:
                one.file.close()
        self._old, self._now = [], None

    def _open(self) -> bool:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a pipe would stop the watch
                return False
            file = open(self.path, "rb", buffering=0)  # noqa: SIM115 - stays open between polls
        except OSError:
            self._at_end = False  # it did not exist when we began: all of it is new
            return False
        if self._at_end:
            file.seek(0, os.SEEK_END)
        self._at_end = False
        self._now = _Opened(file)
        return True

    def _read(self) -> list[tuple[int, str]]:
        return self._now.read() if self._now is not None else []

    def _moved(self, now: _Opened) -> str:
        """What became of the file: "replaced" when the name means another, "cut" when it was cut short."""
        try:
            named = os.stat(self.path)
        except OSError:
            return ""  # moved away and not yet replaced: keep the old one
        mine = os.fstat(now.file.fileno())
        if (named.st_dev, named.st_ino) != (mine.st_dev, mine.st_ino):
            return "replaced"
        return "cut" if mine.st_size < now.file.tell() else ""
