"""A text file line by line, or only those lines that a scan of its blocks finds; on all cores if it is large.

Each worker reads a share of whole lines and answers with columns and counts; the numbers of its lines are put
right when it is known how many lines stand before them.
"""

import ctypes
import io
import multiprocessing
import os
import re
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from pathlib import Path

import re2

from unlisted import show
from unlisted.edge import journal, records, tables
from unlisted.edge.blocks import BLOCK, LONGEST, Block, Cut, head, text, unpack
from unlisted.edge.reading import CUT, Keeper, Progress, Reading
from unlisted.evidence import Format, Holding, Parsed
from unlisted.messages import Attempt

SMALL = 4 << 20  # bytes; a smaller file is parsed line by line, so that every line is accounted for
SAMPLE = 1000  # lines for recognizing
DENSE = 2000  # bytes; with a candidate in fewer than these it is quicker to read every line
SHARE = 32 << 20  # bytes that a worker reads at a time
LEASE_AHEAD = 400 * 86_400.0  # seconds; no DHCP server leases for longer than a year but for ever


def sample(path: Path, first: bytes) -> list[str]:
    """Lines from the front of the file and, where it is large, from its middle and its end."""
    if records.document(first):
        return records.front(path, SAMPLE)
    parts = [first]
    size = path.stat().st_size
    if size > 4 * len(first):
        with path.open("rb") as file:
            start = file.read(4)
            if first.startswith(start):  # not packed: any place can be looked at
                for place in (size // 3, 2 * size // 3, size - len(first)):
                    file.seek(place)
                    parts.append(file.read(len(first)).partition(b"\n")[2])
    share = SAMPLE // len(parts)
    return [
        journal.plain(line)
        for part in parts
        for line in text(part).replace("\r\n", "\n").split("\n")[:share]
        if len(line) <= LONGEST
    ]


def telling(one: Format) -> bool:
    """True when a line that holds the format's hint is likely one of its lines."""
    return len(one.hint.strip()) > 3


class Reader:
    """Reads the blocks of one file into its Reading."""

    def __init__(self, path: Path, keeper: Keeper, found: Sequence[Format], near: float) -> None:
        self._path, self._keeper, self._reading, self._near = path, keeper, keeper.reading, near
        self._found = found
        self._tries: list[tuple[str, Callable[[str, float], Parsed]]] = [
            (one.hint, one.reader()) for one in found
        ]
        self._holding = [parse for _, parse in self._tries if isinstance(parse, Holding)]
        keeper.packets = any(one.packets for one in found)
        # A hint that tells stands in every line of its format.
        patterns = [one.candidate or (telling(one) and re.escape(one.hint).encode()) for one in found]
        # One after the other: a pattern that begins with a literal is several times as fast as their union.
        if keeper.asked:
            told = all(one.kind in ("gateway", "flows") and not one.session for one in found)
            patterns = [keeper.needle] if told else [b""]
        skim = all(patterns) and self._reading.size > SMALL
        self._scans = [re2.compile(one) for one in patterns] if skim else []
        self._dense, self._longest = 0, LONGEST
        large = self._reading.size > SMALL and not keeper.asked
        self._table = tables.lines(self._reading.path, found[0].parse, near) if large else None

    def run(self, progress: Progress | None) -> None:
        """Read it all."""
        shares = self._shares()
        if len(shares) > 1 and (count := workers()) > 1:
            self._together(shares, count, progress)
        else:
            self.part(None, progress)
        for parse in self._holding:
            for number, made in parse.end():
                self._reading.other -= 1  # it was counted when it was held back
                self._keeper.read(made, number, "")
        self._keeper.finish()
        if self._table:
            self._table.finish(self._reading)
        if self._keeper.latest > self._near + LEASE_AHEAD:
            self._reading.assumed += (
                f"leases run until {show.when(self._keeper.latest)[:10]}: a clock was wrong,"
                " or they are for ever",
            )

    def part(self, span: tuple[int, int] | None, progress: Progress | None) -> None:
        """Read the lines from one place of the file to another; without a span all of it."""
        reading = self._reading
        try:
            for block in records.blocks(self._path, tables.Lines.SIZE if self._table else BLOCK, span):
                self._longest = block.longest
                if self._scans:
                    self._skim(block)
                else:
                    self._all(block)
                if progress:
                    progress(block.read, reading.size)
        except Cut:
            reading.trouble = CUT

    def _shares(self) -> list[tuple[int, int]]:
        """Parts of whole lines; one where the lines must be read in their order, or the file is packed."""
        if self._reading.size < 2 * SHARE or any(one.session or one.header for one in self._found):
            return []
        if records.document(head(self._path)):
            return []
        with unpack(self._path) as file:
            if not isinstance(file, io.FileIO):
                return []
            ends: list[int] = []
            for place in range(SHARE, self._reading.size, SHARE):
                if not ends or place > ends[-1]:  # a line may be longer than a share
                    ends.append(_line_end(file, place))
        return list(zip([0, *ends], [*ends, self._reading.size], strict=True))

    def _together(self, shares: list[tuple[int, int]], workers: int, progress: Progress | None) -> None:
        """Read on all cores. Forked: what was recognized need not be told again.

        A few shares at a time, so that answers do not pile up. Where a worker dies (of memory, most likely)
        the rest is read here. The file stays open: another may take its name meanwhile.
        """
        path, left = self._path, deque(shares)
        waiting: deque[tuple[tuple[int, int], Future[Reading]]] = deque()
        with path.open("rb") as file:
            self._path = Path(f"/proc/self/fd/{file.fileno()}")
            _READERS.append(self)
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _quiet, (os.getpid(),))
            try:
                while left or waiting:
                    while left and len(waiting) < 2 * workers:
                        waiting.append((left[0], _submitted(pool, left.popleft())))
                    span, future = waiting.popleft()
                    try:
                        part = future.result()
                    except BrokenExecutor:
                        part = self.share(span)
                    self._keeper.join(part)
                    if progress:
                        progress(span[1], self._reading.size)
            except BaseException:
                for worker in multiprocessing.active_children():
                    worker.terminate()  # who pressed Ctrl-C does not wait for the shares that are being read
                raise
            finally:
                pool.shutdown(cancel_futures=True)
                _READERS.pop()
                self._path = path

    def share(self, span: tuple[int, int]) -> Reading:
        """In a worker: what one part of the file holds. Lines are counted from its beginning."""
        part = Reading(self._reading.path, size=self._reading.size)
        worker = Reader(self._path, self._keeper.fresh(part), self._found, self._near)
        worker.part(span, None)
        worker._keeper.finish()
        return part

    def _all(self, block: Block) -> None:
        """Every line of a block."""
        if self._table and self._table.block(block):
            return
        data = block.data
        lines = text(data).replace("\r\n", "\n").split("\n")
        if not lines[-1]:
            lines.pop()
        if journal.MARK in data:
            lines = list(map(journal.plain, lines))
        self._reading.lines += len(lines)
        if len(self._tries) > 1 or self._holding or self._keeper.asked:
            for number, line in enumerate(lines, block.first):
                self._line(line, number)
            return
        (hint, parse), near = self._tries[0], self._near
        attempts, numbers = [], []
        for number, line in enumerate(lines, block.first):  # the same, without a call for what is usual
            if hint not in line or len(line) > self._longest:
                self._not_ours(line)
            elif type(made := parse(line, near)) is Attempt:
                attempts.append(made)
                numbers.append(number)
            elif made is not None:
                self._keeper.read(made, number, line)
            else:
                self._not_ours(line)
        self._reading.understood += len(attempts)
        self._keeper.many(attempts, numbers)

    def _skim(self, block: Block) -> None:
        """Only the lines of a block that may hold an event; the others are counted."""
        if self._dense > 0:
            self._dense -= 1
            self._all(block)
            return
        data, last = block.buffer, block.end
        places = [match.start() for scan in self._scans for match in scan.finditer(data, 0, last)]
        if len(places) * DENSE > last:
            self._dense = 16  # blocks; what comes next is likely the same
            self._all(block)
            return
        if len(self._scans) > 1:
            places.sort()
        number, counted, end, taken = block.first, 0, 0, 0
        for at in places:
            if at < end:
                continue  # a second match in the line just read
            start = data.rfind(b"\n", end, at) + 1 or end
            number += block.line_at(start, counted)
            counted = start
            end = data.find(b"\n", at, last) + 1 or last
            self._line(journal.plain(text(data[start:end].rstrip(b"\r\n"))), number)
            taken += 1
        total = block.lines
        self._reading.lines += total
        self._reading.other += total - taken

    def _line(self, line: str, number: int) -> None:
        for holding in self._holding:
            holding.number = number
        for hint, parse in self._tries if len(line) <= self._longest else ():
            if hint in line and (made := parse(line, self._near)) is not None:
                self._keeper.read(made, number, line)
                return
        self._not_ours(line)

    def _not_ours(self, line: str) -> None:
        """A line that no format knows; an empty one says nothing."""
        if line and not line.isspace():
            self._keeper.not_understood(line)
        else:
            self._reading.other += 1


