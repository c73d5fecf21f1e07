"""Archives as one stream: the members of a zip or a tar one after another, and what is packed with zstd.

Members that are no text are passed over; so is a document that is a zip by trade (Office, EPUB: their first
member says so). Nothing is written, nothing but the piece at hand is held.
"""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878 §3.1.1
ZIP = b"PK\x03\x04"
_TAR = slice(257, 262)  # POSIX.1-2017 pax, "Interchange Format": "ustar"
_DOCUMENTS = ("[Content_Types].xml", "mimetype")
_TOLD = 5  # names that are told
_DULL = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK", b"\x1f\x8b", b"\x7fELF")


class Members(io.BytesIO):
    """The texts in an archive, each ending in a newline."""

    def __init__(self, path: Path, *, tar: bool) -> None:
        super().__init__()
        self.fileobj = path.open("rb")
        self._members = _tar(self.fileobj) if tar else _zip(self.fileobj)
        self._current: IO[bytes] | None = None
        self._ahead, self._last = b"", b"\n"

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next of it; b"" at the end. OSError where it is damaged, or locked by a password."""
        room = 1 << 20 if size is None or size < 0 else max(1, size)
        try:
            return self._next(room)
        except (RuntimeError, NotImplementedError, tarfile.TarError, zipfile.BadZipFile, ValueError) as error:
            raise OSError(str(error)) from None

    def _next(self, room: int) -> bytes:
        while True:
            if self._current is None:
                opened = next(self._members, None)
                if opened is None:
                    return b""
                _, self._current = opened
                self._ahead = self._current.read(512)
                if self._ahead.startswith(_DULL) or b"\0\0" in self._ahead:
                    self._current, self._ahead = None, b""
                    continue
            data, self._ahead = self._ahead[:room] or self._current.read(room), self._ahead[room:]
            if data:
                self._last = data[-1:]
                return data
            self._current = None
            if self._last != b"\n":
                self._last = b"\n"
                return b"\n"

    def close(self) -> None:
        """The file is closed with it."""
        self.fileobj.close()
        super().close()


def _zip(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(file) as archive:
        for one in archive.infolist():
            if one.filename and not one.is_dir() and not one.filename.startswith("__MACOSX/"):
                with archive.open(one) as member:
                    yield one.filename, member


def _tar(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for one in archive:
            if one.isfile() and (member := archive.extractfile(one)) is not None:
                yield one.name, member


def is_text_zip(path: Path) -> bool:
    """True for a zip that is no document of another kind, and whose list of members is whole."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return bool(names) and names[0] not in _DOCUMENTS


def is_tar(first: bytes) -> bool:
    """True for what begins as a tar does."""
    return first[_TAR] == b"ustar"


def names(path: Path) -> str:
    """What lies in an archive, in a sentence; "" for what is none."""
    from unlisted import show
    from unlisted.edge.blocks import unpack

    found: list[str] = []
    try:
        with unpack(path) as file:
            if not isinstance(file, Members):
                return ""
            for name, _ in file._members:
                found.append(show.clean(name, 80))
                if len(found) > _TOLD:
                    break
    except (OSError, EOFError, RuntimeError, NotImplementedError, tarfile.TarError, zipfile.BadZipFile):
        pass  # said when it is read
    more = " and more" if len(found) > _TOLD else ""
    return f"an archive of {', '.join(found[:_TOLD])}{more}" if found else ""


class Zstd(io.BytesIO):
    """What is packed with zstd, by Python 3.14's own module or the package `zstandard`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fileobj = path.open("rb")
        module: Any = zstd()
        own = hasattr(module, "ZstdFile")
        self._file: Any = (
            module.ZstdFile(self.fileobj)
            if own
            else module.ZstdDecompressor().stream_reader(self.fileobj, read_across_frames=True)
        )

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next of it; b"" at the end. OSError where it is damaged."""
        try:
            data = self._file.read1(1 << 20 if size is None or size < 0 else size)
        except Exception as error:
            raise OSError(str(error)) from None
        return bytes(data)

    def close(self) -> None:
        """The file is closed with it."""
        with closing(self.fileobj):
            super().close()


def zstd() -> Any:
    """The module that reads zstd, or None."""
    for name in ("compression.zstd", "zstandard"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None
