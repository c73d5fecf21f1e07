"""Cisco Meraki MX, MR, Z: `flows`, `firewall`, `ip_flow_start`, `ip_flow_end`, `l7_firewall`.

Source: Cisco Meraki, "Syslog Event Types and Log Samples" and "Syslog Server Overview and Configuration"
(MX 14 to 18; since MX 18.101 `flows` is called `firewall`, `vpn_firewall`, `cellular_firewall`, …).
Sample: tests/samples/meraki/.

Surprises: the time is the epoch with nine decimals behind a syslog version without a date, and a collector
may put its own header ahead. The rule stands in `pattern:`, for inbound rules `1` is deny and `0` allow.
`ip_flow_start` tells the translated source and is written beside `firewall` of the same connection;
`ip_flow_end` ends it. `translated_dst_ip` is a redirected destination and no translation of the source.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.card import card
from unlisted.evidence.contact import PROTOCOLS, connection, port
from unlisted.evidence.gateway._front import front
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact, Translation

HINT = "src="
PACKETS = True  # a dropped packet has a line of its own
CANDIDATE = rb"dport=(?:25|465|587)(?:[ \t\r\n]|$)"

_KIND = re.compile(
    r"(\d{9,10}(?:\.\d{1,9})?) (\S{1,100}) (?:(flows|(?:\w{1,40}_)?firewall|ip_flow_start|ip_flow_end)|"
    r"urls|events|ids-alerts|security_event|airmarshal_events|flow_start|device) "
)
_FLOW = re.compile(
    r"(?:(allow|deny) )?src=([\dA-Fa-f.:]{2,45}) dst=([\dA-Fa-f.:]{2,45})(?: mac=([\w:]{17}))? "
    r"protocol=(\w{1,16})(?: sport=(\d{1,5}) dport=(\d{1,5})(?=\s|$)| type=\d{1,3}(?=\s|$)|(?=\s|$))"
)
_RULE = re.compile(r" (?:pattern: (?:Group Policy )?(\S{1,20})|decision=(\w{1,20}))")
_TRANSLATED = re.compile(r" translated_src_ip=([\dA-Fa-f.:]{2,45})(?: translated_port=(\d{1,5}))?(?=\s|$)")
_PORTLESS = ("icmp", "igmp", "gre", "esp", "ah", "sctp", "pim", *"0123456789")
_ACTIONS = {
    "allow": "pass",
    "0": "pass",
    "deny": "block",
    "1": "block",
    "blocked": "block",
    "allowed": "pass",
}

Fact = Attempt | Contact | Translation | Other | None


def parse(line: str, near: float) -> Fact:
    """Read one line; Other for what is no flow, None when it is not ours."""
    m = _KIND.search(line, 0, 400)
    if m is None or not _ahead(line, m.start(), near):
        return None
    kind = m[3]
    if kind is None:
        return OTHER
    flow = _FLOW.match(line, m.end())
    if flow is None:
        return None
    protocol = flow[5].lower()
    ported = protocol in ("tcp", "udp")
    if (flow[7] is None) if ported else not protocol.startswith(_PORTLESS):
        return None
    if not flow[1] and flow.end() == len(line):
        return None  # cut off: a rule or a translation follows
    src, dst = net.ip(flow[2]), net.ip(flow[3])
    if src is None or dst is None:
        return None
    at, end = float(m[1]), flow.end()
    sport, dport = port(flow[6] or ""), port(flow[7] or "")
    nat = _TRANSLATED.match(line, end)
    if nat and ported and not nat[2]:
        nat = None  # cut off within it
    outside = net.ip(nat[1]) if nat else None
    if kind == "ip_flow_end":
        return OTHER if outside is None else Translation(
            src, outside, None, at, sport, port(nat[2] or "") if nat else 0, 1,
            PROTOCOLS.get(protocol, protocol), dst, dport,
        )  # fmt: skip
    rule = _RULE.match(line, end)
    said = flow[1] or (rule and (rule[1] or rule[2])) or ("allow" if kind == "ip_flow_start" else "")
    return connection(
        at, src, dst, dport, sport, protocol, mac=card(flow[4] or ""), action=_action(said),
        nat=outside, nat_port=port(nat[2] or "") if nat and outside else 0,
    )  # fmt: skip


def session() -> Parse:
    """A reader of one file, to which a rule's line and `ip_flow_start` are one connection."""
    return Told().of(parse)


def _action(said: str) -> str:
    """What the rule does, by its first word."""
    return _ACTIONS.get(said.lower(), "")


def _ahead(line: str, start: int, near: float) -> bool:
    """True when only a priority, or a collector's header, stands ahead."""
    return _PRI.fullmatch(line, 0, start) is not None or front(line, start, near) is not None


_PRI = re.compile(r"\s*(?:\d{1,6} )?(?:<\d{1,3}>)?\s?(?:1 )?")