_READERS: list[Reader] = []  # who is reading, for the workers that are forked meanwhile


def _share(span: tuple[int, int]) -> Reading:
    return _READERS[-1].share(span)


def _submitted(pool: ProcessPoolExecutor, span: tuple[int, int]) -> "Future[Reading]":
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy's threads, see `_workers`
            return pool.submit(_share, span)
    except BrokenExecutor as error:
        failed: Future[Reading] = Future()
        failed.set_exception(error)
        return failed


_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _quiet(parent: int) -> None:
    """A worker leaves it to its parent to say that somebody pressed Ctrl-C, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def workers() -> int:
    """How many processes may read: as many as cores; one where forking is not safe.

    Threads of our own may hold locks, and so may Polars'. NumPy's idle ones (OpenBLAS) mind forks themselves.
    """
    alone = threading.active_count() == 1 and "polars" not in sys.modules
    if sys.platform != "linux" or not alone or multiprocessing.current_process().daemon:
        return 1
    return len(os.sched_getaffinity(0))


def _line_end(file: io.FileIO, place: int) -> int:
    """Where the line that holds the byte before `place` ends."""
    file.seek(place - 1)
    at = place - 1
    while data := file.read(BLOCK):
        end = data.find(b"\n")
        if end >= 0:
            return at + end + 1
        at += len(data)
    return at
