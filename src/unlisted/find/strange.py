"""Attempts of sources that are not inside, though nothing says that they are translated: forged, or of
machines whose network nobody named. By the card that sent them, where the log has it, and by the networks.
"""

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.find.columns import ROUTED, Flows
from unlisted.net import Address, Network

FEW = 10  # attempts; fewer, and a small share of all, are stray packets
SHARE = 0.1
SPREAD = 3  # destination networks; strangers who call our own public addresses reach fewer
SHOWN = 3  # cards, addresses and networks named


def weighs(strangers: Flows, counted: int) -> bool:
    """True when a bot could be among them, so that the `counted` others do not tell that all is well."""
    size = strangers.size
    if size <= FEW and size <= SHARE * (size + counted):
        return False
    return len({net.prefix(strangers.addresses[number]) for number in np.unique(strangers.dst)}) >= SPREAD


def told(strangers: Flows) -> Iterator[str]:
    """Who they are, in sentences."""
    forgers = set()
    for card, rows in _most(strangers.mac):
        if not card:
            continue
        addresses = [
            strangers.addresses[number] for number in np.unique(strangers.src[strangers.mac == card])
        ]
        mac = strangers.macs[card]
        if len({_network(one) for one in addresses}) > ROUTED:
            forgers.add(card)
            yield (
                f"MAC {mac} sent {rows:,} under {len(addresses):,} addresses that are not inside:"
                " forged, or it is a router's"
            )
        else:
            more = f" and {len(addresses) - SHOWN:,} more" if len(addresses) > SHOWN else ""
            yield f"MAC {mac} sent {rows:,} as {', '.join(map(str, addresses[:SHOWN]))}{more}"
    networks = _networks(strangers.rows(~np.isin(strangers.mac, sorted(forgers))))
    if networks:
        yield "if they are machines of your own, try " + " ".join(f"--inside {one}" for one in networks)


def _most(column: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """The most frequent values and how often each occurs."""
    values, counts = np.unique(column, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:SHOWN]
    return [(int(values[place]), int(counts[place])) for place in order]


def _network(address: Address) -> tuple[int, int]:
    """The /64 of IPv6, the /24 of IPv4, as a version and a number."""
    return address.version, int(address) >> (64 if address.version == 6 else 8)


def _networks(strangers: Flows) -> list[Network]:
    """The /64s from which most came; a /24 only where several send from it: one address is a router's."""
    rows, sources = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for source, count in zip(*np.unique(strangers.src, return_counts=True), strict=True):
        network = _network(strangers.addresses[source])
        rows[network] += int(count)
        sources[network] += 1
    many = [one for one, _ in rows.most_common() if one[0] == 6 or sources[one] > 1]
    if len(many) > ROUTED:
        return []
    return [
        IPv6Network((number << 64, 64)) if version == 6 else IPv4Network((number << 8, 24))
        for version, number in many[:SHOWN]
    ]
