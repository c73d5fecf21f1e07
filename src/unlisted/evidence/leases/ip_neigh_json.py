"""`ip -j neigh`: the kernel's table of neighbors as JSON, a snapshot without a time.

Source: iproute2 6.1, ip/ipneigh.c. Sample: tests/samples/ip_neigh_json/. One record a line, or the array as
the program writes it, on one line:
`[{"dst":"192.0.2.5","dev":"lan0","lladdr":"3c:5a:…","state":["STALE"]}]`. Entries without lladdr failed.
"""

import msgspec

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.messages import Lease

HINT = '"dst"'

_GONE = frozenset(("FAILED", "INCOMPLETE", "NOARP"))


class _Entry(msgspec.Struct):
    dst: str
    state: list[str]
    dev: str = ""
    lladdr: str = ""


_ENTRIES = msgspec.json.Decoder(list[_Entry])
_ENTRY = msgspec.json.Decoder(_Entry)


def parse(line: str, near: float) -> Lease | tuple[Lease, ...] | Other | None:  # noqa: ARG001 - no times
    """Read one record, or a whole table on one line."""
    text = line.strip().rstrip(",")
    try:
        entries = _ENTRIES.decode(text) if text.startswith("[") else [_ENTRY.decode(text)]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    made = tuple(lease for entry in entries if (lease := _lease(entry)))
    if not made:
        return OTHER if entries else None
    return made if len(entries) > 1 else made[0]


def _lease(entry: _Entry) -> Lease | None:
    address, mac = net.ip(entry.dst), card(entry.lladdr)
    if address is None or not mac or _GONE.intersection(entry.state):
        return None
    return Lease(address, mac)
