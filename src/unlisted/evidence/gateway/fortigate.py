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

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._front import epoch, front, moment, shift, translated
from unlisted.evidence.gateway._pairs import Pairs
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
    fields = Pairs(line, start, "," if "," in line[start : start + 24] else " ")
    kind = fields.get("type")
    if kind != "traffic":
        return OTHER if kind and fields.get("subtype") else None
    old = ""
    src, dst = net.ip(fields.get("srcip")), net.ip(fields.get("dstip"))
    if src is None or dst is None:
        src, dst, old = net.ip(fields.get("src")), net.ip(fields.get("dst")), "_"
    at, end = _times(fields, ahead[0])
    protocol = fields.get("proto")
    if src is None or dst is None or at is None or not protocol:
        return None  # cut off
    dport = fields.get(f"dst{old}port")
    if protocol in ("6", "17") and not dport:
        return None
    action, outcome = _done(fields)
    nat = translated(_nat(fields))
    return connection(
        at, src, dst, port(dport), port(fields.get(f"src{old}port")), protocol,
        mac=net.mac(fields.get("srcmac")), action=action, outcome=outcome,
        nat=nat, nat_port=port(fields.get("transport") or fields.get("tran_sport")) if nat else 0,
        account=_account(fields), end=end,
    )  # fmt: skip


def session() -> Parse:
    """A reader of one file, to which a session's start, its middle and its end are one connection."""
    told = Told()

    def read(line: str, near: float) -> Parsed:
        return told.once(parse(line, near))

    return read


def _times(fields: Pairs, header: Stamp | None) -> tuple[float | None, float | None]:
    """When the session began and ended."""
    at = epoch(fields.get("eventtime")) or _own(fields, header) or epoch(fields.get("itime"))
    if at is None:
        at = header.at if header else None
    duration = fields.get("duration")
    if at is None or not duration.strip("0") or not (duration.isascii() and duration.isdigit()):
        return at, None
    if len(duration) > 8:
        return at, None
    return at - int(duration), at


def _own(fields: Pairs, header: Stamp | None) -> float | None:
    """What `date` and `time` tell."""
    if stamped := epoch(fields.get("timestamp")):
        return stamped
    local = moment(f"{fields.get('date')} {fields.get('time')}")
    if local is None:
        return None
    zone = _ZONE.fullmatch(fields.get("tz"))
    if zone:
        ahead = int(zone[2]) * 3600 + int(zone[3]) * 60
        return local + (ahead if zone[1] == "-" else -ahead)
    return local - shift(local, header)


_BLOCK = frozenset({"deny", "denied", "block", "blocked", "drop", "dropped", "reset", "violation"})
_ANSWERED = frozenset({"accept", "close", "client-rst", "server-rst", "timeout", "ip-conn", "dns"})


def _done(fields: Pairs) -> tuple[str, str]:
    """What the gateway did with it, and how the other side answered."""
    said = fields.get("action") or fields.get("status")
    if said in _BLOCK:
        return "block", ""
    if said == "ip-conn":
        return "pass", "silent"
    if said not in _ANSWERED:
        return "pass" if said in ("start", "pass", "allow", "permit") else "", ""
    back = fields.get("rcvdpkt", last=True) or fields.get("rcvd_pkt", last=True)
    if back.isdigit():
        if said == "server-rst" and back == "1":
            return "pass", "refused"
        return "pass", "answered" if back.strip("0") else "silent" if said == "timeout" else ""
    size = fields.get("rcvdbyte")
    return "pass", "answered" if size.isdigit() and size.strip("0") and said != "server-rst" else ""


def _nat(fields: Pairs) -> str:
    """The translated source, where there is one."""
    how = fields.get("trandisp") or fields.get("tran_disp")
    if how and "snat" not in how:
        return ""
    return fields.get("transip") or fields.get("tran_sip")


def _account(fields: Pairs) -> str:
    user = fields.get("user") or fields.get("unauthuser")
    return "" if user == "N/A" else user
