"""OpenSMTPD's log, by syslog.

Source: smtpd(8), usr.sbin/smtpd/mta.c (mta_delivery_log) and smtp_session.c, OpenSMTPD 6.8; up to 6.0 the
same fields stood behind `event=`. Sample: tests/samples/opensmtpd/.

A session has an id, a message another, and an envelope (`evpid`) begins with its message's: the message's id
is the queue id here. Which client a message came from stands on lines of the session, which carry no message
id in 6.8: it is not told.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp, tagged
from unlisted.messages import Delivery, Submission

HINT = "smtpd["

_FRONT = re.compile(
    r"(?<![\w/-])smtpd\[\d+\]: "
    r"(?:([0-9a-f]{16}) (mta|mda|smtp) (?:event=)?(\w+)|(?:info|warn|debug|smtp-in|smtp-out): |Exiting$)"
)
_DELIVERY = re.compile(
    r" evpid=([0-9a-f]{8})[0-9a-f]{8} from=<([^>\s]{0,320})> to=<([^>\s]{1,320})> .{0,700}?"
    r'result="?(Ok|PermFail|TempFail|LoopFail|Expired)"? stat="?(.*?)"?\s*$'
)
_RELAY = re.compile(r' relay="([0-9a-fA-F.:]{2,45})(?: \(([^()"]{0,255})\))?"')
_ENVELOPE = re.compile(r" evpid=([0-9a-f]{8})[0-9a-f]{8} from=<([^>\s]{0,320})>")
_MESSAGE = re.compile(r" address=(\S{1,64}) host=\S{1,255} msgid=([0-9a-f]{8}) from=<([^>\s]{0,320})>")
_STATUS = {"Ok": "sent", "TempFail": "deferred"}


def parse(line: str, near: float) -> Delivery | Submission | Other | None:
    """Read one line."""
    front = _FRONT.search(line, 0, 400)
    if front is None:
        return None
    when = stamp(line, near)
    if when is None or not tagged(line, when, front.start()):
        return None
    rest = line[front.end() :]
    if front[3] == "delivery" and (found := _DELIVERY.match(rest)):
        relay = _RELAY.search(rest[: found.start(4) - found.start()])
        return Delivery(
            at=when.at,
            queue_id=found[1],
            sender=found[2] or "<>",
            recipient=found[3],
            relay=f"{relay[2] or ''}[{relay[1]}]" if relay else "local",
            status=_STATUS.get(found[4], "bounced"),
            text=found[5],
        )
    if front[3] == "envelope" and (found := _ENVELOPE.match(rest)):
        return Submission(at=when.at, queue_id=found[1], client=None, sender=found[2] or "<>")
    if front[3] == "message" and (found := _MESSAGE.match(rest)):
        return Submission(at=when.at, queue_id=found[2], client=net.ip(found[1]), sender=found[3] or "<>")
    return OTHER
