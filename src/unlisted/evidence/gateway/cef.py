"""CEF and LEEF lines of FortiGate, Palo Alto Networks and Check Point gateways.

Source: Fortinet, FortiOS Log Message Reference, "CEF support" (FTNTFGT…, also FortinetFortiGate…); Palo Alto
Networks, "CEF Configuration Guide" for PAN-OS 8 to 11 and the LEEF template of IBM's DSM guide; Check Point,
sk122323 (Log Exporter: CEF, LEEF).
Sample: tests/samples/cef/. Their own formats: fortigate.py, paloalto.py, checkpoint.py.

Surprises: the dictionary's keys (src, spt, dst, dpt, sourceTranslatedAddress, …) are the same in all, times
and actions each vendor's own. FortiGate's eventtime is exact. Palo Alto's `start` and `rt` have no zone.
Check Point sorts by name, so that src stands last.
"""

from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._cef import Event, event
from unlisted.evidence.gateway._front import epoch, front, moment, shift, translated
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact

HINT = "EF:"  # CEF:0, LEEF:1.0
PACKETS = True
CANDIDATE = rb"EF: ?[0-2][^\n]*(?:dpt|dstPort|service)=(?:25|465|587)(?:[ |\t\r\n]|$)"

_VENDORS = frozenset({"Fortinet", "Palo Alto Networks", "Check Point"})


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for what is no connection, None when it is not ours, or cut."""
    made = event(line)
    if made is None or made.vendor not in _VENDORS:
        return None
    ahead = front(line, made.begin, near, tagged=made.vendor == "Check Point")
    if ahead is None:
        return None
    if not _traffic(made):
        return OTHER
    words = made.values

    def get(*keys: str) -> str:
        for key in keys:
            if value := words.get(key):
                return value
        return ""

    src, dst, protocol, dport = get("src"), get("dst"), get("proto"), get("dpt", "dstPort", "service")
    begin, end = _times(made, get, ahead[0])
    if not src or not dst or begin is None or not protocol:
        return OTHER if not src and not dst and "act" in words else None
    if protocol.lower() in _PORTED and not dport:
        return None
    action, outcome = _done(made, get)
    nat = None
    if "snat" in (get("FTNTFGTtrandisp", "FortinetFortiGatetrandisp") or "snat"):
        nat = translated(get("sourceTranslatedAddress", "srcPostNAT", "xlatesrc"))
    return connection(
        begin, net.ip(src), net.ip(dst), port(dport), port(get("spt", "srcPort", "s_port")), protocol,
        opens="tcp_packet_out_of_state" not in words,
        mac=card(get("smac", "FTNTFGTsrcmac", "FortinetFortiGatesrcmac", "PanOSSourceDeviceMac")),
        action=action, outcome=outcome, nat=nat,
        nat_port=port(get("sourceTranslatedPort", "srcPostNATPort", "xlatesport")) if nat else 0,
        account=_account(made), end=end,
    )  # fmt: skip


_PORTED = ("6", "17", "tcp", "udp")
_Get = Callable[..., str]


def session() -> Parse:
    """A reader of one file, to which a session's start and its end are one connection."""
    return Told().of(parse)


def _traffic(made: Event) -> bool:
    """True for a line of the traffic log; the others tell of connections that have one as well."""
    if made.vendor == "Fortinet":
        return "traffic" in made.name or "traffic" in made.text("cat")
    if made.vendor == "Palo Alto Networks":
        return "TRAFFIC" in (made.id, made.name) or "TRAFFIC" in (made.text("cat"), made.text("Type"))
    return made.product not in ("SmartConsole", "System Monitor", "WEB_API", "Log Update")


