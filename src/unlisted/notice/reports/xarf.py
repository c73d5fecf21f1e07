"""XARF v3 and v4, as a file, as an attachment, or inside ARF. recover/xarf.py writes v4.

Sources: xarf-spec 4.2.0 with its schemas, and "Email Transport"; abusix/xarf, versions 1 to 3, README and
samples. The two spellings of v3 (Source.IP and SourceIp) are both in use.

RFC 5965 §7.3 knows few feedback types: messaging/* is `abuse`; content/phishing, content/fraud and
content/brand_infringement are `fraud`; content/malware is `virus`, for RFC 5965 means a virus in what was
sent. All else is `other`, and the category says what.
"""

import re

from unlisted.messages import Report
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part
from unlisted.notice.reports import _facts, _json

MARKS = ('"xarf_version"', '"ReporterInfo"')
_FEEDBACK = {
    "messaging/spam": "abuse",
    "messaging/bulk_messaging": "abuse",
    "content/phishing": "fraud",
    "content/fraud": "fraud",
    "content/brand_infringement": "fraud",
    "content/malware": "virus",
}
# v3's ReportType without case and punctuation: the table of the v3 schema, and the types of abusix/xarf.
_V3 = {
    "spam": "messaging/spam",
    "loginattack": "connection/login_attack",
    "portscan": "connection/port_scan",
    "ddos": "connection/ddos",
    "webcrawler": "connection/scraping",
    "bot": "connection/infected_host",
    "phishing": "content/phishing",
    "malware": "content/malware",
    "childabuse": "content/csam",
    "csam": "content/csam",
    "trademark": "content/brand_infringement",
    "botnet": "infrastructure/botnet",
    "openservice": "vulnerability/open_service",
    "copyright": "copyright/copyright",
}
EACH = re.compile("|".join(MARKS))


def read(head: Part, leaves: list[Part]) -> list[Report]:  # noqa: ARG001  (every kind is asked alike)
    """One Report for each XARF document among the parts."""
    found: list[Report] = []
    for leaf in leaves:
        if any(mark in leaf.text for mark in MARKS):
            start = leaf.text.find("{") if not leaf.text.lstrip().startswith("[") else 0
            made = map(_of, _json.documents(leaf.text[max(0, start) :]))
            found += [report for report in made if report is not None]
    return found[: _facts.MOST]


def _of(document: dict[str, object]) -> Report | None:
    if _json.text(document, "xarf_version").startswith("4"):
        return _v4(document)
    return _v3(document) if "ReporterInfo" in document or "Report" in document else None


def _v4(one: dict[str, object]) -> Report:
    category = "/".join(map(_facts.token, (_json.text(one, "category", "class"), _json.text(one, "type"))))
    at, accuracy = _facts.moment(_json.text(one, "timestamp"))
    named = _json.text(one, "source_identifier")
    source = _facts.address(named)
    reporter = _json.branch(one, "reporter") or _json.branch(one, "sender")
    return Report(
        "xarf-4",
        _FEEDBACK.get(category, "other"),
        category=category,
        reporter=_facts.line(_json.text(reporter, "org", "contact", "domain")),
        source=source,
        source_name="" if source else _facts.line(named, 500),
        source_from="stated" if named else "",
        source_port=_facts.port(one.get("source_port")),
        at=at,
        accuracy=accuracy,
        since=_facts.moment(_json.text(one, "first_seen"))[0],
        until=_facts.moment(_json.text(one, "last_seen"))[0],
        dst=_facts.address(_json.text(one, "destination_ip")),
        dport=_facts.port(one.get("destination_port")),
        protocol=_facts.token(_json.text(one, "protocol")),
        sender=address(_json.text(one, "smtp_from")),
        message_id=_facts.line(_json.text(one, "message_id")),
        id=_facts.line(_json.text(one, "report_id"), 100),
        recipients=(address(_json.text(one, "smtp_to")),),
    )


def _v3(document: dict[str, object]) -> Report | None:
    one = _json.branch(document, "Report")
    if not one:
        return None
    who, more = _json.branch(document, "ReporterInfo"), _json.branch(one, "AdditionalInfo")
    place = _json.branch(one, "Source")
    named = _json.text(place, "IP") or _json.text(one, "SourceIp") or _json.text(one, "Source")
    url = _json.text(place, "URL") or _json.text(one, "SourceUrl", "Url")
    source = _facts.address(named)
    told = "".join(c for c in _json.text(one, "ReportType").lower() if c.isalnum())[:40]
    group = _facts.token(_json.text(one, "ReportClass"))
    category = _V3.get(told, f"{group}/{told}" if told else group)
    at, accuracy = _facts.moment(_json.text(one, "Date"))
    return Report(
        "xarf-3",
        _FEEDBACK.get(category, "other"),
        category=category,
        reporter=_facts.line(_json.text(who, "ReporterOrg", "ReporterContactName", "ReporterOrgEmail")),
        source=source,
        source_name="" if source else _facts.line(url or named, 500),
        source_from="stated" if named or url else "",
        source_port=_facts.port(place.get("Port")) or _facts.port(one.get("SourcePort")),
        at=at,
        accuracy=accuracy,
        since=_facts.moment(_json.text(more, "FirstSeen"))[0],
        until=_facts.moment(_json.text(more, "LastSeen"))[0],
        dst=_facts.address(_json.text(one, "DestinationIp") or _json.text(more, "DestinationIP")),
        dport=_facts.port(one.get("DestinationPort")) or _facts.port(more.get("DestinationPort")),
        protocol=_facts.token(_json.text(one, "Protocol") or _json.text(more, "Protocol")),
        sender=address(_json.text(one, "SmtpMailFromAddress") or _json.text(more, "SMTPFrom")),
        recipients=(address(_json.text(one, "SmtpRcptToAddress")),),
    )
