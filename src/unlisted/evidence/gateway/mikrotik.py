"""MikroTik RouterOS firewall lines (`action=log` or `log=yes`), and its CEF of 7.18 and later.

Source: MikroTik's documentation, "Log" and "Firewall" (RouterOS 6 and 7), lines of RouterOS 6.42 to 7.25.
Samples: tests/samples/mikrotik/.

A line is `topics prefix chain: in:IF out:IF, state, MAC, proto P (flags), a:p->b:q, NAT ..., len N`. Whether
the topics stand there depends on the remote format, whether the prefix does on the rule; `src-mac` is missing
on tunnels, and since 7.11 on some TCP packets. CEF wraps the same words in `msg=`.

Surprises: only the prefix can tell what was done. `NAT (a:p->n:q)->b:r` is a source translated,
`NAT a:p->(b:r->c:s)` a destination, or the answer of a connection whose source was translated. Packets in
the middle of a connection are logged too: those tell its translation and open nothing. A tunnel's interface
`<pppoe-NAME>` names the account. `/log print` leaves out the date, or the year, where they are today's.
"""

import re
from functools import lru_cache
from typing import TypeAlias

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.gateway._action import told
from unlisted.messages import Attempt, Contact, Translation
from unlisted.net import Address

HINT = " out:"
PACKETS = True
CANDIDATE = rb"->[0-9A-Fa-f.:\[\]]{2,60}:(?:25|465|587),"

End: TypeAlias = tuple[Address | None, int]

