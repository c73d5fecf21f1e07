"""Who is inside: by the own networks, and in IPv6, whose own networks no list of ranges holds, by the cards.

A machine inside has a public IPv6 address as well. It is inside when its MAC is: a lease or an attempt from
a private address names it, or its address is made from the MAC itself (RFC 4291, appendix A), which a router
in front of it would not leave in the line. A /64 is our own when such a MAC sends from it, or several cards
do. A gateway's card, a router's and a forger's, who send from any number of networks, tell nothing.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find.columns import ROUTED, Bools, Flows
from unlisted.net import Address, Network

CARDS = 2  # that send from one /64: it is a network of machines


class Sides(NamedTuple):
    """Per row, where it comes from and goes to."""

    from_us: Bools
    to_us: Bools
    home: Bools  # to our own public address, which leads back inside
    gateways: frozenset[int]  # MACs that hand on what comes from outside


def sides(flows: Flows, inside: tuple[Network, ...], macs: AbstractSet[str], own: Sequence[Address]) -> Sides:
    """`macs`: those that leases know inside. Who names networks of one version says nothing of the other."""
    inside += tuple(one for one in net.INSIDE if one.version not in {named.version for named in inside})
    ours = np.array([net.inside(address, inside) for address in flows.addresses], np.bool_)
    home = np.isin(flows.dst, [number for number, one in enumerate(flows.addresses) if one in own])
    from_us, to_us = ours[flows.src], ours[flows.dst]
    gateways = _gateways(flows, ~from_us & (to_us | home))
    known = {int(card) for card in np.unique(flows.mac[from_us])} - {0} - gateways
    known |= {number for number, mac in enumerate(flows.macs) if mac in macs}
    six = np.array([address.version == 6 for address in flows.addresses], np.bool_)
    public = six[flows.src] & ~from_us & ~home
    if public.any():
        sent = {
            (int(pair) // len(flows.macs), int(pair) % len(flows.macs))
            for pair in np.unique(flows.src[public].astype(np.int64) * len(flows.macs) + flows.mac[public])
        }
        known |= {
            card for source, card in sent if made_from(flows.addresses[source], flows.macs[card])
        } - gateways
        learned = _networks(flows, sent, known, gateways)
        local = np.array(
            [six_ and _network(one) in learned for one, six_ in zip(flows.addresses, six, strict=True)]
        )
        from_us |= public & (np.isin(flows.mac, sorted(known)) | local[flows.src])
        to_us |= local[flows.dst]
    return Sides(from_us, to_us, home, frozenset(gateways))


def made_from(address: Address, mac: str) -> bool:
    """True when the address ends in the modified EUI-64 of the MAC."""
    if address.version != 6 or int(address) >> 24 & 0xFFFF != 0xFFFE or len(mac) != 17:
        return False
    octets = int(mac.replace(":", ""), 16) ^ 2 << 40
    return int(address) & (1 << 64) - 1 == octets >> 24 << 40 | 0xFFFE << 24 | octets & 0xFFFFFF


def _networks(
    flows: Flows, sent: AbstractSet[tuple[int, int]], known: AbstractSet[int], gateways: AbstractSet[int]
) -> set[int]:
    """The /64s that are our own."""
    cards: dict[int, set[int]] = {}
    spread: dict[int, set[int]] = {}
    for source, card in sent:
        network = _network(flows.addresses[source])
        cards.setdefault(network, set()).add(card)
        spread.setdefault(card, set()).add(network)
    tells = {card for card, many in spread.items() if card and card not in gateways and len(many) <= ROUTED}
    return {
        network
        for network, many in cards.items()
        if not many & gateways and (many & tells & known or len(many & tells) >= CARDS)
    }


def _network(address: Address) -> int:
    """The /64 of an IPv6 address."""
    return int(address) >> 64


def _gateways(flows: Flows, inbound: Bools) -> set[int]:
    """MACs that bring what comes from IPv4 addresses outside: no machine's own, but a gateway's.

    A machine has IPv6 addresses of the provider's, and may forge any source of what it sends: neither tells.
    """
    four = np.array([address.version == 4 for address in flows.addresses], np.bool_)
    return {int(card) for card in np.unique(flows.mac[inbound & four[flows.src]])} - {0}
