"""One's own public address: what each way of asking gave, and what it all means.

A router's word is a claim: it knows its own address, not whether another NAT stands before it. So the kind of
that address decides: public, private (RFC 1918, §3: another NAT), shared (RFC 6598: the provider's
carrier-grade NAT) or DS-Lite's (RFC 6333 §5.7). The packets have a file each here; sockets are the edge's.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from msgspec import Struct

from unlisted import net
from unlisted.net import Address

Way = Literal["interface", "NAT-PMP", "UPnP", "STUN", "DNS"]
Kind = Literal["public", "nat", "double-nat", "cgnat", "ds-lite", "unknown"]
# As sure as they are: what a server saw, what this machine has, what the router says, what a name says.
ORDER: tuple[Way, ...] = ("STUN", "interface", "NAT-PMP", "UPnP", "DNS")
# What routers say that refuse to call a private or shared address external (miniupnpd does since 2.1).
WITHOUT = "it has no public address itself: another NAT stands before it, or its line is down"
_SHARED = IPv4Network("100.64.0.0/10")  # RFC 6598
_DS_LITE = IPv4Network("192.0.0.0/29")  # RFC 6333 §5.7
_GLOBAL = IPv6Network("2000::/3")  # RFC 4291 §2.4, the unicast space that IANA gives out
_TUNNELED = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))  # Teredo, 6to4: RFC 4380, RFC 3056
# RFC 791 and 1122 §3.2.1.3 (this network, loopback), RFC 5736, RFC 2544, RFC 5771, RFC 1112 §4. The
# documentation ranges are left in, as everywhere here.
_NOBODYS = tuple(
    IPv4Network(text)
    for text in ("0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4")
)


class Told(Struct, frozen=True):
    """What one way of asking gave: an address, or why it gave none."""

    way: Way
    address: Address | None = None
    where: str = ""  # the interface, router or server
    why: str = ""
    temporary: bool = False  # an IPv6 address that changes by itself (RFC 8981)
    aside: bool = False  # told by another device of the LAN than the router


class Exit(Struct, frozen=True):
    """How this machine's IPv4 leaves for the internet."""

    interface: str = ""
    address: Address | None = None
    gateway: Address | None = None
    elsewhere: bool = False  # by another interface than the router's: a VPN, as a rule


class Verdict(Struct, frozen=True):
    """Our addresses as the world sees them, none where that cannot be told.

    `kind` is of IPv4. `says`, `doubts` and `tried` are for people; strangers' words may stand in them.
    """

    addresses: tuple[Address, ...]
    kind: Kind
    says: str
    doubts: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()


def public(address: Address) -> bool:
    """True for an address by which the world can see somebody."""
    if isinstance(address, IPv6Address):
        return address in _GLOBAL and not any(address in tunnel for tunnel in _TUNNELED)
    return not net.inside(address) and not any(address in network for network in _NOBODYS)


def hidden(address: Address | None) -> Kind | None:
    """Which NAT stands before a machine that has this address; None where the address tells nothing."""
    if not isinstance(address, IPv4Address):
        return None
    if address in _SHARED:
        return "cgnat"
    if address in _DS_LITE:
        return "ds-lite"
    return "double-nat" if net.inside(address) and not address.is_link_local else None


def verdict(told: list[Told], way_out: Exit) -> Verdict:
    """What is ours, how that is known, and who disagrees. What a doubt says is not said again as tried."""
    four = [one for one in told if isinstance(one.address, IPv4Address)]
    six = _six(told)
    mine = _four(four)
    kind, barrier = _kind(told, mine, way_out)
    addresses = dict.fromkeys(one.address for one in (*mine, *six) if one.address is not None)
    parts = [_how(address, [one for one in mine if one.address == address]) for address in addresses]
    says = "; ".join(filter(None, (*parts, *map(_how_six, six))))
    doubts = tuple(_doubts(four, mine, kind, barrier, way_out))
    tried = tuple(
        f"{one.way}{f' ({one.where})' if one.where else ''}: {one.why or f'{one.address} is not public'}"
        for one in told
        if one.why not in ("", WITHOUT) or (one.address and not public(one.address))
    )
    return Verdict(tuple(addresses), kind, says, doubts, tried)


def _four(told: list[Told]) -> list[Told]:
    """The claims of public IPv4 addresses that count, the surest first.

    A device that is not the router counts only where the router gives no address.
    """
    router = any(one.way in ("NAT-PMP", "UPnP") and not one.aside for one in told)
    claims = [one for one in told if one.address and public(one.address) and not (one.aside and router)]
    return sorted(claims, key=lambda one: ORDER.index(one.way))


