"""WatchGuard Firebox: lines as its Traffic Monitor and its log server show them, and as they are exported.

Source: WatchGuard, "Read a Log Message", Fireware 12. Sample: tests/samples/watchguard_monitor/.
`2026-11-23 13:48:25 Member1 Allow 192.168.1.5 198.51.100.7 smtp/tcp 51512 25 1-Trusted 0-External Allowed
52 63 (SMTP-00) proc_id="firewall" rc="100" msg_id="3000-0148" src_ip_nat="203.0.113.1"`.

Surprises: the order of the fields is another than by syslog. Local time, no zone. `tcp_info="offset 8 S …"`
tells the flags. The member's name stands there in a cluster only.
"""

import re

from unlisted import net
from unlisted.evidence import Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.gateway._pairs import pairs, seconds
from unlisted.evidence.gateway._told import Line, Told, alone
from unlisted.evidence.gateway.watchguard import told

HINT = ' proc_id="'
PACKETS = True
CANDIDATE = rb" (?:25|465|587)[ \r\n]"

_SAID = re.compile(
    r" *(?:[\w.-]{1,64} ){0,2}(?P<did>Allow|Deny) (?P<src>[0-9a-fA-F:.]{2,45}) (?P<dst>[0-9a-fA-F:.]{2,45}) "
    r"(?:[\w.+-]{1,64}/)?(?P<protocol>tcp|udp|icmp|\w{2,8}) (?P<sport>\d{1,5}) (?P<dport>\d{1,5}) "
)
_FLAGS = re.compile(r"offset \d{1,3} ([A-Z]{1,9}) ")


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return alone(_read(line, near))


def session() -> Parse:
    """A reader of lines in their order: what is told of a connection after its first line makes no second."""
    return Told().of(_read)


def _read(line: str, near: float) -> Line | Parsed:
    when = stamp(line, near)
    found = _SAID.match(line, when.end) if when else None
    if when is None or found is None:
        return None
    src, dst = net.ip(found["src"]), net.ip(found["dst"])
    if src is None or dst is None:
        return None
    of = pairs(line, found.end())
    ports = found["protocol"] in ("tcp", "udp")
    sport, dport = (port(found["sport"]), port(found["dport"])) if ports else (0, 0)
    flags = _FLAGS.match(of["tcp_info"])
    opens = flags is None or ("S" in flags[1] and not set("AR") & set(flags[1]))
    number = of["msg_id"]
    length = of["duration"] if number == "3000-0151" else ""
    at = when.at - seconds(length)
    received = of["rcvd_bytes"]
    nat = net.ip(of["src_ip_nat"])
    made = connection(
        at, src, dst, dport, sport, found["protocol"], opens=opens,
        action="pass" if found["did"] == "Allow" else "block",
        outcome="answered" if received.isdigit() and received.strip("0") else "",
        nat=None if nat is None or nat.is_unspecified else nat,
        nat_port=port(of["src_port_nat"]), account=of["src_user"][:253],
    )  # fmt: skip
    return Line(made) if found["did"] == "Deny" else told(made, number, when.at, dated=bool(length))
