"""Linux connection tracking as text: `conntrack -L`, `conntrack -E`, /proc/net/nf_conntrack.

Source: conntrack(8) and src/conntrack.c of conntrack-tools 1.4.7, src/conntrack/snprintf_default.c of
libnetfilter_conntrack 1.0.9, net/netfilter/nf_conntrack_standalone.c (Linux 6.12). Sample:
tests/samples/conntrack/.

`[1795629478.805758] [NEW] ipv4 2 tcp 6 120 SYN_SENT src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… …`;
the time stands there with `-o timestamp`, the family with `-o extended`, `id=` with `-o id`, `[start=…]`
with `-o ktimestamp`, counters where the kernel keeps them. What the events mean stands in `_tracked.py`.

Surprises: `[start=…]` is the machine's local time without a zone. An entry in TIME_WAIT is a connection
that was.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import PROTOCOLS, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.translations import _tracked
from unlisted.evidence.translations._tracked import Entry, Tracker

HINT = "src="
CANDIDATE = rb"dport=(?:25|465|587)[ \r\n]"

_CLOCK = re.compile(r"\s*\[(\d{9,10})\.(\d{1,6})\]\s*")
_TAG = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){0,2}(?:conntrack(?:\[\d{1,8}\])?:?)?[ \t]*")
_HEAD = re.compile(
    r"\s*(?:\[(NEW|UPDATE|DESTROY)\]\s+)?(?:ipv[46]\s+(?:2|10)\s+)?([a-z][a-z0-9-]{0,14})\s+(\d{1,3})\s+"
    r"(?:(\d{1,10})\s+)?(?:([A-Z][A-Z0-9_]{2,15})\s+)?"
)
_START = re.compile(r"\[start=([A-Z][^\]]{10,30})\]")
_STAYS = frozenset(("src", "dst", "sport", "dport", "packets", "delta-time"))


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    entry = _entry(line, near)
    return _tracked.alone(entry) if isinstance(entry, Entry) else entry


class _Session(Tracker):
    """The lines of one file."""

    def __call__(self, line: str, near: float) -> Parsed:
        entry = _entry(line, near)
        return self.read(entry) if isinstance(entry, Entry) else entry


def session() -> _Session:
    """A reader of one file's lines in their order."""
    return _Session()


def _entry(line: str, near: float) -> Entry | Parsed:
    """What stands in the line; OTHER for what has no ports to tell apart, None for another's line."""
    begin = line.find("src=")
    if begin < 0 or begin > 400:
        return None
    at, place = _time(line, begin, near)
    head = _HEAD.fullmatch(line, place, begin)
    if head is None or (_number(head[2]) != int(head[3]) and head[2] != "unknown"):
        return None
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    flags = set()
    fields = line[begin:].split(" ")
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            flags.add(field)
        elif name in _STAYS:
            (second if name in first and (name != "packets" or "src" in second) else first).setdefault(
                name, value
            )
    return _made(head, at, first, second, flags, _START.search(line, begin), near)


def _number(name: str) -> int:
    known = {"icmpv6": 58, "udplite": 136, "dccp": 33, "gre": 47, "sctp": 132, "icmp": 1, "tcp": 6, "udp": 17}
    return known.get(name, -1)


def _time(line: str, begin: int, near: float) -> tuple[float | None, int]:
    """The line's own time, and where its head begins."""
    if m := _CLOCK.match(line, 0, begin):
        return int(m[1]) + float(f"0.{m[2]}"), m.end()
    if line[:1].isspace() or line.startswith(("[", "tcp", "udp", "ipv", "icmp")):
        return None, 0
    if (when := stamp(line, near)) is None or when.end >= begin:
        return None, 0
    m = _TAG.match(line, when.end, begin)
    place = m.end() if m else when.end
    if clock := _CLOCK.match(line, place, begin):
        return int(clock[1]) + float(f"0.{clock[2]}"), clock.end()
    return when.at, place


def _made(
    head: "re.Match[str]",
    at: float | None,
    first: dict[str, str],
    second: dict[str, str],
    flags: set[str],
    start: "re.Match[str] | None",
    near: float,
) -> Entry | Parsed:
    src, dst = net.ip(first.get("src", "")), net.ip(first.get("dst", ""))
    answerer, outside = net.ip(second.get("src", "")), net.ip(second.get("dst", ""))
    if src is None or dst is None:
        return None
    if answerer is None or outside is None:
        return None  # cut off
    ports = "sport" in first and "dport" in first
    if ports and not ("sport" in second and "dport" in second):
        return None  # cut off
    began = stamp(start[1] + " ", near) if start else None
    age = first.get("delta-time", "")
    replies = second.get("packets", "")
    if not ports and head[2] in ("tcp", "udp"):
        return OTHER
    return Entry(
        head[1] or "",
        PROTOCOLS.get(head[2], head[2]),
        src,
        dst,
        port(first.get("sport", "")),
        port(first.get("dport", "")),
        answerer,
        outside,
        port(second.get("sport", "")),
        port(second.get("dport", "")),
        at,
        start=began.at if began else None,
        age=float(age) if age.isascii() and age.isdigit() and len(age) < 9 else None,
        state=head[5] or "",
        unreplied="[UNREPLIED]" in flags,
        assured="[ASSURED]" in flags,
        replies=int(replies) if replies.isascii() and replies.isdigit() and len(replies) < 19 else None,
    )
