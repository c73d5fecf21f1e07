"""Abuse reports as everybody else sees them: lines of `explain`, a sentence, and what to look up.

Reading is `notice/reports`, one file a kind. Of a recipient's line `feedback_type` is RFC 5965's; the whole
report stands beside it. A report is a stranger's word: it may open a case and never moves a hold.
"""

import re
from contextlib import suppress

from msgspec import structs

from unlisted import codec, show
from unlisted.messages import Refusal, Report
from unlisted.net import Address
from unlisted.notice import reports
from unlisted.notice.parts import Part
from unlisted.notice.reports import _json, ses, xarf

_BOM = b"\xef\xbb\xbf"
_SES = re.compile(
    rb'\\?"(?:notification|event)Type\\?"\s{0,20}:\s{0,20}\\?"(?:Complaint|Bounce|Delivery)\\?"',
)
_FORMATS = {
    "arf": "abuse report (ARF)",
    "apple": "request to unsubscribe (Apple Mail)",
    "jmrp": "junk mail report (Microsoft)",
    "ses": "complaint through Amazon SES",
    "spamcop": "abuse report",
    "x-arf": "abuse report (X-ARF)",
    "xarf-3": "abuse report (XARF 3)",
    "xarf-4": "abuse report (XARF 4)",
}


def feedback(head: Part, leaves: list[Part]) -> list[Refusal]:
    """One Refusal for each recipient that a report names; [] when the mail is no report."""
    return counted(head, leaves)[0]


def counted(head: Part, leaves: list[Part]) -> tuple[list[Refusal], int]:
    """The same, and how many beyond reports.MOST were not read."""
    found, more = reports.counted(head, leaves)
    every = [line for report in found for line in lines(report)]
    return every[: reports.MOST], more + max(0, len(every) - reports.MOST)


def lines(report: Report) -> list[Refusal]:
    """The report as the lines that `explain --json` promises: one for each recipient, in its order."""
    bare = structs.replace(report, recipients=())
    return [
        Refusal(
            "",
            recipient=name,
            reason="feedback",
            feedback_type=report.type,
            verdict="other",
            cited_ip=report.source,
            url=report.url,
            at=report.at,
            report=bare,
        )
        for name in report.recipients or ("",)
    ]


def notice(text: str) -> dict[str, object]:
    """The JSON at the start of a text, whatever the mailing system appended to it; {} when there is none."""
    return next(iter(_json.documents(text)), {})


# ---- JSON files -----------------------------------------------------------------------------------


def is_document(head: bytes) -> bool:
    """True when a file begins as XARF or as a notification of Amazon SES does."""
    start = head[:8192].removeprefix(_BOM).lstrip()
    if not start.startswith((b"{", b"[")):
        return False
    return any(mark.encode() in start for mark in xarf.MARKS) or bool(_SES.search(start))


def as_mail(raw: bytes) -> bytes:
    """Such a file as the mail that would carry it, so that there is one way to read both."""
    document = raw.removeprefix(_BOM)
    sender = b""
    note = ses.inside(notice(document.decode("utf-8", "replace")))
    if told := note.get("notificationType") or note.get("eventType"):
        sender = b"From: no-reply@sns.amazonaws.com\n"
        if isinstance(told, str) and told != "Complaint":  # of complaints one file may hold many
            with suppress(RecursionError, ValueError):  # nested without end: as it stood
                document = codec.encode({"notificationType": told, **note})
    head = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    return sender + head + document


# ---- for people -----------------------------------------------------------------------------------


def sentence(report: Report, own: tuple[Address, ...] = ()) -> str:
    """What it is, who sent it, what it complains of, when and how precisely."""
    what = _FORMATS.get(report.format, "abuse report")
    told = [report.category or report.type]
    if named := str(report.source or report.source_name or ""):
        whose = (
            "" if report.source is None or not own else " (ours)" if report.source in own else " (not ours)"
        )
        read = ", read from the mail that it returns" if report.source_from == "received" else ""
        told = [f"{told[0]} from {named}{whose}{read}", _port(report)]
    told.append(_when(report))
    if report.incidents > 1:
        told.append(show.count(report.incidents, "incident"))
    by = f" by {report.reporter}" if report.reporter else ""
    return show.clean(f"{what}{by}: {', '.join(told)}", 500)


def _port(report: Report) -> str:
    if not report.source_port:
        return "no source port"
    told = f"source port {report.source_port}"
    return told if report.source_port >= 1024 else f"{told}, which no client uses"


def _when(report: Report) -> str:
    at, until = show.when(report.at), show.when(report.until)
    if not at:
        return "no time"
    if until and report.until != report.at:
        at += f" until {until}"
    if report.accuracy is None:
        return f"before or about {at}"
    if report.accuracy <= 1:
        return f"at {at}, to the second"
    off = f"{report.accuracy / 3600:.0f} h" if report.accuracy >= 3600 else f"{report.accuracy:.0f} s"
    return f"at {at}, give or take {off}"


MEANS = {
    "connection": "address, port and time to the second: one connection, so one device or subscriber",
    "moment": "no usable source port: behind a shared address a set of candidates, not one (RFC 6302)",
    "period": "no exact time: this is everybody who had the address then, not one (RFC 6302)",
    "address": "no time of the event: this tells the address and nobody behind it (RFC 6302)",
    "nothing": "no address in it: this names nobody",
}


_DETAILS = (
    *("format", "category", "reporter", "source_name", "source_from", "source_port", "at", "accuracy"),
    *("since", "until", "dst", "dport", "protocol", "incidents", "sender", "message_id", "id"),
)
_ORDER = ("connection", "moment", "period", "address", "nothing")


def exact(told: list[Report]) -> Report:
    """The most precise of several."""
    return min(told, key=lambda one: _ORDER.index(one.precision))


def look_up(told: list[Report]) -> str:
    """The next step after these reports: what to look up, and where, from the most precise of them."""
    report = exact(told)
    if report.format == "apple":
        return show.clean(f"take {report.reporter} off the list that he got", 400)
    who = f"who had {report.source}"
    if report.precision == "connection":
        who += f" port {report.source_port}"
    if when := show.when(report.at):
        who += f" at {when}"
    named = report.message_id or report.sender
    if named and (report.source is None or report.precision != "connection"):
        other = f"; where it is not there, {who}" if report.source else ""
        return show.clean(f"look up {named} in the mail server's log{other}", 400)
    if report.source is None:
        return (
            show.clean(report.source_name and f"look at {report.source_name}")
            or "ask the reporter for an address"
        )
    return show.clean(f"look up in the gateway's log, translations and leases {who}", 400)


def details(report: Report) -> dict[str, object]:
    """What `explain --json` says of a report beyond the fields that it promises."""
    told = {name: getattr(report, name) for name in _DETAILS}
    return told | {"precision": report.precision}
