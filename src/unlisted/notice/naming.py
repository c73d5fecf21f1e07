"""What receivers read in an address's name: reverse DNS, and the name that a server says at HELO.

RFC 1912 §2.1 (PTR and A match), RFC 5321 §4.1.1.1 and §2.3.5 (HELO is a resolvable name), M3AAWG's sender
practices (a name that spells the address is taken for a line, not for a server).
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address

from unlisted.net import Address

_RUN = re.compile(r"[0-9]+")
# Words with which providers name the lines of their customers; as a whole label's part, never inside a word.
_LINE = re.compile(
    r"(?:^|[.-])(?:[av]?dsl|fttx|dyn(?:amic)?(?:-?ip)?|dial-?(?:up|in)|dhcp|pool|ppp(?:oe)?|cable(?:modem)?|"
    r"broadband|customers?|cust|residential|cpe|generic|unassigned|lte)"
    r"[0-9]{0,4}(?=[.-])"
)


def generic(name: str, address: Address) -> str:
    """Why a PTR name looks like a line's and not like a server's; "" when it does not.

    Many receivers refuse such names at once. One number in a name is nothing: "mx7" is a server.
    """
    host = name.lower().rstrip(".")
    if isinstance(address, IPv4Address):
        octets = str(address).split(".")
        numbers = [str(int(run)) if len(run) < 4 else run for run in _RUN.findall(host)]
        if _in_order(octets, numbers) or _in_order(octets[::-1], numbers) or _joined(octets, host):
            return "it spells the address"
    else:
        groups = [f"{int(group, 16):x}" for group in address.exploded.split(":")[4:]]
        padded = "".join(group.zfill(4) for group in groups)
        if len(set(groups) - {"0"}) > 1 and ("-".join(groups) in host or padded in re.sub(r"[.-]", "", host)):
            return "it spells the address"
    own = ".".join(host.split(".")[:-2]) + "."
    found = _LINE.search(own)
    return f"{found[0].strip('.-')!r} in it is what providers call a customer's line" if found else ""


def _in_order(octets: Sequence[str], numbers: Sequence[str]) -> bool:
    """True when three neighboring octets stand in the name in this order: "192-0-2-7" has them, "mx7" not."""
    return any(
        list(numbers[at : at + 3]) == list(octets[start : start + 3])
        for start in (0, 1)
        for at in range(len(numbers) - 2)
    )


def _joined(octets: Sequence[str], host: str) -> bool:
    """The octets without anything between them, padded or in hexadecimal."""
    padded = "".join(octet.zfill(3) for octet in octets)
    spelled = "".join(f"{int(octet):02x}" for octet in octets)
    backwards = "".join(octet.zfill(3) for octet in octets[::-1])
    return any(one in host for one in (padded, spelled, backwards))


def greeting(helo: str, address: Address, forward: Sequence[Address], pointers: Sequence[str]) -> str:
    """What is wrong with the name that a server says at HELO; "" when nothing is.

    `forward`: what the name resolves to. `pointers`: the names of the address.
    """
    name = helo.lower().rstrip(".")
    if name.startswith("["):
        return "an address literal: allowed, and refused by many (RFC 5321 §4.1.3)"
    if name in ("localhost", "localhost.localdomain") or name.endswith((".local", ".lan", ".internal")):
        return "a name that nobody outside can resolve (RFC 5321 §2.3.5)"
    if "." not in name:
        return "no dot in it: not a full domain name (RFC 5321 §2.3.5)"
    if not forward:
        return "it resolves to nothing (RFC 5321 §2.3.5)"
    if address not in forward:
        where = ", ".join(map(str, list(forward)[:3]))
        return f"it resolves to {where}, not to {address}"
    if pointers and name not in {pointer.lower().rstrip(".") for pointer in pointers}:
        return f"it differs from the PTR name {pointers[0]}: allowed, and scored by some filters"
    return ""
