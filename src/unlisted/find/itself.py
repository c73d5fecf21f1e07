"""What the machine that logs sent itself: it came in by no interface.

Of a gateway that is its outer side, where the lines before the translation are missing, or the gateway's
own; of a desktop with a firewall it is that machine's. Several sources are forwarded packets that were
logged behind the routing (POSTROUTING), where older kernels do not tell the interface either.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network
from typing import NamedTuple

import numpy as np

from unlisted import net
from unlisted.find import strange
from unlisted.find.columns import Bools, Flows
from unlisted.net import Address

SHARED = IPv4Network(
    "100.64.0.0/10"
)  # between a provider's translation and its customers' routers (RFC 6598)


class Itself(NamedTuple):
    """Rows of gateways, of which nobody is accused, and machines that may be one."""

    gateway: Bools  # per row
    alone: frozenset[Address]  # no other line tells that the machine forwards
    notes: tuple[str, ...]
    weighs: bool  # a bot could be among the gateways' rows

    def doubt(self, addresses: Iterable[Address]) -> str:
        """Whose they may be, for the one device of these addresses."""
        found = next((one for one in addresses if one in self.alone), None)
        if found is None:
            return ""
        return (
            f"the machine that logs sent these itself: {found} is its own address. If it is a router, this is"
            " its outer side, after translation, and does not tell who sent; if it is not, that machine did"
        )


def itself(flows: Flows, is_machine: Callable[[Address], bool]) -> Itself:
    """`is_machine`: a lease or the person says that a machine has the address."""
    gateway, alone, notes = np.zeros(flows.size, np.bool_), set[Address](), list[str]()
    versions = np.array([address.version for address in flows.addresses], np.int8)
    passed_on = set(np.unique(flows.src[~flows.local]).tolist())  # what came in by an interface
    own, forwarding = np.flatnonzero(flows.local), set(np.unique(flows.file[~flows.local]).tolist())
    for file in np.unique(flows.file[own]).tolist():
        here, forwards = own[flows.file[own] == file], file in forwarding
        for version in (4, 6):
            rows = here[versions[flows.src[here]] == version]
            sources = np.unique(flows.src[rows])
            address = flows.addresses[sources[0]] if len(sources) == 1 else None
            if address is None or sources[0] in passed_on or is_machine(address) or not net.inside(address):
                continue
            if forwards or address in SHARED:
                gateway[rows] = True
                notes.append(_note(address, len(rows), forwards=forwards))
            else:
                alone.add(address)
    weighs = strange.weighs(flows.rows(gateway), int((~gateway).sum()))
    return Itself(gateway, frozenset(alone), tuple(notes), weighs)


def _note(address: Address, count: int, *, forwards: bool) -> str:
    why = "which forwards for others" if forwards else "from an address that providers give to routers"
    return (
        f"{count:,} attempts as {address} were sent by the machine that logs, {why}: its outer side, after"
        " translation, or the gateway itself. It cannot tell which machine sent, and nobody is accused of"
        " them: log what comes in from inside (FORWARD). If it is a machine, give its lease (--leases)"
    )
