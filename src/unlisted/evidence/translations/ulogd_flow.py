"""Connections as ulogd2 writes them from connection tracking (NFCT with LOGEMU or GPRINT's predecessor).

Source: ulogd2 2.0.8, util/printflow.c, filter/ulogd_filter_PRINTFLOW.c. Sample: tests/samples/ulogd_flow/.
`[DESTROY] ORIG: SRC=… DST=… PROTO=TCP SPT=… DPT=… PKTS=… BYTES=… , REPLY: SRC=… DST=… PROTO=TCP SPT=… DPT=…
…`. What the events mean stands in `_tracked.py`.

Surprises: Without the kernel's counters all of them are 0, and nothing is known of the outcome. A reply of
one packet with 40 octets (60 in IPv6) is a reset.
"""

import re

from unlisted import net
from unlisted.evidence import Parsed
from unlisted.evidence.contact import PROTOCOLS, port
from unlisted.evidence.translations import _told, _tracked
from unlisted.evidence.translations._tracked import Entry, Tracker

HINT = "ORIG: SRC="
CANDIDATE = rb"DPT=(?:25|465|587) "

_HALF = (
    r"SRC=(\S{2,45}) DST=(\S{2,45}) PROTO=(\S{1,12}) (?:SPT=(\d{1,5}) DPT=(\d{1,5}) )?"
    r"(?:TYPE=\d{1,3} CODE=\d{1,3} )?PKTS=(\d{1,18}) BYTES=(\d{1,18})"
)
_FLOW = re.compile(rf"\[(NEW|UPDATE|DESTROY)\] ORIG: {_HALF} ?, REPLY: {_HALF}(?=\s|$)")
_RESET = {4: 40, 6: 60}  # octets


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    entry = _entry(line, near)
    return None if entry is None else _tracked.alone(entry)


class _Session(Tracker):
    """The lines of one file."""

    def __call__(self, line: str, near: float) -> Parsed:
        entry = _entry(line, near)
        return None if entry is None else self.read(entry)


def session() -> _Session:
    """A reader of one file's lines in their order."""
    return _Session()


def _entry(line: str, near: float) -> Entry | None:
    begin = line.find("[", 0, line.find("ORIG: SRC="))
    while begin >= 0 and not (m := _FLOW.match(line, begin)):
        begin = line.find("[", begin + 1, begin + 120)
    if begin < 0 or m is None:
        return None
    when = _told.front(line.replace("ulogd: ", "ulogd  ").replace("]: [", "]  ["), begin, near)
    src, dst, answerer, outside = (net.ip(m[place]) for place in (2, 3, 9, 10))
    if when is None or src is None or dst is None or answerer is None or outside is None:
        return None
    sent, packets, octets = int(m[7]), int(m[14]), int(m[15])
    name = PROTOCOLS.get(m[4].lower(), m[4].lower())
    reset = name == "tcp" and packets == 1 and octets == _RESET[src.version]
    return Entry(
        m[1], name, src, dst, port(m[5] or ""), port(m[6] or ""), answerer, outside,
        port(m[12] or ""), port(m[13] or ""), when.at,
        state="CLOSE" if reset else "", unreplied=not packets, replies=packets if sent else None,
    )  # fmt: skip
