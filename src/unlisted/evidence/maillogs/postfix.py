"""Postfix's log, by syslog or by its own maillog_file.

Source: postlog(1), smtp(8), smtpd(8), pickup(8); Postfix 3.7: src/global/log_adhoc.c (deliveries),
src/smtpd/smtpd.c (client=), src/pickup/pickup.c, src/qmgr/qmgr_active.c (from=).
Sample: tests/samples/postfix/.

One message has several lines: who handed it in (smtpd or pickup), its sender (qmgr), its deliveries; the
queue id joins them. A delivery line ends in `status=sent|bounced|deferred (text)`; the text is what the
other server said and is a stranger's. Queue ids are hex, or long ones without vowels
(enable_long_queue_ids). What our own server refused (`NOQUEUE: reject`) is somebody else's trouble: Other.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp, tagged
from unlisted.messages import Delivery, Submission

HINT = "postfix"

# The name after "postfix" may name an instance (postfix-out/smtp) and a service (postfix/submission/smtpd).
_FRONT = re.compile(r"(?<![^\s:])postfix[\w.-]*/(?:[\w.-]+/)*([\w-]+)(?:\[\d+\])?: ")
_QUEUE = re.compile(r"([0-9A-Za-z]{5,20}): ")
_DELIVERY = re.compile(
    r"to=<?([^,>]*)>?, (?:orig_to=<?[^,]*, )?relay=([^,]*), .{0,200}?"
    r"status=(sent|bounced|deferred)(?: \((.*)\))?\s*$"
)
_CLIENT = re.compile(r"client=\S*\[([0-9a-fA-F.:]+|IPv6:[0-9a-fA-F.:]+|unknown)\]")
_ACCOUNT = re.compile(r", sasl_username=([^,\s]{1,320})")
_PICKUP = re.compile(r"uid=(\d{1,10}) from=<([^>]*)>")
_FROM = re.compile(r"from=<([^>]*)>, size=")
_DELIVERS = ("smtp", "lmtp", "local", "virtual", "pipe", "error", "discard", "relay", "retry")


def _sender(text: str) -> str:
    """The envelope sender; the empty one (RFC 5321 §4.5.5) as `<>`, so that it is not taken for unknown."""
    return text or "<>"


def parse(line: str, near: float) -> Delivery | Submission | Other | None:
    """Read one line."""
    if not (front := _FRONT.search(line, 0, 400)):
        return None
    when = stamp(line, near)
    if when is None or not tagged(line, when, front.start()):
        return None
    program, rest = front[1], line[front.end() :]
    queue = _QUEUE.match(rest)
    if queue is None:
        return OTHER
    rest = rest[queue.end() :]
    if rest.startswith("to=") and (m := _DELIVERY.match(rest)):
        return Delivery(
            at=when.at,
            queue_id=queue[1],
            sender="",  # stands in the queue manager's line
            recipient=m[1],
            relay=m[2],
            status=m[3],
            text=m[4] or "",
        )
    if rest.startswith("client=") and (m := _CLIENT.match(rest)):
        account = _ACCOUNT.search(rest)
        return Submission(
            at=when.at,
            queue_id=queue[1],
            client=net.ip(m[1].removeprefix("IPv6:")),
            account=account[1] if account else "",
        )
    if program == "pickup" and (m := _PICKUP.match(rest)):
        return Submission(
            at=when.at, queue_id=queue[1], client=None, script=f"uid {m[1]}", sender=_sender(m[2])
        )
    if program == "qmgr" and (m := _FROM.match(rest)):
        return Submission(at=when.at, queue_id=queue[1], client=None, sender=_sender(m[1]))
    return None if rest.startswith("to=") and program in _DELIVERS else OTHER
