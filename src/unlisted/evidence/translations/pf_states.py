"""pf's table of states: `pfctl -ss` of OpenBSD, FreeBSD, pfSense, OPNsense, macOS.

Source: pf_print_state.c (print_state, print_host) of OpenBSD 7.4 and FreeBSD 14, and that of OpenBSD 4.6
with three ends. Sample: tests/samples/pf_states/. `all tcp 203.0.113.1:62312 (192.168.1.9:51515) ->
198.51.100.7:25 ESTABLISHED:ESTABLISHED` went out: what stands in parentheses is the end before the
translation. `… <- …` came in: the opener stands on the right, his target on the left. In the old layout an
inside, a translated and an outside end follow each other.

Surprises: A connection through the firewall has two states, one at either interface; only the outer knows
the translation. An IPv6 end has its port in brackets. The table has no times: see `_tracked.py`.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.translations._tracked import STEP, UNDATED
from unlisted.messages import Attempt, Contact, Translation
from unlisted.net import Address

HINT = ":"
CANDIDATE = rb"(?::25|:465|:587|\[25\]|\[465\]|\[587\])(?:\)| )"

_END = r"(\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9a-fA-F:]{2,45}(?:\[\d{1,5}\])?)"
_STATE = re.compile(
    rf"\s{{0,8}}(\S{{1,16}}) (tcp|udp|icmp|ipv6-icmp|gre|esp|sctp) {_END}(?: \({_END}\))? (<-|->) {_END}"
    rf"(?: \({_END}\))?(?: (<-|->) {_END})?\s{{1,12}}([A-Za-z0-9_]{{1,20}}):([A-Za-z0-9_]{{1,20}})\s*",
)
_DETAIL = re.compile(
    r"\s{2,8}(?:\[\d+ \+ |age \d|id: [0-9a-f]|origif: |gateway: |age: |rule \d|creatorid: ).{0,400}"
)
_OPENED = frozenset(
    ("ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT")
)
REMEMBERED = 262_144  # states told, by their ends before the translation


def parse(line: str, near: float) -> Parsed:  # noqa: ARG001 - the table has no times
    """Read one line by itself."""
    return _read(line, 0.0)


def session() -> "_Session":
    """A reader of one table: two states of one connection are one."""
    return _Session()


class _Session:
    def __init__(self) -> None:
        self._told: dict[tuple[str, Address, int, Address, int], None] = {}
        self._number = 0

    def __call__(self, line: str, near: float) -> Parsed:  # noqa: ARG002 - the table has no times
        made = _read(line, (self._number + 1) * STEP % UNDATED)
        if not isinstance(made, Attempt | Contact):
            return made
        self._number += 1
        name = "tcp" if isinstance(made, Attempt) else made.protocol
        key = (name, made.src, made.sport, made.dst, made.dport)
        if key in self._told:
            if made.nat is None:
                return OTHER
            return Translation(
                made.src, made.nat, inside_port=made.sport, port=made.nat_port, protocol=name,
                dst=made.dst, dport=made.dport,
            )  # fmt: skip
        if len(self._told) >= REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        return made


def _read(line: str, at: float) -> Parsed:
    m = _STATE.fullmatch(line)
    if m is None:
        return OTHER if _DETAIL.fullmatch(line) else None
    left, right, states = (m[3], m[4]), (m[6], m[7]), (m[10], m[11])
    outward = m[5] == "->"
    if m[9]:  # three ends: inside, translated, outside; or outside, translated, inside
        left, right = ((m[6], m[3]), (m[9], None)) if outward else ((m[3], m[6]), (m[9], None))
    opener, target = (left, right) if outward else (right, left)
    # What is in parentheses is the end as the inner side knows it.
    src, sport = _place(opener[1] or opener[0])
    nat, outer = _place(opener[0]) if opener[1] else (None, 0)
    dst, dport = _place(target[0])
    if m[2] not in ("tcp", "udp", "sctp"):
        sport = dport = outer = 0  # the number of an echo
    ours = states if outward else states[::-1]
    return connection(
        at,
        src,
        dst,
        dport,
        sport,
        m[2],
        action="pass",
        outcome=_outcome(m[2], *ours),
        nat=nat,
        nat_port=outer,
    )


def _outcome(protocol: str, opener: str, target: str) -> str:
    if protocol != "tcp":
        return "answered" if target in ("MULTIPLE", "SINGLE") else ""
    if target in _OPENED or opener in _OPENED:
        return "answered"
    return "silent" if (opener, target) == ("SYN_SENT", "CLOSED") else ""


def _place(text: str) -> tuple[Address | None, int]:
    host, bracket, number = text.partition("[")
    if not bracket and "." in text:
        host, _, number = text.partition(":")
    return net.ip(host), port(number.rstrip("]"))
