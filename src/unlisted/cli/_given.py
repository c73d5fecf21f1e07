"""What people write after options that several verbs share: checked once, with the mend in the error."""

import argparse
import difflib
import os
from collections.abc import Sequence

from unlisted import net
from unlisted.errors import UnlistedError
from unlisted.net import Address, Network


def addresses(option: str, texts: list[str]) -> tuple[Address, ...]:
    """Addresses; exit 2 for anything else."""
    made = [net.ip(text) for text in texts]
    _check(option, texts, made, "IP address", "203.0.113.5")
    return tuple(address for address in made if address is not None)


def networks(option: str, texts: list[str]) -> tuple[Network, ...]:
    """Networks; exit 2 for anything else."""
    made = [net.network(text) for text in texts]
    _check(option, texts, made, "network", "192.0.2.0/24")
    return tuple(network for network in made if network is not None)


def inside(texts: list[str], configured: tuple[Network, ...]) -> tuple[Network, ...]:
    """The own network as it is named; of an IP version that is not named what is configured."""
    named = networks("--inside", texts)
    versions = {one.version for one in named}
    return (*named, *(one for one in configured if one.version not in versions))


def senders(option: str, texts: list[str]) -> tuple[str, ...]:
    """Addresses or MACs as text, in their one form; exit 2 for anything else."""
    made = [net.mac(text) or str(net.ip(text) or "") for text in texts]
    _check(option, texts, made, "address or MAC", "192.168.1.10")
    return tuple(made)


def sources(texts: Sequence[str]) -> Sequence[str]:
    """Files and folders that were named: exit 2 for one that is not there, exit 4 when none may be read."""
    for text in texts:
        if not os.path.lexists(text):
            raise UnlistedError(f"there is no {text[:200]}", remedy=_meant(text), code=2)
    if texts and not any(os.access(text, os.R_OK) for text in texts):
        raise UnlistedError(
            f"{texts[0][:200]}: permission denied", remedy="sudo, or a copy that you may read", code=4
        )
    return texts


def _meant(text: str) -> str:
    """The file beside it whose name is nearest."""
    folder, name = os.path.split(text)
    try:
        beside = os.listdir(folder or ".")[:10_000]
    except OSError:
        beside = []
    close = difflib.get_close_matches(name, beside, n=1, cutoff=0.7)
    return (
        f"{os.path.join(folder, close[0])}, whose name is the nearest"
        if close
        else "name an existing file or folder"
    )


def seconds(text: str) -> float:
    """A time that a person would wait for, in seconds: 0 to 10,000,000."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found


def group(text: str) -> int:
    """An NFLOG group: 16 bits (linux/netfilter/nfnetlink_log.h)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no NFLOG group; write 0 to 65535")
    return int(text)


def _check(option: str, texts: list[str], made: Sequence[object], what: str, example: str) -> None:
    for text, value in zip(texts, made, strict=True):
        if not value:
            raise UnlistedError(f"{option} {text[:80]!r} is no {what}", remedy=f"{option} {example}", code=2)
