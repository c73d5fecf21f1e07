"""qmail-send's log, by splogger (syslog) or multilog (tai64n, or what tai64nlocal makes of it).

Source: qmail-log(5) and qmail 1.03 qmail-send.c, qsutil.c (logsafe: a space is written as "_", a line end as
"/"), qmail-remote.c (what it reports); tai64n.h of daemontools 0.76. Sample: tests/samples/qmail/.

A delivery has a number; whom it is for stands in the line that starts it, the result in the line that ends
it. `session` reads lines in their order and joins them, `parse` alone gives what one line says. An underscore
that a receiver wrote itself reads as a space.
"""

import re
from collections.abc import Callable

from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp, tagged
from unlisted.messages import Delivery

HINT = ": "

OPEN = 2000  # deliveries at once; qmail itself allows 255, a well-known patch 65,000
_TAI = re.compile(r"@(4[0-9a-f]{15})[0-9a-f]{8} ")
_TAI_ZERO = (1 << 62) + 10  # seconds; tai.h: TAI was ten seconds ahead of UTC in 1970
_TAG = re.compile(r"\bqmail(?:-send)?(?:\[\d+\])?: (?:\d{9,10}\.\d{6} )?")
_START = re.compile(r"starting delivery (\d{1,10}): msg (\d{1,12}) to (remote|local) (\S{1,320})\s*$")
_END = re.compile(r"delivery (\d{1,10}): (success|failure|deferral): (\S{0,8000})\s*$")
_BESIDE = re.compile(
    r"(?:new msg \d|end msg \d|bounce msg \d|(?:double|triple) bounce: |status: (?:local \d|exiting)|"
    r"info msg \d{1,12}: bytes \d)"
)
_HOST = re.compile(r"(?:Connected_to_)?([0-9a-fA-F.:]{2,45})_(?:accepted|failed|does_not|but|said|did_not)")
_NEXT = re.compile(r"/(?=Remote_host_said:|[245]\d\d[_-]|Giving_up_on_|I'm_not_going|I_)")
_NAMED = re.compile(r"<([^<>\s@]{1,64}@[^<>\s]{1,255})>")
_STATUS = {"success": "sent", "failure": "bounced", "deferral": "deferred"}


def parse(line: str, near: float) -> Delivery | Other | None:
    """Read one line by itself."""
    return _read(line, near, {})


def session() -> Callable[[str, float], Delivery | Other | None]:
    """A reader of lines in their order."""
    started: dict[str, tuple[str, str, str]] = {}
    return lambda line, near: _read(line, near, started)


def _read(line: str, near: float, started: dict[str, tuple[str, str, str]]) -> Delivery | Other | None:
    front = _front(line, near)
    if front is None:
        return None
    at, start = front
    if begun := _START.match(line, start):
        while len(started) >= OPEN:
            del started[next(iter(started))]
        started[begun[1]] = (begun[2], begun[3], begun[4])
        return OTHER
    ended = _END.match(line, start)
    if ended is None:
        return OTHER if _BESIDE.match(line, start) else None
    message, where, recipient = started.pop(ended[1], ("", "", ""))
    host = _HOST.match(ended[3])
    text = _NEXT.sub("\n", ended[3].rstrip("/")).replace("_", " ")
    named = _NAMED.search(text)
    return Delivery(
        at=at,
        queue_id=message or f"delivery {ended[1]}",
        sender="",  # stands in the line `info msg`
        recipient=recipient or (named[1] if named else ""),
        relay=f"[{host[1]}]" if host else ("local" if where == "local" else "none"),
        status=_STATUS[ended[2]],
        text=text,
    )


def _front(line: str, near: float) -> tuple[float, int] | None:
    """When a line was written and where qmail's own words begin."""
    if found := _TAI.match(line):
        return float(int(found[1], 16) - _TAI_ZERO), found.end()
    when = stamp(line, near)
    if when is None:
        return None
    tag = _TAG.search(line, when.end, when.end + 400)
    if tag is not None:
        return (when.at, tag.end()) if tagged(line, when, tag.start()) else None
    return when.at, when.end + 1
