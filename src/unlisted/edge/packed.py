"""What is compressed, as the bytes in it: to its end, to a bound, or to where it is damaged."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO, Protocol, cast


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


_KINDS: tuple[tuple[bytes, str, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", "gzip", lambda file: gzip.GzipFile(fileobj=file, mode="rb")),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMAFile),
)


def opened(head: bytes, file: _Readable, most: int) -> "Packed | None":
    """What a stream with this beginning unpacks to; None for one that is not packed."""
    for magic, kind, opener in _KINDS:
        if head.startswith(magic):
            return Packed(kind, opener(file), most)
    return None


class Most(io.RawIOBase):
    """At most so many bytes of a stream; `left` is 0 when they were reached."""

    def __init__(self, file: _Readable, most: int) -> None:
        self._file = file
        self.left = most

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: Any) -> int:
        """Fill `room` as far as that goes."""
        data = self.some(min(len(room), self.left))
        self.left -= len(data)
        room[: len(data)] = data
        return len(data)

    def some(self, size: int) -> bytes:
        """The next bytes, at most `size`."""
        return self._file.read(size)


class Packed(Most):
    """A kilobyte of it may unpack to a megabyte; `damage` says, behind all else, how it is damaged."""

    def __init__(self, kind: str, file: Any, most: int) -> None:
        super().__init__(file, most)
        self.kind = kind
        self.damage = ""

    def __enter__(self) -> BinaryIO:  # type: ignore[override]
        return cast(BinaryIO, io.BufferedReader(self))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()  # type: ignore[attr-defined]

    def some(self, size: int) -> bytes:
        """The next bytes; read1 gives what could still be unpacked, read would lose it with the error."""
        if self.damage or not size:
            return b""
        try:
            return cast(bytes, self._file.read1(size))  # type: ignore[attr-defined]
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            self.damage = str(error) or type(error).__name__
            return b""
