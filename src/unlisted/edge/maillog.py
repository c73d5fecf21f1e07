"""A mail server's log as refusals: which messages receivers turned away, and which went through."""

import os
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from unlisted import net, show
from unlisted.diagnose.investigate import from_log
from unlisted.diagnose.signs import abroad
from unlisted.edge import dates, mail, read
from unlisted.edge.blocks import virtual
from unlisted.edge.reading import Reading
from unlisted.evidence import Fact
from unlisted.messages import Delivery, Refusal
from unlisted.net import Address, Network
from unlisted.notice import replies

Take = Callable[[Delivery, Refusal | None], object]  # None: the receiver took it


def logged(
    path: str, own: tuple[Address, ...], take: Take, inside: tuple[Network, ...] = net.INSIDE
) -> Reading | None:
    """Tell each delivery of a mail server's log as it is read; None for a file that is none.

    A small text with replies is none, though it holds log lines: a person pasted it.
    """
    if not os.path.isfile(path) or virtual(Path(path)):
        return None
    told = _Told(path, own, take, inside)
    reading = read.read(Path(path), take=told.one)
    if "maillogs" not in reading.kinds or told.pasted:
        return None
    if told.within:
        reading.assumed += (f"{show.count(told.within, 'refusal')} within the own network not told",)
    for refusal in replies.steps(_small(path), path, own, near(path)):
        take(Delivery(0.0, "", "", "", "none", "deferred", refusal.text), refusal)
        reading.understood, reading.other = reading.understood + 1, max(0, reading.other - 1)
    return reading


def near(path: str) -> float:
    """What places a log's times without a year in a pasted text: none may lie after it was written."""
    try:
        written = os.path.getmtime(path)
    except OSError:
        written = time.time()  # pasted now
    return dates.placing(None, written)


class _Told:
    """Judges deliveries and passes them on; nothing is kept."""

    def __init__(self, path: str, own: tuple[Address, ...], take: Take, inside: tuple[Network, ...]) -> None:
        self._path, self._own, self._take, self._inside = path, own, take, inside
        self.within = 0  # refusals by a content filter or a mail store

    @cached_property
    def pasted(self) -> bool:
        """True for log lines among what a person pasted."""
        return replies.tells(_small(self._path))

    def one(self, event: Fact) -> None:
        """The next fact of the log."""
        if not isinstance(event, Delivery) or self.pasted:
            return
        left = bool(abroad((event,), self._inside))
        if event.status == "sent" and left:
            self._take(event, None)
        for refusal in from_log((event,), self._own):
            # What a relay of the own network says of our address came from outside.
            if left or event.relay == "none" or refusal.cited_ip in self._own:
                self._take(event, refusal)
            else:
                self.within += 1


def _small(path: str) -> str:
    """The text of a file that is no larger than what a person pastes; "" of a larger one."""
    try:
        if os.path.getsize(path) > mail.PASTE:
            return ""
        return Path(path).read_bytes()[: mail.PASTE].decode("utf-8", "replace")
    except OSError:
        return ""
