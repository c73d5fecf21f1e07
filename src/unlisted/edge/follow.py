"""Lease files and logs that grow, as events: what is new in them at each look.

A lease file is read again whenever it changed, a log where it was left off (`tail.py`). A router's log holds
several formats, and its first lines may be anybody's: a format joins when a line of it first comes.
"""

import os
import stat
import time
from collections import Counter
from collections.abc import Iterator

from msgspec import structs

from unlisted import evidence, show
from unlisted.edge import dates
from unlisted.edge.present import LARGEST
from unlisted.edge.tail import Tail
from unlisted.evidence import Format, Parse
from unlisted.messages import Attempt, Evidence, Lease, Say


class Files:
    """The files that are followed. `poll()` never waits; `close()` lets them go."""

    def __init__(self, leases: tuple[str, ...], logs: tuple[str, ...]) -> None:
        self.leases: dict[str, set[Lease]] = {path: set() for path in leases}  # as each was last read
        self._tails = [Tail(path) for path in logs]
        self._missed: Counter[str] = Counter()  # lines not understood, by file
        self._stamps: dict[str, tuple[int, int]] = {}
        self._readers: dict[
            str, list[tuple[Format, Parse]]
        ] = {}  # by file, in the order in which they joined
        self._strange: set[str] = set()  # files in no known format, so far; each is said once

    @property
    def not_understood(self) -> int:
        """Lines that were not understood."""
        return self._missed.total()

    def close(self) -> None:
        """Let the logs go."""
        for tail in self._tails:
            tail.close()

    def missing(self) -> Iterator[str]:
        """A sentence for each file that cannot be read, or not yet."""
        for path in (*(tail.path for tail in self._tails), *self.leases):
            name = show.clean(path, 200)
            try:
                if not stat.S_ISREG(os.stat(path).st_mode):
                    yield f"{name} is no file that can be followed: waiting for one"
                    continue
                with open(path, "rb"):
                    pass
            except OSError as error:
                yield f"{name}: {error.strerror}: waiting for it"

    def poll(self) -> Iterator[Attempt | Lease | Say]:
        """What came since the last look, and what to say about it."""
        for path in self.leases:
            yield from self._lease_file(path)
        for tail in self._tails:
            if lines := tail.poll():
                yield from self._log(tail.path, lines)

    def _lease_file(self, path: str) -> Iterator[Attempt | Lease | Say]:
        """Read the file again when it changed; a lease that did not change since is no news."""
        try:
            now = os.stat(path)
            stamp = (now.st_mtime_ns, now.st_size)
            if self._stamps.get(path) == stamp or not stat.S_ISREG(now.st_mode):  # a pipe would stop us
                return
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read(LARGEST).splitlines()
        except OSError:
            return  # not there yet: dnsmasq writes it with the first lease
        self._stamps[path] = stamp
        self._missed[path] = 0  # it is read anew, from its start
        self._readers[path] = [(form, form.reader()) for form, _ in self._readers.get(path, [])]
        before, self.leases[path] = self.leases[path], set()
        for fact, seen in self._read(path, list(enumerate(lines, 1))):
            if isinstance(fact, Lease):
                self.leases[path].add(fact)
            if fact not in before:
                yield structs.replace(fact, seen=seen)
        yield from self._strangeness(path, lines)

    def _log(self, path: str, lines: list[tuple[int, str]]) -> Iterator[Attempt | Lease | Say]:
        for fact, seen in self._read(path, lines):
            if isinstance(fact, Attempt) and fact.action == "held":
                fact = structs.replace(fact, action="block")  # only the kernel's own word proves a hold
            yield structs.replace(fact, seen=seen)
        yield from self._strangeness(path, lines)

    def _read(self, path: str, lines: list[tuple[int, str]]) -> Iterator[tuple[Attempt | Lease, Evidence]]:
        """The events in lines of a file, and where each stands."""
        now = dates.placing(None, time.time())  # a line that was just written is not from the future
        readers = self._readers.setdefault(path, [])
        for number, text in lines:
            event = _parsed(readers, text, now)
            if event is None and text.strip():
                known = [form for form, _ in readers]
                readers += [(one, one.reader()) for one in evidence.present([text], now) if one not in known]
                event = _parsed(readers, text, now)
            for fact in evidence.facts(event):
                if isinstance(fact, (Attempt, Lease)):
                    yield fact, Evidence(path, number, text)
            if event is None and text.strip():
                self._missed[path] += 1

    def _strangeness(self, path: str, lines: list[str] | list[tuple[int, str]]) -> Iterator[Say]:
        if lines and not self._readers[path] and path not in self._strange:
            self._strange.add(path)
            yield Say(time.time(), f"{show.clean(path, 200)}: not in a format that I know, so far")


def _parsed(readers: list[tuple[Format, Parse]], text: str, near: float) -> evidence.Parsed:
    """What the first of these formats that knows the line makes of it."""
    for form, parse in readers:
        if form.hint in text and (made := parse(text, near)) is not None:
            return made
    return None
