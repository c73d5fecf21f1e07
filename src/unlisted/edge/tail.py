"""Follow a file that grows, is rotated (another inode takes its name) or truncated.

Polling, so it works on every file system; `poll` returns at once. What was written before the rotation
is read to its end first. A file that was truncated and has grown past the old length between two polls
cannot be told from one that only grew.
"""

import os
from typing import BinaryIO

LONGEST = 65536  # bytes: a longer line is cut here, so that a file without newlines cannot fill the memory
BLOCK = 1 << 20  # bytes read at once


class Tail:
    """One followed file. `poll()` gives the new lines with their numbers, starting at 1."""

    def __init__(self, path: str, *, from_start: bool = False) -> None:
        self.path = path
        self.line = 0  # of the present file; counts from where we began when that was not the start
        self.rotations = 0
        self._file: BinaryIO | None = None
        self._rest = b""
        self._at_end = not from_start
        self._open()  # now: what is written from here on is news, even before the first poll

    def poll(self) -> list[tuple[int, str]]:
        """The lines that came since the last call; [] while the file is away."""
        if self._file is None and not self._open():
            return []
        lines = self._read()
        if self._moved():
            if self._rest:  # the old file's last line never got its newline
                lines += self._cut(b"\n")
            self.close()
            self.rotations += 1
            self.line = 0
            if self._open():
                lines += self._read()
        return lines

    def close(self) -> None:
        """Let the file go; the next poll opens it again from its start."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._rest = b""

    def _open(self) -> bool:
        try:
            self._file = open(self.path, "rb", buffering=0)  # noqa: SIM115 - stays open between polls
        except OSError:
            self._at_end = False  # it did not exist when we began: all of it is new
            return False
        if self._at_end:
            self._file.seek(0, os.SEEK_END)
        self._at_end = False
        return True

    def _moved(self) -> bool:
        """True when the name now means another file, or the same one cut short."""
        if self._file is None:
            return False
        try:
            named = os.stat(self.path)
        except OSError:
            return False  # moved away and not yet replaced: keep the old one
        mine = os.fstat(self._file.fileno())
        if (named.st_dev, named.st_ino) != (mine.st_dev, mine.st_ino):
            return True
        return mine.st_size < self._file.tell()

    def _read(self) -> list[tuple[int, str]]:
        lines: list[tuple[int, str]] = []
        while self._file is not None and (block := self._file.read(BLOCK)):
            lines += self._cut(block)
        return lines

    def _cut(self, block: bytes) -> list[tuple[int, str]]:
        *whole, self._rest = (self._rest + block).split(b"\n")
        self._rest = self._rest[:LONGEST]
        first = self.line + 1
        self.line += len(whole)
        return [
            (number, line[:LONGEST].decode("utf-8", "replace").rstrip("\r"))
            for number, line in enumerate(whole, first)
        ]
