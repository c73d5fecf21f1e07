"""What people write after --own, --inside and --sender: checked once, with the mend in the error."""

from typing import TypeVar

from unlisted import net
from unlisted.errors import UnlistedError
from unlisted.net import Address, Network

T = TypeVar("T")


def addresses(option: str, texts: list[str]) -> tuple[Address, ...]:
    """Addresses; exit 2 for anything else."""
    return tuple(_made(option, text, net.ip(text), "IP address", "203.0.113.5") for text in texts)


def networks(option: str, texts: list[str]) -> tuple[Network, ...]:
    """Networks; exit 2 for anything else."""
    return tuple(_made(option, text, net.network(text), "network", "192.0.2.0/24") for text in texts)


def senders(option: str, texts: list[str]) -> tuple[str, ...]:
    """Addresses or MACs as text, in their one form; exit 2 for anything else."""
    spelled = [net.mac(text) or str(net.ip(text) or "") for text in texts]
    return tuple(
        _made(option, text, made or None, "address or MAC", "192.168.1.10")
        for text, made in zip(texts, spelled, strict=True)
    )


def _made(option: str, text: str, value: T | None, what: str, example: str) -> T:
    if value is None:
        raise UnlistedError(f"{option} {text[:80]!r} is no {what}", remedy=f"{option} {example}", code=2)
    return value
