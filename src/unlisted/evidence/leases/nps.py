"""The accounting log of Windows' Network Policy Server (IN*.log), in its two newer formats.

Source: Microsoft, "Interpret NPS Database Format Log Files" (order of the columns; the DTS format holds
the same names as XML, one event a line; Timestamp is the server's local time, Event-Timestamp UTC). Sample:
tests/samples/nps/.
Only accounting requests (packet type 4) tell who was on; Acct-Status-Type is 1 start, 2 stop, 3 interim.
"""

import csv
import re
from io import StringIO

from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import Stamp, stamp
from unlisted.evidence.leases.radius_detail import record
from unlisted.messages import Lease, Presence

HINT = ""

_COLUMNS = {
    5: "user-name", 7: "called-station-id", 8: "calling-station-id", 10: "framed-ip-address",
    11: "nas-identifier", 12: "nas-ip-address", 31: "acct-status-type", 32: "acct-delay-time",
    37: "acct-session-time",
}  # fmt: skip
_ROW = re.compile(r'"[^",]{1,80}","(?:IAS|RAS)",(\d\d)/(\d\d)/(\d{4}),(\d\d:\d\d:\d\d),(\d{1,3}),')
_EVENT = re.compile(
    r'<Event><Timestamp data_type="\d">(\d\d)/(\d\d)/(\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)</Timestamp>'
)
_FIELD = re.compile(r'<([A-Z][\w-]{1,60}) data_type="\d">([^<]{0,600})</')
_UTC = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d:\d\d:\d\d)")
_STATUS = {"1": "start", "2": "stop", "3": "interim-update"}
_ENTITY = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


def parse(line: str, near: float) -> Lease | Presence | Other | None:
    """Read one line."""
    told = _told(line)
    when = _moment(told, near) if told else None
    if when is None:
        return None
    kind = told.get("packet-type") or ("4" if told.get("acct-status-type") else "")
    if kind != "4":
        return OTHER
    told["acct-status-type"] = _STATUS.get(told.get("acct-status-type", ""), "")
    told["timestamp"] = str(int(when.at))
    return record(told, near)


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written."""
    return _moment(_told(line), near)


def _told(line: str) -> dict[str, str]:
    """The attributes of a line by their names in lower case; none when it is of neither format."""
    told: dict[str, str] = {}
    if found := _EVENT.match(line):
        for name, value in _FIELD.findall(line):
            told.setdefault(name.lower(), _spelled(value))
    elif found := _ROW.match(line):
        try:
            cells = next(csv.reader(StringIO(line)), [])
        except csv.Error:
            return {}
        told = {name: cells[place] for place, name in _COLUMNS.items() if place < len(cells)}
        told["packet-type"] = found[5]
    if found:
        told["written"] = f"{found[3]}-{found[1]}-{found[2]} {found[4]} "
    return told


def _moment(told: dict[str, str], near: float) -> Stamp | None:
    """The server's own time; the client's, which is in UTC, tells the zone of it."""
    when = stamp(told.get("written", ""), near)
    event = _UTC.fullmatch(told.get("event-timestamp", ""))
    client = stamp(f"{event[3]}-{event[1]}-{event[2]} {event[4]} ", near) if event else None
    if when is None or client is None:
        return when
    shift = round((client.at - when.at) / 900) * 900
    if abs(shift) > 14 * 3600 or abs(client.at - when.at - shift) > 300:
        return when  # a clock that is wrong tells no zone
    return when._replace(at=when.at + shift, zone=True)


def _spelled(text: str) -> str:
    for entity, character in _ENTITY.items():
        text = text.replace(entity, character) if "&" in text else text
    return text
