"""FortiGate traffic logs: `key=value`, as syslog (also with commas), in files and from FortiAnalyzer.

Source: Fortinet, FortiOS Log Message Reference 5.4 to 7.6, "Log ID definitions" and "Traffic";
FortiOS 4.3 wrote `src`, `src_port`, `status` for `srcip`, `srcport`, `action`. CEF is read by cef.py.
Sample: tests/samples/fortigate/.

Surprises: `eventtime` is exact and UTC, in seconds up to 6.0, since then in nanoseconds; `date` and `time`
are the device's own zone, which `tz` tells only since 6.2. By default a session is logged when it ends: the
line is dated back by `duration`; with `logtraffic-start` it is also logged when it begins, and long ones
every two minutes (log id 20). `ip-conn` is a connection that nobody answered. `transip` is the translated
source, `tranip` the translated destination; 0.0.0.0 is none. UTM lines (`type=utm`) tell of a session that
has a traffic line as well.
"""

import re
from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._front import epoch, front, moment, shift, translated
from unlisted.evidence.gateway._pairs import pairs
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact

HINT = "type="
PACKETS = True  # a denied packet has a line of its own
CANDIDATE = rb'dst_?port="?(?:25|465|587)[" ,\r\n]'

# What a line of FortiOS begins with; other vendors have date= as well, but no type and subtype.
_BEGIN = re.compile(
    r"(?:^|(?<=[\s>]))"
    r"(?:date|devname|devid|device_id|eventtime|timestamp|logver|logid|log_id|itime|time|vd|tz)="
)
_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)")


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for what is no traffic, None when it is not ours."""
    begin = _BEGIN.search(line, 0, 400)
    if begin is None:
        return None
    start = begin.start()
    ahead = front(line, start, near)
    if ahead is None:
        return None
    get = pairs(line, start, "," if "," in line[start : start + 24] else " ", _LAST).get
    kind = get("type")
    if kind != "traffic":
        return OTHER if kind and get("subtype") else None
    src, dst, protocol = get("srcip") or get("src"), get("dstip") or get("dst"), get("proto")
    dport = get("dstport") or get("dst_port") or ""
    at, end = _times(get, ahead[0])
    if not src or not dst or at is None or not protocol or (protocol in ("6", "17") and not dport):
        return None  # cut off
    action, outcome = _done(get)
    nat = translated(_nat(get))
    return connection(
        at, net.ip(src), net.ip(dst), port(dport), port(get("srcport") or get("src_port") or ""), protocol,
        mac=card(get("srcmac") or ""), action=action, outcome=outcome, nat=nat,
        nat_port=port(get("transport") or get("tran_sport") or "") if nat else 0,
        account=_account(get), end=end,
    )  # fmt: skip


_Get = Callable[[str], str | None]


_LAST = ("rcvdpkt=", "rcvd_pkt=", "rcvdbyte=")  # a count that was cut is one as well


def session() -> Parse:
    """A reader of one file, to which a session's start, its middle and its end are one connection."""
    return Told().of(parse)


def _times(get: _Get, header: Stamp | None) -> tuple[float | None, float | None]:
    """When the session began and ended."""
    at = epoch(get("eventtime") or "") or _own(get, header) or epoch(get("itime") or "")
    if at is None:
        at = header.at if header else None
    duration = get("duration") or ""
    if at is None or not duration.strip("0") or not (duration.isascii() and duration.isdigit()):
        return at, None
    return (at - int(duration), at) if len(duration) <= 8 else (at, None)


def _own(get: _Get, header: Stamp | None) -> float | None:
    """What `date` and `time` tell."""
    if stamped := epoch(get("timestamp") or ""):
        return stamped
    local = moment(f"{get('date')} {get('time')}")
    if local is None:
        return None
    zone = _ZONE.fullmatch(get("tz") or "")
    if zone:
        ahead = int(zone[2]) * 3600 + int(zone[3]) * 60
        return local + (ahead if zone[1] == "-" else -ahead)
    return local - shift(local, header)


_BLOCK = frozenset({"deny", "denied", "block", "blocked", "drop", "dropped", "reset", "violation"})
_ENDED = frozenset({"accept", "close", "client-rst", "server-rst", "timeout", "ip-conn", "dns"})


def _done(get: _Get) -> tuple[str, str]:
    """What the gateway did with it, and how the other side answered."""
    said = get("action") or get("status")
    if said in _BLOCK:
        return "block", ""
    if said == "ip-conn":
        return "pass", "silent"
    if said not in _ENDED:
        return "pass" if said in ("start", "pass", "allow", "permit") else "", ""
    back = get("rcvdpkt") or get("rcvd_pkt") or ""
    if back.isdigit():
        if said == "server-rst" and back == "1":
            return "pass", "refused"
        return "pass", "answered" if back.strip("0") else "silent" if said == "timeout" else ""
    size = get("rcvdbyte") or ""
    return "pass", "answered" if size.isdigit() and size.strip("0") and said != "server-rst" else ""


def _nat(get: _Get) -> str:
    """The translated source, where there is one."""
    how = get("trandisp") or get("tran_disp")
    return "" if how and "snat" not in how else get("transip") or get("tran_sip") or ""


def _account(get: _Get) -> str:
    user = get("user") or get("unauthuser") or ""
    return "" if user == "N/A" else user
