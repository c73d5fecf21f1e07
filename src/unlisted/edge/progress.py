"""A progress bar on stderr for what takes longer than a second; nothing where nobody watches."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from unlisted import show

PATIENCE = 1.0  # seconds before a bar is worth its line
EVERY = 0.1  # seconds between two drawings


class Together:
    """One bar over several files: told what was read of one, it tells what was read of all."""

    def __init__(self, sizes: Iterable[int], progress: Callable[[int, int], None] | None) -> None:
        self._total, self._before, self._progress = sum(sizes), 0, progress

    def told(self, done: int, total: int) -> None:
        """So many bytes of the file at hand."""
        if self._progress is not None:
            self._progress(min(self._before + min(done, total), self._total), self._total)

    def past(self, size: int) -> None:
        """The file at hand is done."""
        self._before += size
        self.told(0, 0)


@contextmanager
def bar(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """Gives a function to be told bytes read and bytes in all, or None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars

    progress = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
        console=show.console(stderr=True),
        transient=True,
        auto_refresh=False,  # no thread: files are read by forked workers, and threads would forbid that
    )
    task = progress.add_task(show.clean(name, 40), total=None)
    started = time.monotonic()
    running, shown = False, 0.0

    def told(done: int, total: int) -> None:
        nonlocal running, shown
        now = time.monotonic()
        if not running and now - started > PATIENCE:
            progress.start()
            running = True
        progress.update(task, completed=done, total=total)  # from the first on, for the rate
        if running and now - shown > EVERY:
            shown = now
            progress.refresh()

    try:
        yield told
    finally:
        if running:
            progress.stop()
