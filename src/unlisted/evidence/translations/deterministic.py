"""Deterministic translation by rule: which inside address has which outside ports, computed and never logged.

Source: RFC 7422 §2 (the parameters and the sequential assignment), §2.1 (its example). A table that a
person writes from the translator's configuration, a rule on a line: `inside=100.64.0.0/22
outside=203.0.113.0/28 ports=1024-65535 size=1000`. Sample: tests/samples/deterministic/. `size` is what one
inside address gets; without it the ports are divided evenly. `order=staggered` gives neighbors different
outside addresses (the RFC's address-grouping in reverse). `reserved=1024-2000,8080` are never given away.
`from=` and `to=` bound the rule in time.

Surprises: What is left over at the end of an outside address's ports belongs to nobody, or to a dynamic
pool that is logged. A rule for more than 65,536 inside addresses is not read: divide it.
"""

import re
from ipaddress import ip_address

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.framing import stamp
from unlisted.messages import Translation

HINT = "inside="

LARGEST = 65_536  # inside addresses in a rule
LIMIT = 524_288  # translations of one file
LONGEST = 2000  # octets of a rule
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_KNOWN = frozenset(("inside", "outside", "ports", "size", "order", "reserved", "from", "to", "protocol"))

Range = tuple[int, int]


def parse(line: str, near: float) -> tuple[Translation, ...] | Other | None:
    """Read one rule."""
    if line.lstrip().startswith("#"):
        return OTHER if "inside=" in line and "outside=" in line else None
    if len(line) > LONGEST:
        return None
    words = [word.rstrip(",").partition("=") for word in line.partition("#")[0].split()]
    told = {name: value for name, _, value in words}
    if not {"inside", "outside"} <= told.keys() <= _KNOWN or len(told) != len(words):
        return None
    inside, outside = _addresses(told["inside"]), _addresses(told["outside"])
    ports, reserved = _ranges(told.get("ports", "1024-65535")), _ranges(told.get("reserved", ""))
    start, end = (stamp(told[name] + " ", near) if name in told else None for name in ("from", "to"))
    if not inside or not outside or ports is None or len(ports) != 1 or reserved is None:
        return None
    blocks = _blocks(ports[0], reserved, len(inside), len(outside), told.get("size", ""))
    if not blocks or len(blocks) * len(outside) < len(inside):
        return None  # the rule does not work out: not every inside address gets a block
    made = []
    for number, address in enumerate(inside):
        if told.get("order") == "staggered":
            which, place = divmod(number, len(outside))[::-1]
        else:
            which, place = divmod(number, len(blocks))
        made += [
            Translation(
                address, outside[which], start=start.at if start else None, end=end.at if end else None,
                port=first, ports=last - first + 1, protocol=told.get("protocol", ""),
            )
            for first, last in blocks[place]
        ]  # fmt: skip
    return tuple(made)


def session() -> Parse:
    """A reader of one file, whose rules give no more than memory holds."""
    left = LIMIT

    def read(line: str, near: float) -> Parsed:
        nonlocal left
        made = parse(line, near) if left > 0 else None
        if isinstance(made, tuple):
            left -= len(made)
        return made

    return read


def _addresses(text: str) -> list[net.Address]:
    """Networks and ranges, with commas between; [] when they are none, or too many."""
    found: list[net.Address] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if dash:
            one, two = net.ip(first), net.ip(last)
            if (
                one is None
                or two is None
                or one.version != two.version
                or not 0 <= int(two) - int(one) < LARGEST
            ):
                return []
            found += [ip_address(number) for number in range(int(one), int(two) + 1)]
        else:
            network = net.network(part)
            if network is None or network.num_addresses > LARGEST:
                return []
            found += list(network)
        if len(found) > LARGEST:
            return []
    return found


def _ranges(text: str) -> list[Range] | None:
    """Port ranges, with commas between; None when they are none."""
    found = []
    for part in text.split(",") if text else ():
        m = _RANGE.fullmatch(part)
        if m is None or not int(m[1]) <= int(m[2] or m[1]) <= 65535:
            return None
        found.append((int(m[1]), int(m[2] or m[1])))
    return sorted(found)


def _blocks(ports: Range, reserved: list[Range], inside: int, outside: int, size: str) -> list[list[Range]]:
    """The blocks of one outside address in their order, each as the ranges that are left of it."""
    free = [
        number for number in range(ports[0], ports[1] + 1) if not any(a <= number <= b for a, b in reserved)
    ]
    if size and not (size.isascii() and size.isdigit() and 0 < int(size[:6]) <= 65536):
        return []
    each = int(size) if size else len(free) // -(-inside // outside)
    if each < 1:
        return []
    return [_runs(free[at : at + each]) for at in range(0, len(free) - each + 1, each)]


def _runs(numbers: list[int]) -> list[Range]:
    runs: list[Range] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
