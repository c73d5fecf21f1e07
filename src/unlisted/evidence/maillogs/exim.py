"""Exim's main log, by its own file or by syslog.

Source: the Exim specification 4.96, chapter 53 (log files): `<=` arrival, `=>` `->` `>>` delivery, `**`
failure, `==` deferral; message ids of 6-6-2 letters, 6-11-4 since 4.97. Sample: tests/samples/exim/.

Only the fields that Exim writes itself are believed: what follows the size of an arrival (message id,
subject) is the sender's, and a quoted part may hold anything. Lines of one reply have `\\n` between them.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp
from unlisted.messages import Delivery, Submission

HINT = "-"  # every message id has one

FRONT = 48  # characters: a time at the front of a line ends by then, one in a web server's log later

_SYSLOG = re.compile(r" \S{1,255} exim4?(?:-\w{1,20})?(?:\[\d+\])?: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?")
_ID = re.compile(r"\s?(?:\[\d+\] )?([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) ")
_FLAG = re.compile(r"(<=|[=>*-]>|\*\*|==) ")
_QUOTED = re.compile(r'"[^"]{0,2000}"')
_HOST = r"H=(\S+ )?(?:\([^()]{0,255}\) )?\[([0-9a-fA-F.:]{2,45})\](?::(\d+))?"
_FROM_HOST = re.compile(_HOST)
_ARRIVAL = re.compile(
    rf"(<>|\S{{1,320}})(?: R=(\S+))?(?: {_HOST})?(?: I=\S+)?(?: U=(\S{{1,64}}))? P=(\S{{1,20}})"
)
_ACCOUNT = re.compile(r" A=[\w-]{1,64}:(\S{1,320})")
_ADDRESS = re.compile(r"(?:(?:\S{1,320} )?<([^<>\s]{1,320})>|(\S{1,320}))")
_REPLY = re.compile(r' C="([^"]{0,2000})"')
# What the main log says beside messages.
_BESIDE = re.compile(
    r"\s?(?:\[\d+\] )?(?:H=|exim |Start queue run|End queue run|SMTP |no host name found|no IP address found|"
    r"\w{1,40} authenticator failed|TLS error|unexpected |Connection from|refused connection|"
    r"ident connection|daemon: |re-exec of exim|Warning: |SIGHUP |pid \d)"
)
_STATUS = {"**": "bounced", "==": "deferred"}


def parse(line: str, near: float) -> Delivery | Submission | Other | None:
    """Read one line."""
    when = stamp(line, near)
    if when is None or when.end > FRONT:
        return None
    end = front.end() if (front := _SYSLOG.match(line, when.end)) else when.end
    queue = _ID.match(line, end)
    if queue is None:
        return OTHER if _BESIDE.match(line, end) else None
    flag = _FLAG.match(line, queue.end())
    if flag is None:
        return OTHER
    rest = line[flag.end() :]
    if flag[1] == "<=":
        return _arrival(when.at, queue[1], rest)
    return _delivery(when.at, queue[1], _STATUS.get(flag[1], "sent"), rest)


def _arrival(at: float, queue_id: str, rest: str) -> Submission | Other:
    ours = _QUOTED.sub('""', rest.partition(" S=")[0])
    found = _ARRIVAL.match(ours)
    if found is None:
        return OTHER
    sender, bounce, _, address, _, user, protocol = found.groups()
    account = _ACCOUNT.search(ours, found.end())
    # A bounce of our own is handed in by Exim's user as well, and refers to its message.
    local = bool(user) and not bounce and protocol.startswith("local")
    return Submission(
        at=at,
        queue_id=queue_id,
        client=net.ip(address) if address else None,
        account=account[1] if account else "",
        script=user if local else "",
        sender=sender,
    )


def _delivery(at: float, queue_id: str, status: str, rest: str) -> Delivery | Other:
    to = _ADDRESS.match(rest)
    if to is None:
        return OTHER
    host = _FROM_HOST.search(rest, to.end())
    relay = "local"
    if host:
        name, address, port = host.groups()
        relay = f"{(name or '').strip()}[{address}]" + (f":{port}" if port else "")
    if status == "sent":
        reply = _REPLY.search(rest)
        text = reply[1] if reply else ""
    else:
        text = rest[host.end() if host else to.end() :].partition(": ")[2]
        if (
            host and not text
        ):  # "defer (110): Connection timed out H=…": the system's word stands before the host
            text = rest[to.end() : host.start()].rpartition("): ")[2].strip()
    return Delivery(
        at=at,
        queue_id=queue_id,
        sender="",  # stands in the line of its arrival
        recipient=to[1] or to[2].rstrip(":"),
        relay=relay,
        status=status,
        text=text.replace("\\n", "\n"),
    )
