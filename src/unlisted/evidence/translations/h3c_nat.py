"""Session and NAT flows of H3C, HPE and other Comware 7 devices.

Source: H3C, "Log Messages Reference" (NAT_FLOW, NAT_IPV4_MATCH, SESSION_IPV4_FLOW). Sample:
tests/samples/h3c_nat/. `%%10NAT/6/NAT_FLOW:
Protocol(1001)=TCP;…;SrcIPAddr(1003)=…;…;BeginTime_e(1013)=11242026000626;…;Event(1048)=(8)Session
created;`: each name with its number.

Surprises: BeginTime_e is month, day, year, hour, minute, second in UTC, whatever the line's own time. Event
8 opens a session, any other ends it; where only ends are logged, the end tells of the session.
"""

import re
from calendar import timegm

from unlisted import net
from unlisted.evidence import OTHER, Other, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.translations import _told
from unlisted.messages import Attempt, Contact

HINT = "(1005)="
CANDIDATE = rb"DstPort\(1008\)=(?:25|465|587);"

_HEAD = re.compile(r"%%10.{0,40}?(?:nat|session)/6/\w{4,40}: ", re.IGNORECASE)
_FIELD = re.compile(r"\((10\d\d)\)=([^;]{0,120});")
_TIME = re.compile(r"(\d\d)(\d\d)(\d{4})(\d\d)(\d\d)(\d\d)")
REMEMBERED = 65_536  # sessions whose start was told


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    read = _read(line, near)
    return read[0] if read else None


def session() -> "_Session":
    """A reader of one file: a session's end tells nothing new where its start was told."""
    return _Session()


class _Session:
    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], None] = {}

    def __call__(self, line: str, near: float) -> Parsed:
        read = _read(line, near)
        if read is None:
            return None
        made, key, opens, end = read
        if opens:
            if len(self._told) >= REMEMBERED:
                del self._told[next(iter(self._told))]
            self._told[key] = None
            return made
        if key not in self._told or not isinstance(made, Attempt | Contact):
            return made
        del self._told[key]
        return _told.mapping(
            made.src, made.sport, made.nat, made.nat_port, end, opens=False,
            protocol=_told.protocol(key[0]), dst=made.dst, dport=made.dport,
        ) or OTHER  # fmt: skip


def _read(
    line: str, near: float
) -> "tuple[Attempt | Contact | Other, tuple[str, ...], bool, float | None] | None":
    head = _HEAD.search(line, 0, 300)
    if head is None or '"' in line[: head.start()]:
        return None
    told: dict[str, str] = {}
    for m in _FIELD.finditer(line, head.end()):
        told.setdefault(m[1], m[2])
    begin, end = _moment(told.get("1013", "")), _moment(told.get("1014", ""))
    when = stamp(line, near)
    at = begin if begin is not None else when.at if when else None
    if at is None or "1048" not in told:
        return None
    made = connection(
        at,
        net.ip(told.get("1003", "")),
        net.ip(told.get("1007", "")),
        port(told.get("1008", "")),
        port(told.get("1004", "")),
        told.get("1001", "").lower(),
        outcome="answered" if told.get("1045", "0") not in ("0", "") else "",
        nat=net.ip(told.get("1005", "")),
        nat_port=port(told.get("1006", "")),
        end=end,
    )
    if made is None:
        return None
    key = tuple(told.get(name, "") for name in ("1001", "1003", "1004", "1007", "1008"))
    return made, key, told["1048"].startswith("(8)"), end


def _moment(text: str) -> float | None:
    m = _TIME.fullmatch(text)
    if m is None:
        return None
    month, day, year, hour, minute, second = (int(part) for part in m.groups())
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60):
        return None
    return float(timegm((year, month, day, hour, minute, second)))
