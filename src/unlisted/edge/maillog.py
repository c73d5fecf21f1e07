"""A mail server's log as refusals: which messages receivers turned away, and how many went through."""

import os
from pathlib import Path

from msgspec import Struct, structs

from unlisted import net
from unlisted.diagnose.investigate import from_log
from unlisted.diagnose.signs import abroad
from unlisted.edge import mail, read
from unlisted.edge.blocks import virtual
from unlisted.messages import Delivery, Refusal
from unlisted.net import Address, Network
from unlisted.notice import replies


class Logged(Struct, frozen=True):
    """What one log told."""

    refusals: tuple[Refusal, ...]
    through: int  # messages that left and were taken
    sentence: str  # what was read, in words


def logged(
    path: str, own: tuple[Address, ...], inside: tuple[Network, ...] = net.INSIDE, name: str = ""
) -> Logged | None:
    """The refusals of a file that is a mail server's log; None when it is none, or a text with replies.

    `name`: what people know it by, where that is not its path.
    """
    if not os.path.isfile(path) or virtual(Path(path)):
        return None
    reading = read.read(Path(path))
    if "maillogs" not in reading.kinds:
        return None
    if replies.tells(_small(path, reading.size)):
        return None  # log lines among what a person pasted
    deliveries = [event for event in reading.events if isinstance(event, Delivery)]
    left = abroad(deliveries, inside)
    through = sum(delivery.status == "sent" for delivery in left)
    refusals = from_log([*left, *(one for one in deliveries if one.relay == "none")], own)
    refusals.sort(key=lambda one: one.at or 0.0)
    if name:
        reading.path = name
        refusals = [structs.replace(one, source=name + one.source.removeprefix(path)) for one in refusals]
    return Logged(tuple(refusals), through, reading.sentence())


def _small(path: str, size: int) -> str:
    """The text of a file that is no larger than what a person pastes; "" of a larger one."""
    if size > mail.PASTE:
        return ""
    try:
        return Path(path).read_bytes()[: mail.PASTE].decode("utf-8", "replace")
    except OSError:
        return ""
