"""From what was gathered to a case: refusals brought together, suspects ranked, causes weighed. Pure."""

import shlex
from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from unlisted import case, net
from unlisted.diagnose import cited
from unlisted.diagnose.signs import Findings, Span, abroad
from unlisted.messages import Delivery, Lease, Listing, Refusal, Submission, Suspect
from unlisted.net import Address, Network
from unlisted.notice import lists, refusal, together
from unlisted.notice.advice import FINDS_IT, advise
from unlisted.notice.repeats import Repeats


class Material(Struct, frozen=True, kw_only=True):
    """What the edge gathered and `find` made of it."""

    refusals: tuple[Refusal, ...] = ()
    listings: tuple[Listing, ...] = ()  # the lists' own answers
    deliveries: tuple[Delivery, ...] = ()
    submissions: tuple[Submission, ...] = ()
    leases: tuple[Lease, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    attempts: Span | None = None  # what the gateway's logs and flow records span
    told: bool = False  # those logs could tell devices apart
    has_mail_log: bool = False
    outer: bool = False  # the logs know only addresses that nobody called ours
    own: tuple[Address, ...] = ()
    inside: tuple[Network, ...] = net.INSIDE
    unread: tuple[case.Unread, ...] = ()
    folder: str = "."


def investigate(material: Material) -> case.Case:
    """The case: deterministic, the same material always makes the same one."""
    left = abroad(material.deliveries, material.inside)
    logged = from_log(left, material.own)
    refusals = (*material.refusals, *_unsaid(logged, material.refusals))
    own = material.own or cited.own(refusals) or cited.asked(material.listings)
    known = {(one.address, one.list) for one in material.listings if one.state in ("listed", "clear")}
    hearsay = [
        listing
        for listing in cited.listings(refusals, own, lists.load())
        if (listing.address, listing.list) not in known
    ]
    logged_mail = material.has_mail_log and bool(material.deliveries)
    findings = Findings(
        own=own,
        inside=material.inside,
        refusals=refusals,
        listings=(*material.listings, *hearsay),
        suspects=material.suspects,
        deliveries=material.deliveries,
        submissions=material.submissions,
        gateway=material.attempts if material.told else None,
        mail_log=_span([delivery.at for delivery in material.deliveries]) if logged_mail else None,
        leases_from=min((lease.start for lease in material.leases if lease.start is not None), default=None),
    )
    through = sum(delivery.status == "sent" for delivery in left)
    common = together.common(refusals, through if logged_mail else None)
    return case.of(
        findings,
        _words(own, material),
        in_common=together.sentence(common),
        unread=material.unread,
        done=_done(material, refusals),
        advice=tuple(text.replace(FINDS_IT, "") for text in advise(refusals, own)),  # that is what we are
    )


def _done(material: Material, refusals: Iterable[Refusal]) -> frozenset[str]:
    """The steps that were taken already, or that lead nowhere."""
    taken = {"mail-log": material.has_mail_log, "bounces": any(refusals), "inside": not material.outer}
    return frozenset(step for step, is_done in taken.items() if is_done)


def from_log(deliveries: Iterable[Delivery], own: tuple[Address, ...]) -> list[Refusal]:
    """The refusals that a mail log tells of: the same texts as in bounces, read by the same reader."""
    found = []
    for delivery in deliveries:
        if delivery.status not in ("bounced", "deferred"):
            continue
        verdict = refusal.judge(delivery.text, own, remote_mta=delivery.relay.partition("[")[0])
        if delivery.status == "deferred":
            verdict = structs.replace(verdict, hard=False)  # it may still arrive
        seen = delivery.seen
        found.append(
            Refusal(
                source=f"{seen.source}:{seen.line}" if seen else "mail log",
                recipient=delivery.recipient,
                remote_mta=delivery.relay.partition("[")[0],
                at=delivery.at,
                text=delivery.text,
                **structs.asdict(verdict),
            )
        )
    return found


def _unsaid(logged: list[Refusal], mails: tuple[Refusal, ...]) -> list[Refusal]:
    """Refusals of the log that no bounce tells of already: nothing is counted twice."""
    told = Repeats()
    for one in mails:
        told.again(one, "mail")
    return [one for one in logged if not told.again(one, "log")]


def _span(times: list[float]) -> Span:
    return Span(min(times, default=0.0), max(times, default=0.0))


def _words(own: tuple[Address, ...], material: Material) -> Mapping[str, str]:
    """What fills the gaps of the next steps' commands; what is not known stays a word in capitals."""
    servers = [s.device.address for s in material.suspects if "mail" in s.role and s.device.address]
    return {
        "own": str(own[0]) if own else "ADDRESS",
        "folder": shlex.quote(material.folder),  # the command is made to be pasted
        "allow": str(servers[0]) if servers else "MAILSERVER",
    }
