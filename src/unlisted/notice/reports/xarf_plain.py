"""X-ARF 0.1 and 0.2: a mail with `X-XARF: PLAIN` whose second part is a list of `Name: value`.

Source: X-ARF specification 0.2 as fail2ban's and blocklist.de's senders write it. `Port` is the port of the
service that was attacked, not the attacker's. `SECURE` (signed) and `BULK` wrap the same list.
"""

import re

from unlisted.messages import Report
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part
from unlisted.notice.reports import _facts

_CATEGORY = {
    "login-attack": "connection/login_attack",
    "port-scan": "connection/port_scan",
    "portscan": "connection/port_scan",
    "spam": "messaging/spam",
    "phishing": "content/phishing",
    "malware": "content/malware",
    "malware-attack": "content/malware",
    "botnet-infection": "connection/infected_host",
    "copyright": "copyright/copyright",
}
_FEEDBACK = {"messaging/spam": "abuse", "content/phishing": "fraud", "content/malware": "virus"}
EACH = re.compile(r"(?!)")


def read(head: Part, leaves: list[Part]) -> list[Report]:
    """One Report for each list in the mail."""
    if not head.get("x-xarf") and not head.get("x-arf"):
        return []
    lists = [
        _facts.headers(leaf.text.lstrip("- \n")) for leaf in leaves if not leaf.kind.startswith("message/")
    ]
    return [_report(fields) for fields in lists if fields.get("report-type") and fields.get("source")]


def _report(fields: Part) -> Report:
    def told(name: str) -> str:
        return fields.get(name).strip("'\" ")

    kind = _facts.token(told("report-type"))
    category = _CATEGORY.get(kind, kind)
    source = _facts.address(told("source"))
    at, accuracy = _facts.moment(told("date"))
    return Report(
        "x-arf",
        _FEEDBACK.get(category, "other"),
        category=category,
        reporter=address(told("reported-from")) or _facts.line(told("user-agent"), 100),
        source=source,
        source_name="" if source else _facts.line(told("source"), 500),
        source_from="stated",
        at=at,
        accuracy=accuracy,
        dport=_facts.port(told("port")),
        protocol=_facts.token(told("protocol")),
        incidents=_facts.port(told("occurrences")) or 1,
        id=_facts.line(told("report-id"), 100),
        recipients=("",),
    )
