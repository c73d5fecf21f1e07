r"""Check Point gateways: Log Exporter's syslog (`key:"value"; …`), Splunk and generic forms, older ones.

Source: Check Point, sk122323 "Log Exporter" (formats syslog, splunk, generic), sk144192 "Log Fields
Description", R77 to R82. CEF and LEEF are read by cef.py.
Sample: tests/samples/checkpoint/.

Surprises: within a value a quote is escaped, so that `; src:"` never stands in a stranger's text. `time` is
Unix time, of the moment that `service` was first contacted. A packet of no connection has
`tcp_packet_out_of_state`. xlatesrc 0.0.0.0 is no translation. `Log Update` counts what a connection carried.
Names may stand in place of numbers where the exporter was told to resolve them.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.gateway._front import epoch, front, translated
from unlisted.evidence.gateway._pairs import Pairs
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact

HINT = "roduct"  # product, ProductName
PACKETS = True
CANDIDATE = rb's(?:ervice|vc)[:=]"?(?:25|465|587|smtp|smtps|submission)["|; \t\r\n]'

# RFC 5424 with Check Point's own element, or the values at once.
_BEGIN = re.compile(
    r'CheckPoint (?:\d{1,10}|-) (?:- ){0,3}\[(?=[\w.]{1,64}:")'
    r"|(?:\S{1,32} (?:-|\d{1,10}) )?(?:\w{1,16} )?\[Fields@1\.3\.6\.1\.4\.1\.2620 "
    r"|(?:^|(?<=[\s>:]))(?=(?:time|loc|hostname|action|product|flags)=[^\s|;]{1,64}[|; ])"
)
_SERVICES = {"smtp": 25, "smtps": 465, "submission": 587, "http": 80, "https": 443, "domain-udp": 53}


class _Quoted:
    """Values as Log Exporter's syslog form has them: `key:"value"; key:"value"`."""

    __slots__ = ("_line", "_start")

    def __init__(self, line: str, start: int) -> None:
        self._line, self._start = line, start

    def get(self, key: str, *, last: bool = False) -> str:  # noqa: ARG002 - a quote tells a value's end
        """The value of `key`; "" for none, or one cut off."""
        line, mark = self._line, f'{key}:"'
        at = self._start
        if not line.startswith(mark, at):
            at = line.find(f"; {mark}", at) + 2
            if at < 2:
                return ""
        at += len(mark)
        end = line.find('"', at)
        while end > 0 and line[end - 1] == "\\":
            end = line.find('"', end + 1)
        return line[at:end] if end >= 0 else ""


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for what is no connection, None when it is not ours, or cut."""
    m = _BEGIN.search(line, 0, 400)
    if m is None:
        return None
    ahead = front(line, m.start(), near, tagged=True)
    values = _values(line, m.end(), m[0])
    if ahead is None or values is None:
        return None
    if not (_first(values, "product", "ProductName") or values.get("originsicname")):
        return None
    src, dst = values.get("src", last=True), values.get("dst")
    if not src and not dst:
        return OTHER
    at = epoch(values.get("time")) or (ahead[0].at if ahead[0] else None)
    protocol, service = values.get("proto").lower(), _first(values, "service", "svc", "dport")
    if at is None or not src or not dst or not protocol:
        return None
    if protocol in ("6", "17", "tcp", "udp") and not (service := service or values.get("service_id")):
        return None
    nat = translated(values.get("xlatesrc"))
    made = connection(
        at, net.ip(src), net.ip(dst), _SERVICES.get(service.lower()) or port(service),
        port(_first(values, "s_port", "sport_svc", "sport")), protocol,
        opens=not values.get("tcp_packet_out_of_state"),
        mac=net.mac(_first(values, "mac_source_address", "src_mac")),
        action=_action(_first(values, "action", "rule_action")), nat=nat,
        nat_port=port(_first(values, "xlatesport", "xlatesport_svc")) if nat else 0,
        account=_first(values, "src_user_name", "user"),
    )  # fmt: skip
    return made or OTHER  # resolved to names


def session() -> Parse:
    """A reader of one file, to which a connection and what other blades say of it are one."""
    told = Told()

    def read(line: str, near: float) -> Parsed:
        return told.once(parse(line, near))

    return read


def _values(line: str, start: int, begin: str) -> "_Quoted | Pairs | None":
    """How this line spells its values; None when it has none."""
    if begin.startswith("CheckPoint"):
        return _Quoted(line, start)
    if "Fields@" in begin:
        return Pairs(line, start)
    equal = line.find("=", start, start + 64)
    for separator in ("|", ";", " "):
        if equal >= 0 and line.find(separator, equal, equal + 64) >= 0:
            return Pairs(line, start, separator)
    return None


def _first(values: "_Quoted | Pairs", *keys: str) -> str:
    """The value of the first of `keys` that has one."""
    return next((value for key in keys if (value := values.get(key))), "")


_PASS = frozenset({"accept", "allow", "bypass", "encrypt", "decrypt", "detect", "inspect", "monitor", "log"})
_BLOCK = frozenset({"drop", "reject", "block", "prevent", "deny", "quarantine"})


def _action(said: str) -> str:
    said = said.lower()
    return "pass" if said in _PASS else "block" if said in _BLOCK else ""
