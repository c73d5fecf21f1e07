"""Palo Alto Networks PAN-OS: TRAFFIC lines, comma-separated in the order of the default format.

Source: Palo Alto Networks, "Traffic Log Fields", PAN-OS 7.1 to 11.1: new fields were only ever added at the
end, the first 47 stand as they did. The CEF and LEEF templates are read by cef.py.
Sample: tests/samples/paloalto/.

Surprises: by default a session is logged when it ends; the line says when it started, by the device's clock
and without a zone (from PAN-OS 10.1 a last field tells a time with its zone). `Log at Session Start` makes a
second line of the same session. Strata Logging Service forwards the same fields, its times in UTC. natsrc
0.0.0.0 is no translation. `incomplete` is a handshake that was not finished. Rule names and users may be
quoted and hold commas.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._front import front, moment, shift, translated
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact

HINT = ",20"  # of a year
PACKETS = True
CANDIDATE = rb",(?:25|465|587),\d{1,5},\d{1,5},(?:0x|\d{1,10},[a-z\d]{1,8},)"

_BEGIN = re.compile(
    r"(?:^|(?<=[\s>-]))\d?,(\d{4}(?:/\d\d/\d\d |-\d\d-\d\dT)\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?),"
    r"[0-9A-Za-z-]{0,32},([A-Z][A-Z_-]{2,24}),"
)
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)')
_EXACT = re.compile(r",(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)(?=,|\s*$)")
_FIELDS = 47
# Where they stand.
_SUBTYPE, _GENERATED, _SRC, _DST, _NATSRC, _USER = 4, 6, 7, 8, 9, 12
_SPORT, _DPORT, _NATSPORT, _PROTOCOL, _ACTION, _START, _ELAPSED, _BACK, _REASON = (
    24,
    25,
    26,
    29,
    30,
    35,
    36,
    45,
    46,
)


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for what is no traffic, None when it is not ours, or cut."""
    m = _BEGIN.search(line, 0, 400)
    if m is None:
        return None
    ahead = front(line, m.start(), near)
    if ahead is None:
        return None
    if m[2] != "TRAFFIC":
        return OTHER
    fields = line[m.start() :].split(",", _FIELDS)
    if '"' in line and any(fields[place][:1] == '"' for place in range(10, min(len(fields), 22))):
        fields = _quoted(line[m.start() :])
    if len(fields) <= _ACTION + 1:
        return None  # cut off
    src, dst = net.ip(fields[_SRC]), net.ip(fields[_DST])
    generated = moment(fields[_GENERATED]) or moment(m[1])
    dport = fields[_DPORT]
    if src is None or dst is None or generated is None or not dport.isdigit():
        return None
    ahead_of = 0.0 if fields[_GENERATED].endswith("Z") else _zone(fields, generated, ahead[0])
    begin, end = _span(fields, generated)
    action = "pass" if fields[_ACTION] == "allow" and fields[_SUBTYPE] not in _ENDED else "block"
    nat = translated(fields[_NATSRC])
    return connection(
        begin - ahead_of, src, dst, port(dport), port(fields[_SPORT]), fields[_PROTOCOL], action=action,
        outcome=_outcome(fields) if action == "pass" else "", nat=nat,
        nat_port=port(fields[_NATSPORT]) if nat else 0, account=fields[_USER],
        end=None if end is None else end - ahead_of,
    )  # fmt: skip


_ENDED = ("drop", "deny")


def session() -> Parse:
    """A reader of one file, to which a session's start and its end are one connection."""
    return Told().of(parse)


def _quoted(text: str) -> list[str]:
    """The fields where some are quoted: a quote within is doubled."""
    fields: list[str] = []
    for place, m in enumerate(_FIELD.finditer(text)):
        fields.append(m[2] if m[1] is None else m[1].replace('""', '"'))
        if place >= _FIELDS:
            break
    return fields


def _span(fields: list[str], generated: float) -> tuple[float, float | None]:
    """When the session began and ended, by the device's clock."""
    if fields[_SUBTYPE] == "start" or len(fields) <= _ELAPSED:
        return generated, None
    begin = moment(fields[_START])
    if begin is None or begin > generated:
        return generated, None
    if len(fields) == _ELAPSED + 1:
        return begin, None  # the last one may be cut
    elapsed = fields[_ELAPSED]
    lasted = int(elapsed) if elapsed.isascii() and elapsed.isdigit() and len(elapsed) <= 9 else 0
    return begin, begin + lasted


def _zone(fields: list[str], generated: float, header: Stamp | None) -> float:
    """Seconds by which the device's clock is ahead of UTC, where something in the line tells."""
    rest = fields[-1] if len(fields) > _FIELDS else ""
    for m in _EXACT.finditer(rest if ",20" in rest else ""):
        if abs((moment(m[1]) or 0.0) - generated) < 2.0:
            exact = moment(m[1] + m[2])
            return 0.0 if exact is None else (moment(m[1]) or exact) - exact
    return shift(generated, header)


def _outcome(fields: list[str]) -> str:
    """How the other side answered."""
    if fields[_SUBTYPE] != "end" or len(fields) <= _BACK:
        return ""
    back, reason = fields[_BACK].strip(), fields[_REASON].strip() if len(fields) > _REASON else ""
    if not back.isdigit():
        return ""
    if back in ("0", "1") and reason == "tcp-rst-from-server":
        return "refused"
    if back.strip("0"):
        return "answered"
    return "silent" if reason == "aged-out" else ""