def _times(made: Event, get: _Get, header: Stamp | None) -> tuple[float | None, float | None]:
    """When it began and ended."""
    if made.vendor == "Fortinet":
        at = epoch(get("FTNTFGTeventtime", "FortinetFortiGateeventtime")) or (header.at if header else None)
        labeled = get("cn1") if get("cn1Label") == "Duration" else ""  # FortiOS 5
        return _back(at, get("FTNTFGTduration", "FortinetFortiGateduration") or labeled)
    if made.vendor == "Palo Alto Networks":
        return _pan_times(made, get, header)
    at = epoch(made.text("rt", "devTime") or get("time")) or (header.at if header else None)
    began = epoch(get("start_time"))
    return (began, at) if began and at and began <= at else (at, None)


def _back(at: float | None, duration: str) -> tuple[float | None, float | None]:
    if at is None or not (duration.isascii() and duration.isdigit()) or len(duration) > 9:
        return at, None
    return at - int(duration), at


def _pan_times(made: Event, get: _Get, header: Stamp | None) -> tuple[float | None, float | None]:
    received = _local(made.text("rt", "ReceiveTime"))
    exact = _local(made.text("PanOSSessionStartTime", "StartTime"))  # when the session began
    began = exact if exact is not None else _local(made.text("start"))  # CEF: when the line was made
    elapsed = get("cn3", "ElapsedTime")
    if received is None and began is None:
        return (header.at if header else None), None
    ahead = _ahead(made, received) or shift(received or began or 0.0, header)
    at = (began if began is not None else received or 0.0) - ahead
    if "start" in (made.id, made.name, get("Subtype")) or not elapsed.isdigit() or len(elapsed) > 9:
        return at, None
    return (at, at + int(elapsed)) if exact is not None else (at - int(elapsed), at)


def _ahead(made: Event, received: float | None) -> float:
    """Seconds by which the device's clock is ahead of UTC, where LEEF's devTime tells UTC beside it."""
    told = made.text("devTime")
    if received is None or not told.endswith((" GMT", " UTC")):
        return 0.0
    utc = _local(told)
    return 0.0 if utc is None else shift(received, Stamp(utc, 0, year=True, zone=True))


def _local(text: str) -> float | None:
    return moment(text) if text else None


_PASS = frozenset({
    "accept", "allow", "allowed", "pass", "permit", "close", "client-rst", "server-rst", "timeout", "start",
    "ip-conn", "dns", "encrypt", "decrypt", "bypass", "monitor", "detect", "trust", "log",
})  # fmt: skip
_BLOCK = ("deny", "denied", "drop", "block", "reject", "reset", "prevent", "violation")


def _done(made: Event, get: _Get) -> tuple[str, str]:
    """What the gateway did with it, and how the other side answered."""
    said = get("act", "action", "FTNTFGTaction", "FortinetFortiGateaction").lower()
    if said.startswith(_BLOCK) or _dropped(made):
        return "block", ""
    if said not in _PASS:
        return "", ""
    back = get("FTNTFGTrcvdpkt", "FortinetFortiGatercvdpkt", "PanOSPacketsReceived", "dstPackets")
    if said == "ip-conn":
        return "pass", "silent"
    if not back.isdigit() or "start" in (made.id, made.name):
        return "pass", ""
    reason = get("SessionEndReason", "reason")
    if back in ("0", "1") and (said == "server-rst" or reason == "tcp-rst-from-server"):
        return "pass", "refused"
    if back.strip("0"):
        return "pass", "answered"
    return "pass", "silent" if said == "timeout" or reason == "aged-out" else ""


def _dropped(made: Event) -> bool:
    """True where Palo Alto's subtype says so; its two templates write it before the type or behind it."""
    return made.vendor == "Palo Alto Networks" and not {"drop", "deny"}.isdisjoint((made.id, made.name))


def _account(made: Event) -> str:
    """The user on the source's side; FortiGate calls him duser."""
    keys = (
        ("duser", "suser", "FTNTFGTunauthuser", "FortinetFortiGateunauthuser")
        if made.vendor == "Fortinet"
        else ("suser", "suser0", "usrName", "SourceUser", "src_user_name")
    )
    name = made.text(*keys)
    return "" if name in ("N/A", "any") else name
