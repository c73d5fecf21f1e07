"""A mail server's log as refusals: which messages receivers turned away, and how many went through."""

import os
from pathlib import Path

from msgspec import Struct

from unlisted import net
from unlisted.diagnose.investigate import from_log
from unlisted.diagnose.signs import abroad
from unlisted.edge import read
from unlisted.edge.blocks import virtual
from unlisted.messages import Delivery, Refusal
from unlisted.net import Address, Network


class Logged(Struct, frozen=True):
    """What one log told."""

    refusals: tuple[Refusal, ...]
    through: int  # messages that left and were taken
    sentence: str  # what was read, in words


def logged(path: str, own: tuple[Address, ...], inside: tuple[Network, ...] = net.INSIDE) -> Logged | None:
    """The refusals of a file that is a mail server's log; None when it is none."""
    if not os.path.isfile(path) or virtual(Path(path)):
        return None
    reading = read.read(Path(path))
    if "maillogs" not in reading.kinds:
        return None
    left = abroad((event for event in reading.events if isinstance(event, Delivery)), inside)
    through = sum(delivery.status == "sent" for delivery in left)
    return Logged(tuple(from_log(left, own)), through, reading.sentence())
