"""ARF: RFC 5965 with RFC 6591 (authentication failures), RFC 6650 (practice) and RFC 6692 (source port).

Read as it is found: fields that the report forgot are looked for in what it says for people, then in the
message that it returns. SpamCop puts blank lines between the fields; mail programs that forward a report
flatten it into text.
"""

import re
from itertools import islice

from unlisted.messages import Report
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part, words
from unlisted.notice.reports import _facts

# "received from IP 192.0.2.1 on DATE", "IP address [192.0.2.1]", SpamCop's "Email from 192.0.2.1 / DATE"
_SAID = re.compile(
    r"\b(?:IP(?: address)?:?|email from|from:)\s{1,4}\[?([0-9A-Fa-f:.]{3,45})\]?"
    r"(?:,?\s{0,4}(?:\bon\b|/)\s{1,4}([A-Za-z0-9,:+ \t\n-]{8,60}))?",
    re.IGNORECASE,
)
_FLAT = re.compile(r"^[> \t]{0,8}feedback-type[ \t]{0,4}:", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(r"^[> \t]{1,8}(?=[A-Za-z-]{3,40}:)", re.MULTILINE)
EACH = re.compile(
    r"^[> \t]{0,8}(?:original-rcpt-to|removal-recipient)[ \t]{0,4}:(.{0,1000})", re.IGNORECASE | re.MULTILINE
)


def read(head: Part, leaves: list[Part]) -> list[Report]:
    """One Report for each feedback part; the returned message is the one behind it."""
    found = [n for n, leaf in enumerate(leaves) if leaf.kind.endswith("/feedback-report")]
    texts = [(leaves[n].text, leaves[n:]) for n in found] or _flattened(leaves)
    if not texts:
        return []
    said = " ".join(leaf.text[:4000] for leaf in leaves[:2] if leaf.kind.startswith("text/"))
    return [_report(head, text, said, _facts.original(rest)) for text, rest in texts]


def _flattened(leaves: list[Part]) -> list[tuple[str, list[Part]]]:
    """Feedback fields in a text: RFC 5965 §3.1 demands three of them, so nothing else looks like it."""
    for leaf in leaves:
        start = leaf.text[:20_000]
        if "eedback-" not in start and "EEDBACK-" not in start:
            continue  # nearly all, and sooner known than by a pattern
        if not leaf.kind.startswith("text/") or not (found := _FLAT.search(start)):
            continue
        text = _QUOTED.sub("", leaf.text[found.start() : found.start() + 20_000])
        block = text.partition("\n\n")[0] + "\n"
        names = _facts.headers(block)
        if names.get("user-agent") and names.get("version"):
            return [(block, [Part("message/rfc822", (), text.partition("\n\n")[2]), *leaves])]
    return []


def _fields(text: str) -> Part:
    return _facts.headers("\n".join(line for line in text[:100_000].split("\n") if line.strip()))


def _report(head: Part, text: str, said: str, inner: Part) -> Report:
    fields = _fields(text)
    prose = _SAID.search(said)
    handed, came, off = _facts.received(inner)
    named = fields.get("source-ip")
    stated = _facts.outside(named) or (_facts.outside(prose[1]) if prose else None)
    if stated is None and _facts.address(named):
        handed = None  # he saw an address of his own house: who stood before it is anybody's word
    at, accuracy = _facts.moment(fields.get("arrival-date") or fields.get("received-date"))
    if at is None and prose and prose[2]:
        at, accuracy = _facts.moment(prose[2])
    if at is None:
        at, accuracy = came, off
    if at is None:
        at = _facts.moment(inner.get("date"))[0]  # the sender's own word
    return Report(
        "arf",
        _facts.token(fields.get("feedback-type")) or "other",
        reporter=address(words(head.get("from"))) or _facts.line(fields.get("user-agent"), 100),
        source=stated or handed,
        source_name=_facts.line(
            fields.get("reported-uri") or fields.get("reported-domain") or ("" if stated else named)
        ),
        source_from="stated" if stated else "received" if handed else "",
        source_port=_facts.port(fields.get("source-port")),
        at=at,
        accuracy=accuracy,
        incidents=_incidents(fields.get("incidents")),
        sender=address(fields.get("original-mail-from")) or address(inner.get("from")),
        message_id=_facts.line(inner.get("message-id")),
        recipients=_recipients(text, inner),
    )


def _recipients(text: str, inner: Part) -> tuple[str, ...]:
    """RFC 5965 §3.2: one field for each; else whom the returned message names, or nobody."""
    told = (found[1] for found in EACH.finditer(text))
    named = dict.fromkeys(filter(None, map(address, islice(told, _facts.MOST))))
    if named:
        return tuple(named)
    said = (inner.get("x-hmxmroriginalrecipient"), inner.get("to"))  # Microsoft's, when it has no field
    return (next(filter(None, map(address, said)), ""),)


def _incidents(value: str) -> int:
    found = re.match(r"[0-9]{1,9}", value.strip())
    return max(1, int(found[0])) if found else 1