_WORDS = 4  # of a host and a rule's prefix, where there are no topics
_PREFIX = 160  # characters in front of the interfaces; RouterOS cuts a prefix off long before
_HOST = r"[\s|]*(?:[\w.@+:%-]{1,255}[ \t]+){0,2}?(?::[ \t]+)?"
_TOPICS = re.compile(_HOST + r"((?:[a-z0-9-]{1,32}, ?){1,8}[a-z0-9-]{1,32}|firewall):?[ \t]")
_CEF = re.compile(
    r"[\s|]*(?:[\w.@+:%-]{1,255}[ \t]+)?CEF:\d\|MikroTik\|[^|]{0,99}\|[^|]{0,99}\|[^|]{0,9}\|([^|]{1,99})"
    r"\|[^|]{0,20}\|(?:[^=]{1,40}=[^=]{0,128} )?(?:[^=]{1,40}=[^=]{0,128} )?msg="
)
_CHAIN = re.compile(r"[\w|.+!@-]{1,64}:")
_FACES = re.compile(r" in:(<[^>]{1,128}>|[^,<]{0,64}?) out:(?:<[^>]{1,128}>|[^,<]{1,64}),[ \t]*")
_ACCOUNT = re.compile(r"<(?:pppoe|pptp|l2tp|sstp|ovpn)-([^>]{1,120})>")
_STATE = re.compile(r"connection-state:([\w,]{1,60})")
_MAC = re.compile(r"src-mac ([0-9A-Fa-f:]{17})\b")
# An address without a port, or one with; IPv6 in brackets, where it has a port.
_END = r"([0-9A-Fa-f.:\[\]]{2,60})"
_ENDS = re.compile(rf"proto ([\w.-]{{1,20}})(?: \(([^)]{{0,60}})\))?, {_END}->{_END},")
_NAT = re.compile(rf" {{1,2}}(?:NAT )?(?:\({_END}->{_END}\)->|{_END}->\({_END}->{_END}\))")
_ACT = re.compile(r" act=([\w -]{1,20}?)(?: \w{1,40}=|$)")
_PINGS = ("type 8,", "type 128,")
_CONNECTED = ("tcp", "udp", "sctp", "udplite", "dccp")
_TUNNELS = ("gre", "ipsec-esp", "ipsec-ah", "47", "50", "51", "ipencap", "ipip", "4", "41", "ipv6-encap")
_NAMES = {"ipsec-esp": "esp", "ipsec-ah": "ah", "icmpv6": "icmp6"}


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line; Other or a translation for a packet that opens nothing, None when it is not ours."""
    at = line.find(" in:")
    faces = _FACES.match(line, at) if at >= 0 else None
    ends = _ENDS.search(line, faces.end(), faces.end() + 400) if faces else None
    if faces is None or ends is None or (when := stamp(line, near)) is None:
        return None
    prefix = _prefix(line[when.end : at])
    if prefix is None:
        return None
    (src, sport), (dst, dport) = _end(ends[3]), _end(ends[4])
    protocol = ends[1].lower()
    if src is None or dst is None or (protocol in _CONNECTED and not (dport or sport)):
        return None
    about = line[faces.end() : ends.start()]
    state = m[1].split(",") if (m := _STATE.search(about)) else []
    nat = _NAT.match(line, ends.end())
    if not _opens(protocol, ends[2] or "", state):
        return _translation(nat, when.at, protocol, (src, sport), (dst, dport), state) or OTHER
    outside = _end(nat[2]) if nat and nat[2] else (None, 0)
    done = _ACT.search(line, ends.end()) if prefix.startswith("CEF:") else None
    return connection(
        when.at,
        src,
        dst,
        dport,
        sport,
        _NAMES.get(protocol, protocol),
        mac=_card(m[1]) if (m := _MAC.search(about)) else "",
        action=told(done[1]) if done else told(prefix),
        nat=outside[0],
        nat_port=outside[1],
        account=m[1] if (m := _ACCOUNT.match(faces[1])) else "",
    )


_card = lru_cache(maxsize=8192)(net.mac)


def _opens(protocol: str, flags: str, state: list[str]) -> bool:
    known = "established" in state or "related" in state
    if protocol == "tcp" and flags:
        seen = flags.split(",")
        return "SYN" in seen and "ACK" not in seen and "RST" not in seen
    if protocol in ("icmp", "icmpv6"):
        return flags.startswith(_PINGS) and not known
    return not known and (protocol in _CONNECTED or protocol in _TUNNELS)


def _translation(
    nat: re.Match[str] | None, at: float, protocol: str, src: End, dst: End, state: list[str]
) -> Translation | None:
    """Who had an outside port, as a packet in the middle of the connection shows it."""
    if nat is None or protocol not in _CONNECTED:
        return None
    if nat[2]:
        inside, outside, other = _end(nat[1]), _end(nat[2]), dst
    elif "snat" in state:  # an answer on its way in
        inside, outside, other = _end(nat[5]), _end(nat[4]), src
    else:
        return None
    if inside[0] is None or outside[0] is None or not (inside[1] and outside[1]):
        return None
    return Translation(
        inside=inside[0],
        outside=outside[0],
        start=at,
        inside_port=inside[1],
        port=outside[1],
        protocol=protocol,
        dst=other[0],
        dport=other[1],
    )


def _end(text: str) -> End:
    """An address with its port, or with 0."""
    if text[:1] == "[":
        address, _, number = text[1:].partition("]")
    elif text.count(":") == 1:
        address, _, number = text.partition(":")
    else:
        address, number = text, ""
    return net.ip(address), port(number.removeprefix(":"))


@lru_cache(maxsize=1024)
def _prefix(head: str) -> str | None:
    """What the rule's author wrote; None when it was not the firewall that spoke.

    Users' and hosts' names stand in RouterOS's other messages, and their topics are others. Where the format
    leaves the topics out, it is a few words that end in a chain's name.
    """
    if not head.endswith(":") or len(head) > _PREFIX + 300 or '"' in head:
        return None
    if m := _CEF.match(head):
        return "CEF:" + head[m.end() :] if "firewall" in m[1].split(",") else None
    if m := _TOPICS.match(head):
        return head[m.end() :] if "firewall" in re.split(r", ?", m[1]) else None
    words = head.split()
    if len(words) > _WORDS + 1 or not _CHAIN.fullmatch(words[-1]):
        return None
    for place, word in enumerate(words[:-1]):  # a tag is a program's, unless it is the prefix once more
        if word[-1] == ":" and (place > 1 or words[place + 1] != word[:-1]):
            return None
    return " ".join(words[1:])
