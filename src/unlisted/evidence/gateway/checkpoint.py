r"""Check Point gateways: Log Exporter's syslog (`key:"value"; …`), Splunk and generic forms, older ones.

Source: Check Point, sk122323 "Log Exporter" (formats syslog, splunk, generic, json), sk144192 "Log Fields
Description", R77 to R82. CEF and LEEF are read by cef.py.
Sample: tests/samples/checkpoint/.

Surprises: within a value a quote is escaped, so that `; src:"` never stands in a stranger's text. `time` is
Unix time and exact. A packet of no connection has `tcp_packet_out_of_state`. xlatesrc 0.0.0.0 is no
translation. `Log Update` counts what a connection carried; `packets` lists what was dropped in one go. Names
may stand in place of numbers where the exporter was told to resolve them. Some collectors take syslog's
quotes away: a stranger's text may then hold a key, and a line that tells one twice, differently, is not read.
"""

import re

import msgspec

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.gateway._front import epoch, front, moment, translated
from unlisted.evidence.gateway._pairs import pairs
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact

HINT = "roduct"  # product, ProductName
PACKETS = True
CANDIDATE = (  # the fields are sorted: the product stands ahead of the service
    rb'roduct[^\n]*(?:s(?:ervice|vc)"?[:=] ?"?(?:25|465|587|smtp|smtps|submission)["|;\],} \t\r\n]'
    rb"|,(?:25|465|587),6[;>])"
)

_OURS = re.compile(r"CheckPoint (?:\d{1,10}|-) (?:- ){0,3}$")  # RFC 5424's program, process, message
_UUID = ('"loguid":"{0x', '"loguid": "{0x')
_ELEMENT = "[Fields@1.3.6.1.4.1.2620 "  # Check Point's number at IANA
_OLDER = re.compile(r"(?:\S{1,32} (?:-|\d{1,10}) )?(?:\w{1,16} )?$")
_PLAIN = re.compile(r"(?:^|(?<=[\s>:|]))(?=(?:time|loc|hostname|action|product|flags)=[^\s|;]{1,64}[|; ])")
_FRONT = 400  # characters: no framing is longer
_SERVICES = {"smtp": 25, "smtps": 465, "submission": 587, "http": 80, "https": 443, "domain-udp": 53}


def parse(line: str, near: float) -> Parsed:
    """Read one line; Other for what is no connection, None when it is not ours, or cut."""
    begun = _begin(line)
    if begun is None:
        return None
    begin, values = begun
    ahead = front(line, begin, near, tagged=True)
    if ahead is None or not ("product" in values or "ProductName" in values or "originsicname" in values):
        return None

    def get(*keys: str) -> str:
        for key in keys:
            if value := values.get(key):
                return value
        return ""

    src, dst, protocol = get("src"), get("dst"), get("proto").lower()
    at = epoch(get("time")) or moment(get("time")) or (ahead[0].at if ahead[0] else None)
    if not src and not dst:
        return OTHER if at is None or not get("packets") else _dropped(at, get("packets"))
    service = get("service", "svc", "dport") or get("service_id")
    if src and dst and not protocol and line.rstrip().endswith("]"):
        return OTHER  # keys that two gateways exchanged, a user's logon
    if at is None or not src or not dst or not protocol or (protocol in _PORTED and not service):
        return None
    nat = translated(get("xlatesrc"))
    made = connection(
        at, net.ip(src), net.ip(dst), _SERVICES.get(service.lower()) or port(service),
        port(get("s_port", "sport_svc", "sport")), protocol, opens=not get("tcp_packet_out_of_state"),
        mac=card(get("mac_source_address", "src_mac")), action=_action(get("action", "rule_action")),
        nat=nat, nat_port=port(get("xlatesport", "xlatesport_svc")) if nat else 0,
        account=get("src_user_name", "user").strip(),
    )  # fmt: skip
    return made or OTHER  # resolved to names


