"""Sendmail's log, by syslog.

Source: Sendmail Installation and Operation Guide 8.17, §5.1.1 (log format: `name=value` separated by commas);
sendmail/deliver.c (logdelivery), envelope.c (logsender). Sample: tests/samples/sendmail/.

A message has a line `from=` and a line `to=` for each delivery; the queue id joins them. The message id and
the reply are strangers' and may hold what looks like a field, so the client is read from the line's end, and
a field of a delivery in front of the reply. A line that names several recipients is a delivery to each.
"""

import re

from msgspec import structs

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp, tagged
from unlisted.messages import Delivery, Submission

HINT = "]: "

_FRONT = re.compile(r"\b(?:sendmail|sm-mta|sm-msp-queue)(?:\[\d+\])?: ([0-9A-Za-z]{8,20}: )?")
_SENDER = re.compile(r"from=(<[^>]{0,320}>|[^,\s]{1,320}), size=\d")
_CLIENT = re.compile(r"relay=(?:[^\s,]{1,255} )?\[(?:IPv6:)?([0-9a-fA-F.:]{2,45})\](?: \(may be forged\))?$")
_LOCAL = re.compile(r"relay=([^\s@,]{1,64})@localhost$")
_AUTH = re.compile(
    r"AUTH=server, relay=(?:[^\s,]{1,255} )?\[(?:IPv6:)?([0-9a-fA-F.:]{2,45})\][^,]{0,40}, "
    r"authid=([^,\s]{1,320})"
)
_NAMED = r"<?[^<>,\s]{1,320}>?"
_TO = re.compile(rf"to=({_NAMED}(?:,{_NAMED})*)")
_RELAY = re.compile(r", relay=([^\s,]{1,255}) \[(?:IPv6:)?([0-9a-fA-F.:]{2,45})\]")
_DSN = re.compile(r", dsn=(([245])\.[0-9]{1,3}\.[0-9]{1,3})")
_STAT = re.compile(r", stat=([^,(:]{1,80})(?:[:(] ?(.*?)\)?)?$")


def parse(line: str, near: float) -> Delivery | tuple[Delivery, ...] | Submission | Other | None:
    """Read one line."""
    front = _FRONT.search(line, 0, 400)
    if front is None:
        return None
    when = stamp(line, near)
    if when is None or not tagged(line, when, front.start()):
        return None
    if front[1] is None:
        return OTHER
    rest, queue_id = line[front.end() :].rstrip(), front[1][:-2]
    if rest.startswith("from=") and (sender := _SENDER.match(rest)):
        return _handed_in(when.at, queue_id, sender[1], rest)
    if rest.startswith("AUTH=") and (auth := _AUTH.match(rest)):
        return Submission(at=when.at, queue_id=queue_id, client=net.ip(auth[1]), account=auth[2])
    if rest.startswith("to="):
        return _deliveries(when.at, queue_id, rest)
    return OTHER


def _handed_in(at: float, queue_id: str, sender: str, rest: str) -> Submission:
    client, local = _CLIENT.search(rest), _LOCAL.search(rest)
    bare = sender.strip("<>")
    return Submission(
        at=at,
        queue_id=queue_id,
        client=net.ip(client[1]) if client else None,
        script=local[1] if local else "",
        sender=bare or "<>",
    )


def _deliveries(at: float, queue_id: str, rest: str) -> Delivery | tuple[Delivery, ...] | Other:
    ours, _, said = rest.partition(", reply=")
    to, stat = _TO.match(ours), _STAT.search(rest)
    dsn = _DSN.search(ours)
    if to is None or stat is None or stat[1] == "queued":
        return OTHER
    relay = _RELAY.search(ours)
    status = {"2": "sent", "4": "deferred", "5": "bounced"}.get(dsn[2] if dsn else "", "")
    if not status:
        status = "sent" if stat[1].startswith("Sent") else "deferred"
    text = said.rpartition(", stat=")[0]
    if not text:
        text = stat[2] or stat[1]
        text = f"{dsn[1]} {text}" if dsn and status != "sent" and not text.startswith(dsn[1]) else text
    first = Delivery(
        at=at,
        queue_id=queue_id,
        sender="",  # stands in the line `from=`
        recipient="",
        relay=_relay(relay) if relay else "local",
        status=status,
        text=text,
    )
    made = tuple(structs.replace(first, recipient=name.strip("<>")) for name in to[1].split(","))
    return made if len(made) > 1 else made[0]


def _relay(found: re.Match[str]) -> str:
    """The host that took it as `host[address]`; Sendmail repeats the address where there is no name."""
    name, address = found.groups()
    return f"[{address}]" if name.startswith("[") else f"{name.rstrip('.')}[{address}]"
