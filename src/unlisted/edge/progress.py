"""A progress bar on stderr for what takes longer than a second; nothing where nobody watches.

One bar for all files of a command: many small ones take long together.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unlisted import show

PATIENCE = 1.0  # seconds of the command before a bar is worth its line
_BEGAN = time.monotonic()


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
    )
    task = progress.add_task(show.clean(name, 40), total=None)
    running = False

    def told(done: int, total: int) -> None:
        nonlocal running
        if not running and time.monotonic() - _BEGAN > PATIENCE:
            progress.start()
            running = True
        if running:
            progress.update(task, completed=done, total=total)

    try:
        yield told
    finally:
        if running:
            progress.stop()
