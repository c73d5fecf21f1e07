"""F5 BIG-IP's large-scale NAT (CGNAT), in its key="value" format.

Source: F5, "BIG-IP CGNAT: Implementations", using CGNAT logging and subscriber traceability; F5 Telemetry
Streaming's CGNAT keys. Sample: tests/samples/f5_lsn/.
`lsn_event="LSN_ADD",start="1795478786047",cli="10.0.0.9:40000",nat="203.0.113.1:10000"`; LSN_DELETE has a
duration, LSN_PB_ALLOCATED and LSN_PB_RELEASED have lsn_client and lsn_pb="203.0.113.1:5000-5999".

Surprises: `start` is in milliseconds since 1970. `%2` behind an address is its routing domain.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import port
from unlisted.evidence.framing import stamp
from unlisted.evidence.translations import _told
from unlisted.messages import Translation

HINT = "lsn_event="

_FIELD = re.compile(r'([a-z_]{2,24})="([^"]{0,128})"')
_PLACE = re.compile(r"([0-9a-fA-F.:]{2,45}?)(?:%\d{1,5})?(?:: ?(\d{1,5})(?: ?- ?(\d{1,5}))?)?")


def parse(line: str, near: float) -> Translation | Other | None:
    """Read one line; Other for events about quotas and pools."""
    begin = line.find("lsn_event=")
    first = begin
    while first > 0 and line[first - 1] not in " \t\n":
        first -= 1  # another field may stand before it
    when = stamp(line, near)
    told: dict[str, str] = {}
    for m in _FIELD.finditer(line, first):
        told.setdefault(m[1], m[2])
    event, start = told.get("lsn_event", ""), told.get("start", "")
    at = int(start) / 1e3 if re.fullmatch(r"\d{12,14}", start) else when.at if when else None
    if (
        begin < 0
        or at is None
        or not event.startswith("LSN_")
        or (when and not _ahead(line, when.end, first))
    ):
        return None
    inside = _place(told.get("cli") or told.get("lsn_client", ""))
    outside = _place(told.get("nat") or told.get("lsn_pb", ""))
    opens = event.endswith(("_ADD", "_ALLOCATED"))
    if not opens and not event.endswith(("_DELETE", "_RELEASED")):
        return OTHER
    if inside is None or outside is None:
        return None
    if "_PB_" in event:
        return _told.block(inside[0], outside[0], outside[1], outside[2] or outside[1], at, opens=opens)
    made = _told.mapping(
        inside[0],
        inside[1],
        outside[0],
        outside[1],
        at,
        opens=True,
        protocol=_told.protocol(told.get("ip_protocol", "")),
    )
    duration = told.get("duration", "")
    if made is None or opens:
        return made
    end = (
        at + int(duration) / 1e3 if start and re.fullmatch(r"\d{1,12}", duration) else when.at if when else at
    )
    return Translation(
        made.inside, made.outside, start=at if start else None, end=end,
        inside_port=made.inside_port, port=made.port, protocol=made.protocol,
    )  # fmt: skip


def _ahead(line: str, start: int, stop: int) -> bool:
    """Only a host and the like stand between the time and the fields."""
    return '"' not in line[start:stop] and len(line[start:stop].split()) <= 4


def _place(text: str) -> tuple[net.Address, int, int] | None:
    m = _PLACE.fullmatch(text.strip())
    address = net.ip(m[1]) if m else None
    return None if m is None or address is None else (address, port(m[2] or ""), port(m[3] or ""))