_PACKET = re.compile(
    r"<([\dA-Fa-f.:]{2,45}),(\d{1,5}),([\dA-Fa-f.:]{2,45}),(\d{1,5}),(\d{1,3})(?:;[^<>]{0,64})?>"
)


def _dropped(at: float, packets: str) -> Parsed:
    """What was dropped in one go (`matched optimized drop`) is told in one line, packet by packet."""
    made = (
        connection(at, net.ip(src), net.ip(dst), port(dport), port(sport), protocol, action="block")
        for src, sport, dst, dport, protocol in _PACKET.findall(packets)
    )
    return tuple(one for one in made if isinstance(one, (Attempt, Contact))) or OTHER


_PORTED = ("6", "17", "tcp", "udp")


def session() -> Parse:
    """A reader of one file, to which a connection and what other blades say of it are one."""
    return Told().of(parse)


_KEYS = (
    "product|ProductName|originsicname|src|dst|proto|time|service|svc|dport|service_id|s_port|sport_svc|sport"
    "|xlatesrc|xlatesport|xlatesport_svc|action|rule_action|src_user_name|user|tcp_packet_out_of_state"
    "|mac_source_address|src_mac|packets"
)
_SEMI = re.compile(rf'; ({_KEYS}):"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(rf'; ({_KEYS}):([^;\]"]*)(?=[;\]])')
_DECODE = msgspec.json.Decoder(dict[str, object]).decode
_SEPARATORS = ("|", "; ", ";", " ")


def _begin(line: str) -> tuple[int, dict[str, str]] | None:
    """Where Check Point's own words begin, and their values by how this line spells them."""
    at = line.find("[", 0, _FRONT)
    if at >= 0 and line.find(':"', at, at + 80) >= 0 and (m := _OURS.search(line, max(0, at - 64), at)):
        found = _SEMI.findall("; " + line[at + 1 :])
        found.reverse()
        return m.start(), dict(found)
    if at >= 0 and line.find(":", at, at + 40) >= 0 and (m := _OURS.search(line, max(0, at - 64), at)):
        return _unquoted(line[at + 1 :], m.start())
    if at >= 0 and line.startswith(_ELEMENT, at) and (m := _OLDER.search(line, max(0, at - 64), at)):
        return m.start(), pairs(line, at + len(_ELEMENT), " ", ())
    at = line.find('{"', 0, _FRONT)
    if at >= 0:
        m = _OURS.search(line, max(0, at - 64), at)
        if m or (at == 0 and any(uuid in line for uuid in _UUID)):
            return _json(line[at:], m.start() if m else 0)
    plain = _PLAIN.search(line, 0, _FRONT)
    if plain is None:
        return None
    start = plain.end()
    equal = line.find("=", start)
    for separator in _SEPARATORS:
        if line.find(separator, equal, equal + 64) >= 0:
            return start, pairs(line, start, separator, ("src=",))
    return None


def _unquoted(body: str, begin: int) -> tuple[int, dict[str, str]] | None:
    """Values whose quotes a collector took away: None when cut, or where one is told in two ways."""
    if not body.rstrip().endswith("]"):
        return None
    values: dict[str, str] = {}
    for key, value in _BARE.findall("; " + body):
        if values.setdefault(key, value) != value and key not in ("time", "action", "product"):
            return None
    return begin, values


def _json(body: str, begin: int) -> tuple[int, dict[str, str]] | None:
    try:
        told = _DECODE(body.rstrip())
    except msgspec.DecodeError:
        return None
    return begin, {k: str(v) for k, v in told.items() if isinstance(v, str | int) and not isinstance(v, bool)}


_PASS = frozenset({"accept", "allow", "bypass", "encrypt", "decrypt", "detect", "inspect", "monitor", "log"})
_BLOCK = frozenset({"drop", "reject", "block", "prevent", "deny", "quarantine"})


def _action(said: str) -> str:
    said = said.lower()
    return "pass" if said in _PASS else "block" if said in _BLOCK else ""