def _kind(told: list[Told], mine: list[Told], way_out: Exit) -> tuple[Kind, Address | None]:
    """What stands between this machine and the world, and the address that shows it."""
    if any(one.way == "interface" for one in mine):
        return "public", None
    router = [one for one in told if one.way in ("NAT-PMP", "UPnP") and (one.address or one.why == WITHOUT)]
    router = [one for one in router if not one.aside] or router
    for one in router:
        if kind := hidden(one.address):
            return kind, one.address
    if any(one.why == WITHOUT for one in router):
        return "double-nat", None
    # Shared space on our own way out (a phone's modem): no router of ours is in between. 192.168 here is
    # what everybody has behind a router, and tells nothing.
    if not any(one.way in ("NAT-PMP", "UPnP") for one in mine) and not way_out.elsewhere:
        kind = hidden(way_out.address)
        if kind in ("cgnat", "ds-lite"):
            return kind, way_out.address
    return ("nat" if mine else "unknown"), None


def _how(address: Address, claims: list[Told]) -> str:
    """One address and whose word it is."""
    words = []
    for one in claims:
        if one.way == "interface":
            words.append(f"on this machine ({one.where})" if one.where else "on this machine")
        elif one.way == "STUN":
            words.append(f"seen by {one.where} (STUN)")
        elif one.way == "DNS":
            words.append(f"by the name {one.where}")
    router = [one for one in claims if one.way in ("NAT-PMP", "UPnP")]
    if router:
        ways = ", ".join(dict.fromkeys(one.way for one in router))
        words.append(
            f"as {router[0].where} says ({ways}), which is not your router"
            if router[0].aside
            else f"as your router says ({ways})"
        )
    return f"{address}, {' and '.join(words)}" if words else ""


def _six(told: list[Told]) -> list[Told]:
    """One IPv6 address of each /64, for lists name the /64: one that stays where there is one."""
    claims = [one for one in told if isinstance(one.address, IPv6Address) and public(one.address)]
    claims.sort(key=lambda one: (one.temporary, ORDER.index(one.way), int(one.address or 0)))
    found: dict[int, Told] = {}
    for one in claims:
        found.setdefault(int(one.address or 0) >> 64, one)
    return list(found.values())


def _how_six(one: Told) -> str:
    how = _how(one.address, [one]) if one.address else ""
    changes = "it is temporary (RFC 8981), but " if one.temporary else ""
    return f"{how}; {changes}lists name its whole /64"


def _doubts(
    told: list[Told], mine: list[Told], kind: Kind, barrier: Address | None, way_out: Exit
) -> list[str]:
    """What a person must know before believing it, each with what follows."""
    doubts = []
    if kind in ("cgnat", "ds-lite", "double-nat"):
        doubts.append(_barrier(kind, barrier, mine))
    on_this = {one.address for one in mine if one.way == "interface"}
    elsewhere = {one.address for one in mine} - on_this
    router = {one.address for one in told if one.way in ("NAT-PMP", "UPnP") and not one.aside}
    if len(elsewhere) > 1 or len(router) > 1 or (elsewhere and on_this):
        doubts.append(
            "they do not agree (two lines, a VPN, a name out of date?): all of them are asked about"
        )
    aside = [one for one in told if one.aside and one not in mine]
    doubts += [f"{one.where} is not your router and says {one.address}: not believed" for one in aside]
    if way_out.elsewhere:
        doubts.append(
            f"what this machine sends leaves by {way_out.interface}, not by your router (a VPN?): the world "
            "sees another address of it"
        )
    elif kind == "nat" and all(one.way in ("NAT-PMP", "UPnP") for one in mine):
        doubts.append("nobody outside has confirmed it; --stun HOST asks a server of your choice")
    return doubts


def _barrier(kind: Kind, address: Address | None, mine: list[Told]) -> str:
    if kind == "cgnat":
        what = (
            f"{address} is shared address space (RFC 6598): your provider's carrier-grade NAT (CGNAT) stands "
            "before you"
        )
    elif kind == "ds-lite":
        what = f"{address} is DS-Lite's (RFC 6333): your IPv4 goes through your provider's NAT"
    elif address is None:
        down = "" if mine else ", or its line is down"
        return (
            "your router says that it has no public address itself: another NAT stands before it (your "
            f"provider's, which strangers share, or a modem's){down}"
        )
    else:
        return (
            f"your router's own address is {address}, a private one (RFC 1918): another NAT stands before it "
            "(double NAT), a modem's or the provider's"
        )
    shared = "the address that the world sees" if not mine else "this address"
    return f"{what}, and strangers share {shared}: a listing may be theirs"
