"""The case as a XARF v4 report to the provider or the owner of the device: what is known, and nothing else.

Source: xarf-spec 4.2.0, schemas `xarf-core`, `connection-infected-host`, `messaging-spam` and
`reputation-blocklist`. Valid by construction; the tests hold every type that is written against the schemas.
`notice/reports/xarf.py` reads back what is written here. Pure: the same case makes the same report.
"""

import base64
import re
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from uuid import UUID

from msgspec import Struct, structs

from unlisted import codec, net, show
from unlisted.case import Case
from unlisted.messages import Report, Suspect
from unlisted.net import Address

VERSION = "4.2.0"
LINE = 2000  # characters of one line of evidence; a gateway's log line has some 300
LINES = 20
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


class Contact(Struct, frozen=True):
    """Who reports: the schema's `contact_info`. By default nobody, which RFC 2606 §2 lets us say."""

    org: str = "not stated"
    contact: str = "nobody@unlisted.invalid"

    @property
    def domain(self) -> str:
        """What stands behind the contact's @."""
        return self.contact.rpartition("@")[2].lower()


class Written(Struct, frozen=True):
    """A report and what stands only in its written form. `more`: members that the type asks for."""

    report: Report
    description: str = ""
    log: str = ""
    more: tuple[tuple[str, str], ...] = ()


def contact(address: str, org: str) -> Contact | None:
    """The contact that a person names; None where the address is none that the schema takes."""
    return Contact(show.clean(org, 200).strip() or Contact().org, address) if is_mail(address) else None


def is_mail(address: str) -> bool:
    """True for an address that every reader of the schema takes."""
    host = address.rpartition("@")[2].split(".")
    return bool(_MAIL.fullmatch(address)) and not any(
        part.startswith("-") or part.endswith("-") for part in host
    )


def document(case: Case, by: Contact) -> bytes:
    """`xarf.json`; b"" where not enough is known: a report needs an address and a time."""
    made = of(case, by)
    return write(made, by) if made is not None else b""


def of(case: Case, by: Contact) -> Written | None:
    """The strongest report that the case bears: the device, else a complaint in full, else a listing."""
    made = _infected(case) or _spam(case) or _listed(case)
    if made is None:
        return None
    name = blake2b(codec.encode(case), digest_size=16).digest()
    report = structs.replace(made.report, id=str(UUID(bytes=name, version=4)), reporter=by.org)
    return structs.replace(made, report=report, description=show.clean(made.description, 1000))


def _infected(case: Case) -> Written | None:
    """The device that was found, behind the address that the world saw."""
    source = _public(case)
    guilty = [
        s for s in case.suspects if s.verdict in ("rogue", "suspect") and _moment(s.flagged_at) is not None
    ]
    if source is None or not guilty:
        return None
    one = guilty[0]
    at = _moment(one.flagged_at)
    report = Report(
        "xarf-4",
        "other",
        "connection/infected_host",
        source=source,
        source_from="stated",
        at=at,
        accuracy=1.0,
        since=at,
        protocol="tcp",
        recipients=("",),
    )
    known = [str(one.device.address or ""), one.device.mac, one.device.vendor, one.device.hostname]
    told = ", ".join(show.clean(name, 80) for name in known if name)
    description = (
        f"Device {told} behind {source}: {one.attempts} connection attempts on mail ports "
        f"to {one.destinations} destinations. {one.because}{_held(case, one)}"
    )
    bot = "malicious" if one.verdict == "rogue" else "unknown"
    more = (("evidence_source", "flow_analysis"), ("bot_type", bot), ("first_seen", stamp(at)))
    return Written(report, description, _log(one), more)


def _held(case: Case, suspect: Suspect) -> str:
    held = [
        d for d in case.decisions if d.device.key == suspect.device.key and d.state in ("applied", "verified")
    ]
    return f". Held since {show.when(held[-1].made_at)} ({held[-1].state})" if held else ""


def _spam(case: Case) -> Written | None:
    """A complaint that tells all that the schema of messaging/spam asks for: sender, source port, time."""
    for refusal in case.refusals:
        told = refusal.report
        if told is None or told.precision not in ("connection", "moment") or _moment(told.at) is None:
            continue
        if told.source not in case.own or not told.source_port or not is_mail(told.sender):
            continue
        report = Report(
            "xarf-4",
            "abuse",
            "messaging/spam",
            source=told.source,
            source_from="stated",
            source_port=told.source_port,
            at=_moment(told.at),
            accuracy=1.0,
            protocol="smtp",
            sender=told.sender,
            recipients=(refusal.recipient if is_mail(refusal.recipient) else "",),
        )
        said = f"Passed on from the report of {told.reporter or 'a stranger'}, who may be wrong."
        return Written(report, said, more=(("evidence_source", "user_complaint"),))
    return None


def _listed(case: Case) -> Written | None:
    """A list's answer, where nothing more is known."""
    for listing in case.listings:
        source, at = net.ip(listing.address), _moment(listing.at)
        if listing.state == "listed" and source is not None and at is not None:
            report = Report(
                "xarf-4",
                "other",
                "reputation/blocklist",
                source=source,
                source_from="stated",
                at=at,
                accuracy=1.0,
                recipients=("",),
            )
            named = show.clean(f"{listing.list or listing.zone} {listing.meaning}", 200)
            return Written(report, f"{source} stands on {named}", more=(("threat_type", "spam_source"),))
    return None


def _public(case: Case) -> Address | None:
    """The address that the world saw: ours that is listed, else ours, else one that is listed.

    What a bounce cites is a stranger's word, and would accuse whom he likes.
    """
    listed = [net.ip(one.address) for one in case.listings if one.state == "listed"]
    both = [one for one in listed if one in case.own]
    return next((one for one in (*both, *case.own, *listed) if one is not None), None)


def _moment(at: float | None) -> float | None:
    """A time that the report can spell, to the microsecond."""
    return round(at, 6) if at is not None and stamp(at) else None


def _log(suspect: Suspect) -> str:
    lines = [
        f"{show.clean(e.source, 200)}:{e.line}: {show.clean(e.text, LINE)}" for e in suspect.evidence[:LINES]
    ]
    return "\n".join(lines)


# ---- the document ---------------------------------------------------------------------------------


def write(made: Written, by: Contact) -> bytes:
    """The document. Members that would be empty are left out, for the schemas know no null."""
    report = made.report
    category, _, kind = report.category.partition("/")
    who = {"org": by.org, "contact": by.contact, "domain": by.domain}
    members: dict[str, object] = {
        "xarf_version": VERSION,
        "report_id": report.id,
        "timestamp": stamp(report.at),
        "reporter": who,
        "sender": who,
        "source_identifier": str(report.source),
        "source_port": report.source_port,
        "category": category,
        "type": kind,
        "protocol": report.protocol,
        "smtp_from": report.sender,
        "smtp_to": "".join(report.recipients[:1]),
        "description": made.description,
        "evidence": _evidence(made.log),
        **dict(made.more),
    }
    return codec.encode({name: value for name, value in members.items() if value}) + b"\n"


def stamp(at: float | None) -> str:
    """RFC 3339 in UTC; "" for none, and for what no calendar holds."""
    try:
        return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def _evidence(log: str) -> list[dict[str, object]]:
    content = log.encode("utf-8", "replace")
    if not content:
        return []
    return [
        {
            "content_type": "text/plain",
            "description": "lines of the gateway's log",
            "payload": base64.b64encode(content).decode(),
            "hash": f"sha256:{sha256(content).hexdigest()}",
            "size": len(content),
        }
    ]
