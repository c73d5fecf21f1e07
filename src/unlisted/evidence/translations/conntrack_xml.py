"""Linux connection tracking as XML: `conntrack -L -o xml`, `conntrack -E -o xml`; a flow stands on one line.

Source: src/conntrack/snprintf_xml.c of libnetfilter_conntrack 1.0.9. Sample: tests/samples/conntrack_xml/.
With `-o timestamp` each event says when, in local time without a zone. What the events mean stands in
`_tracked.py`.
"""

import re
from calendar import timegm

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import port
from unlisted.evidence.translations import _tracked
from unlisted.evidence.translations._tracked import Entry, Tracker

HINT = "<"
CANDIDATE = rb"<dport>(?:25|465|587)<"

_FLOW = re.compile(r'\s*<flow(?: type="(new|update|destroy)")?>')
_OURS = re.compile(r'\s*(?:<\?xml version="1\.0" encoding="utf-8"\?>|</?conntrack>)\s*')
_META = re.compile(
    r'<meta direction="(original|reply)"><layer3 [^<>]{0,80}><src>([0-9a-fA-F.:]{2,45})</src>'
    r'<dst>([0-9a-fA-F.:]{2,45})</dst></layer3><layer4 protonum="(\d{1,3})"[^<>]{0,60}>'
    r"(?:<sport>(\d{1,5})</sport><dport>(\d{1,5})</dport>)?"
)
_STATE = re.compile(r"<state>([A-Z0-9_]{1,16})</state>")
_AGE = re.compile(r"<deltatime>(\d{1,8})</deltatime>")
_PACKETS = re.compile(r"<counters><packets>(\d{1,18})</packets>")
_WHEN = re.compile(
    r"<when><hour>(\d{1,2})</hour><min>(\d{1,2})</min><sec>(\d{1,2})</sec><wday>\d</wday>"
    r"<day>(\d{1,2})</day><month>(\d{1,2})</month><year>(\d{4})</year></when>"
)


def parse(line: str, near: float) -> Parsed:  # noqa: ARG001 - its times have years
    """Read one line by itself."""
    entry = _entry(line)
    return _tracked.alone(entry) if isinstance(entry, Entry) else entry


class _Session(Tracker):
    """The lines of one file."""

    def __call__(self, line: str, near: float) -> Parsed:  # noqa: ARG002 - its times have years
        entry = _entry(line)
        return self.read(entry) if isinstance(entry, Entry) else entry


def session() -> _Session:
    """A reader of one file's lines in their order."""
    return _Session()


def _entry(line: str) -> Entry | Parsed:
    flow = _FLOW.match(line)
    if flow is None:
        return OTHER if _OURS.fullmatch(line) else None
    one = _META.search(line, flow.end(), flow.end() + 400)
    two = _META.search(line, one.end(), one.end() + 400) if one else None
    if one is None or two is None or one[1] != "original" or two[1] != "reply" or "</flow>" not in line:
        return None
    ends = [net.ip(text) for text in (one[2], one[3], two[2], two[3])]
    src, dst, answerer, outside = ends
    if src is None or dst is None or answerer is None or outside is None:
        return None
    state, age = _STATE.search(line, two.end()), _AGE.search(line, two.end())
    replies = _PACKETS.search(line, two.end(), two.end() + 80)
    return Entry(
        (flow[1] or "").upper(),
        {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6", "47": "gre", "132": "sctp"}.get(one[4], one[4]),
        src,
        dst,
        port(one[5] or ""),
        port(one[6] or ""),
        answerer,
        outside,
        port(two[5] or ""),
        port(two[6] or ""),
        _when(line),
        age=float(age[1]) if age else None,
        state=state[1] if state else "",
        unreplied="<unreplied/>" in line,
        assured="<assured/>" in line,
        replies=int(replies[1]) if replies else None,
    )


def _when(line: str) -> float | None:
    m = _WHEN.search(line)
    if m is None:
        return None
    hour, minute, second, day, month, year = (int(part) for part in m.groups())
    if not (
        year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60
    ):
        return None
    return float(timegm((year, month, day, hour, minute, second)))
