"""What people write after --own, --inside and --sender: checked once, with the mend in the error."""

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


def senders(option: str, texts: list[str]) -> tuple[str, ...]:
    """Addresses or MACs as text, in their one form; exit 2 for anything else."""
    made = [net.mac(text) or str(net.ip(text) or "") for text in texts]
    _check(option, texts, made, "address or MAC", "192.168.1.10")
    return tuple(made)


def _check(option: str, texts: list[str], made: Sequence[object], what: str, example: str) -> None:
    for text, value in zip(texts, made, strict=True):
        if not value:
            raise UnlistedError(f"{option} {text[:80]!r} is no {what}", remedy=f"{option} {example}", code=2)
