"""On which side of the address translation a log was taken, and what it therefore cannot tell.

Where a log shows addresses after translation, nobody can be named from it: not the router, and not the
gateway of the containers. Three ways to get there: a log of the router's outer side; hairpin translation
(RFC 4787 §6), where machines inside that call our own public address come back with the gateway's own;
containers (Docker's bridges), where the bridge's gateway stands for the whole world.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

import numpy as np

from unlisted import net
from unlisted.find import strange
from unlisted.find.columns import Flows
from unlisted.find.outgoing import Outgoing
from unlisted.net import Address

# Docker's pools for its bridges begin here; each bridge's gateway is the first address of its network
# (docs.docker.com, "default-address-pools"). Other networks use these addresses too.
BRIDGES = IPv4Network("172.16.0.0/12")
FIRST, LAST = 1, 254  # where routers mostly stand in a /24

_BLIND = "It cannot tell which machine sent, and nobody is accused"


def wrong_side(out: Outgoing, own: Sequence[Address], is_machine: Callable[[Address], bool]) -> str:
    """Why this log cannot name a device: it shows addresses after translation. "" when it can.

    `is_machine`: a lease or the person says that a machine has the address.
    """
    if not out.flows.size:
        return _outer(out, own) or _stayed(out)
    if len(out.sources) > 1 or is_machine(out.sources[0]) or not _stands_for_others(out):
        return ""
    return (
        f"every attempt comes from {out.sources[0]}, {_what(out.sources[0])}, and nothing says that it is"
        f" a machine's own: this log seems to show addresses after translation. {_BLIND}. If it is a"
        " machine of yours, give its lease (--leases) or name it in [roles]"
    )


def may_be_ours(out: Outgoing) -> bool:
    """True when nobody is inside, and the sources may be machines whose network nobody named."""
    return not out.flows.size and (len(out.outer) > 1 or any(one.version == 6 for one in out.outer))


def _outer(out: Outgoing, own: Sequence[Address]) -> str:
    """A log of the outer side of our own router."""
    if not out.outer:
        return ""
    ours = all(address in own for address in out.outer)
    if not ours and len(out.targets) == 1:
        some = ", ".join(map(str, list(out.outer)[:3]))
        return (
            f"every attempt goes from outside ({some}) to {out.targets[0]}, which is not inside either:"
            " strangers who call that address, or our own machines seen after translation."
            f" {_BLIND}. Your own networks are named with --inside NET"
        )
    if ours or not may_be_ours(out):
        return (
            f"every attempt comes from {next(iter(out.outer))}, which is not inside: this log was taken on"
            f" the outer side of the address translation. {_BLIND}"
        )
    who = (
        f"none of the {len(out.outer)} sources is"
        if len(out.outer) > 1
        else f"the source {next(iter(out.outer))} is not"
    )
    told = [f"{who} inside the own network (name it with --inside NET if it has public addresses)"]
    return "; ".join([*told, *strange.told(out.strangers)])


def _stayed(out: Outgoing) -> str:
    """All of it stayed inside, and a gateway stands for who called: hairpin or containers."""
    if len(out.sources) != 1 or not gateway(out.sources[0]):
        return ""
    return (
        f"every attempt comes from {out.sources[0]}, {_what(out.sources[0])}, and none left the own network:"
        " this log seems to show who called your mail server, after translation (hairpin or containers)."
        f" {_BLIND}. {_TRUSTED}"
    )


_TRUSTED = (
    "The server sees the same: where it trusts that address (mynetworks), it relays for everybody behind it"
)


def gateway(address: Address) -> bool:
    """True for an address at which gateways mostly stand."""
    if isinstance(address, IPv4Address):
        return int(address) & 0xFF in (FIRST, LAST)
    return int(address) & (1 << 64) - 1 == FIRST


def _what(address: Address) -> str:
    if not gateway(address):
        return "whose MAC hands on what comes from outside"
    if isinstance(address, IPv4Address) and address in BRIDGES:
        return "an address as the gateway of a container bridge has"
    return "an address as routers have"


def _stands_for_others(out: Outgoing) -> bool:
    """True when the one source seems to be a gateway: by the MAC where the log has one, else by its place."""
    macs = {out.flows.macs[card] for card in np.unique(out.flows.mac)} - {""}
    if not macs:
        return gateway(out.sources[0])
    return bool(macs & out.gateways) or all(bridge(out.sources[0], mac) for mac in macs)


def bridge(address: Address, mac: str) -> bool:
    """True for the gateway of a container bridge: its card was made up by software as well."""
    held = isinstance(address, IPv4Address) and address in BRIDGES
    return held and int(address) & 0xFF == FIRST and net.random_mac(mac)


def bridged(addresses: Iterable[Address], mac: str) -> str:
    """What is to be said of a device that seems to be the gateway of a container bridge."""
    found = next((one for one in addresses if bridge(one, mac)), None)
    return (
        ""
        if found is None
        else (f"{found} is {_what(found)}: it stands for its host, and for what the host passes on")
    )


def unseen(out: Outgoing, own: Sequence[Address]) -> dict[Address, int]:
    """Attempts of our own public addresses of which the log has no inner line: nobody can be named."""
    rows = {one: count - out.again.get(one, 0) for one, count in out.outer.items()}
    return {one: count for one, count in rows.items() if count and (one in own or one in out.again)}


def blind(out: Outgoing, own: Sequence[Address]) -> bool:
    """True when for too many attempts the log shows nobody: that the others are honest tells nothing then."""
    alone = sum(out.outer.values()) if len(out.outer) == 1 and not out.again else 0  # likely ours
    if max(alone, sum(unseen(out, own).values())) > out.flows.size:
        return True
    return strange.weighs(_strangers(out, own), out.flows.size)


def _strangers(out: Outgoing, own: Sequence[Address]) -> Flows:
    """Attempts of sources that are neither inside nor our own public addresses."""
    hidden = unseen(out, own)
    ours = [number for number, one in enumerate(out.strangers.addresses) if one in hidden]
    return out.strangers.rows(~np.isin(out.strangers.src, ours))


def left_out(out: Outgoing, own: Sequence[Address]) -> Iterator[str]:
    """What was not counted, in sentences."""
    if out.inside:
        yield f"{out.inside:,} attempts stayed inside the own network and were not counted"
    if out.home:
        yield f"{out.home:,} attempts went to our own public address and so came back inside: not counted"
    if out.again:
        masks = ", ".join(map(str, list(out.again)[:4]))
        yield (
            f"{sum(out.again.values()):,} lines show a connection again after translation to {masks}:"
            " the inner line counts"
        )
    hidden = unseen(out, own) if out.flows.size else {}
    for address, count in hidden.items():
        yield (
            f"{count:,} attempts from {address} have no inner line: the router's own, or of a machine that"
            " this log does not show"
        )
    left = sum(rows - out.again.get(one, 0) for one, rows in out.outer.items() if one not in hidden)
    if left and out.flows.size:
        yield f"{left:,} attempts left out: their sources are not inside (translated already, or spoofed)"
        yield from strange.told(_strangers(out, own))
    if out.repeats:
        yield (
            f"{out.repeats:,} lines repeated a connection (retransmitted, or told by two sources):"
            " counted once"
        )
