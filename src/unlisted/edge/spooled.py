"""What comes through a pipe, as a file: it is recognized by its front and read again for its lines."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from unlisted.errors import UnlistedError


@contextmanager
def sources(named: Sequence[str]) -> Iterator[list[str]]:
    """The same names, `-` as a temporary file that holds what stdin gives; it is gone afterwards."""
    if "-" not in named:
        yield list(named)
        return
    with tempfile.TemporaryDirectory(prefix="unlisted-") as folder:
        path = Path(folder, "stdin")
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        except OSError as error:
            raise UnlistedError(
                f"stdin could not be kept in {folder}: {error.strerror}",
                remedy="TMPDIR=FOLDER with more room, or name the file",
                code=3,
            ) from None
        yield [str(path) if one == "-" else one for one in dict.fromkeys(named)]
