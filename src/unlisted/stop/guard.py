"""Which devices may never be held: asked before every hold, by policy and by hand alike.

The answer is a sentence that says why not, or "". Facts arrive as `Network`; the edge collects them
(`edge/surroundings.py`). When in doubt the guard refuses: a wrong hold of the gateway takes
everyone off the network, a refused hold only leaves the standing rule to do its work.

A surprise: a rogue that also claims the address of the gateway or the DNS server (ARP spoofing) is
refused too, because its MAC then goes by that address. It is said, and a person may hold the MAC alone:
then an address counts only where nobody else claims it.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address

from msgspec import Struct

from unlisted.messages import Decision, Device, Lease
from unlisted.net import Address
from unlisted.stop import decide

# More IPv4 addresses than this behind one MAC: a router or a server, and everyone behind it would be held.
# Two or three are common on one machine (an alias, a container host); a repeater shows one per client.
SHARED = 4


class Network(Struct, frozen=True, kw_only=True):
    """What the network needs to live. Sets hold addresses and MACs as `str(ip)` and `net.mac` spell them."""

    gateway: frozenset[str] = frozenset()
    dns: frozenset[str] = frozenset()
    dhcp: frozenset[str] = frozenset()
    this_host: frozenset[str] = frozenset()
    admin: frozenset[str] = frozenset()  # where the administrator is logged in from
    senders: frozenset[str] = frozenset()  # the relay and other declared mail senders
    protect: frozenset[str] = frozenset()
    known: tuple[Lease, ...] = ()  # leases and neighbors, the witnesses of who has which address
    max_holds: int = 3


# In the order of the harm that holding it would do.
_ROLES = (
    ("this_host", "this machine itself"),
    ("gateway", "the gateway"),
    ("dns", "the DNS server"),
    ("dhcp", "the DHCP server"),
    ("admin", "the administrator's own machine"),
    ("senders", "a declared mail sender"),
    ("protect", "protected by the configuration"),
)


def names(device: Device, known: Iterable[Lease]) -> frozenset[str]:
    """Every address and MAC that the device goes by, as far as leases and neighbors tell."""
    leases = tuple(known)
    macs = {device.mac} | {lease.mac for lease in leases if lease.address == device.address}
    macs.discard("")
    addresses = {str(lease.address) for lease in leases if lease.mac in macs}
    return frozenset(macs | addresses | ({str(device.address)} if device.address is not None else set()))


def live(known: Iterable[Lease], now: float) -> tuple[Lease, ...]:
    """The leases and neighbors that speak of now: what has ended is history."""
    return tuple(lease for lease in known if lease.end is None or lease.end > now)


def alone(device: Device, claims: Iterable[Lease], now: float) -> frozenset[str]:
    """The device's MAC, and the addresses that nobody else is known to have at this moment.

    `claims` in the order of time, the kernel's neighbors last: the last claim has the address, unless another
    MAC's lease on it still runs.
    """
    owner: dict[Address, str] = {}
    leased: set[Address] = set()
    for lease in live(claims, now):
        owner[lease.address] = lease.mac
        if lease.end is not None and lease.mac != device.mac:
            leased.add(lease.address)
    own = {str(one) for one, mac in owner.items() if mac == device.mac and one not in leased}
    return frozenset({device.mac} | own)


def forbidden(
    device: Device,
    network: Network,
    decisions: Iterable[Decision],
    now: float,
    alone_by: frozenset[str] = frozenset(),
) -> str:
    """Why the network would suffer from this hold, or "".

    `alone_by` (see `alone`): a person means this MAC whatever else it claims; default: all that it claims.
    """
    known = live(network.known, now)
    if not device.mac and device.address is None:
        return "there is neither a MAC nor an address to hold it by"
    if device.mac and (int(device.mac[:2], 16) & 1 or device.mac == "00:00:00:00:00:00"):
        return f"{device.mac} is no device's own MAC (group or empty address)"
    mine = alone_by or names(device, known)
    for field, what in _ROLES:
        if found := mine & getattr(network, field):
            return f"{device.key} is {what} ({', '.join(sorted(found))})"
    for one in (one for one in decisions if decide.standing(one, now)):
        if mine & {one.device.mac, str(one.device.address or "")} - {""}:
            return f"{device.key} is already held (decision {one.id})"
    behind = {lease.address for lease in known if device.mac and lease.mac == device.mac}
    if not alone_by and sum(isinstance(address, IPv4Address) for address in behind) > SHARED:
        return f"{device.mac} carries {len(behind)} addresses: a router, and everyone behind it would be held"
    return ""


def full(network: Network, decisions: Iterable[Decision], now: float) -> str:
    """Why nobody more is held at this moment, or "": so many at once mean that we are wrong."""
    standing = sum(decide.standing(one, now) for one in decisions)
    if standing < network.max_holds:
        return ""
    return f"{standing} devices are held already and {network.max_holds} is the most at once"


def unproven(device: Device, known: Iterable[Lease], now: float) -> str:
    """Why nothing shows that the device is who its packets say it is, or "".

    A source address is forged by writing it: a hold needs a lease or a neighbor that agrees.
    """
    there = live(known, now)
    if device.address is None:
        seen = any(lease.mac == device.mac for lease in there)
        return "" if seen else f"no lease and no neighbor knows {device.mac}"
    owners = {lease.mac for lease in there if lease.address == device.address and lease.mac}
    if not owners:
        return f"no lease and no neighbor knows {device.address}: its source may be forged"
    if device.mac and owners != {device.mac}:
        others = ", ".join(sorted(owners - {device.mac}))
        return f"{device.address} belongs to {others}, not to {device.mac} alone: its source may be forged"
    return ""


def refuse(device: Device, network: Network, decisions: Iterable[Decision], now: float) -> str:
    """Why this device must not be held, as a sentence; "" when it may be."""
    return forbidden(device, network, decisions, now) or unproven(device, network.known, now)
