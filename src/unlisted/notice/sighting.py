"""A list's page as everybody else sees it: the line of `explain`, a sentence, and the question it answers.

Reading is `notice/pages`, one file a page's kind. What a page says anybody can have written: it may open a
case and never moves a hold.
"""

import shlex
from datetime import UTC, datetime
from math import ceil

from msgspec import structs

from unlisted import net, show
from unlisted.messages import MOMENT, Refusal, Sighting
from unlisted.net import Address
from unlisted.notice import report

SAME = 1.0  # seconds: a time that says its second
_NAMES = {
    "cbl": "the CBL",
    "spamhaus": "Spamhaus",
    "spamcop": "SpamCop",
    "psbl": "PSBL",
    "uceprotect": "UCEPROTECT",
    "backscatterer": "Backscatterer",
    "interserver": "InterServer",
}
MEANS = {
    "connection": report.MEANS["connection"],
    "contact": "no usable source port: this is everybody who spoke to that address then, not one (RFC 6302)",
    "moment": report.MEANS["moment"],
    "period": "a window and no source port: this is everybody behind the address in it, not one (RFC 6302)",
    "address": report.MEANS["address"],
    "nothing": "nothing to look up: it says that the address is not listed",
}


def line(one: Sighting, source: str, own: tuple[Address, ...] = ()) -> Refusal:
    """The page as a line that `explain --json` promises."""
    ours = one.address is None or not own or one.address in own
    verdict = (
        "our-address" if one.listed and ours else "undecided" if one.listed is None and ours else "other"
    )
    return Refusal(
        source,
        reason="blocked" if one.listed else "",
        verdict=verdict,
        list=one.list,
        sublist=one.sublist,
        cited_ip=one.address,
        rule=f"page-{one.kind}",
        quote=one.quote,
        at=one.at,
        text=one.quote,
        sighting=one,
    )


def concerns(one: Sighting, own: tuple[Address, ...] = ()) -> bool:
    """True when it accuses an address that may be ours: a page that says "not listed" accuses nobody."""
    return one.listed is not False and (one.address is None or not own or one.address in own)


def precision(one: Sighting) -> str:
    """What it narrows down to (RFC 6302): connection, contact, moment, period, address or nothing."""
    if one.at is None or one.accuracy is None:
        return "nothing" if one.listed is False else "address"
    if one.source_port >= 1024 and one.accuracy <= SAME:
        return "connection"
    if one.dst is not None:
        return "contact"
    return "moment" if one.accuracy <= MOMENT else "period"


def rank(one: Sighting) -> int:
    """Its place among several: the most exact first."""
    return tuple(MEANS).index(precision(one))


def questions(one: Sighting) -> list[str]:
    """What to type or to do about it, the most exact first; never empty. FOLDER is for the person to name."""
    if one.at is None:
        return [_without_time(one)]
    when = spelled(one)
    span = min(ceil(one.accuracy or 0.0), 366 * 86_400)  # the longest that `find` takes
    rest = f"--at {when}{f' --skew {span}s' if span > MOMENT else ''} FOLDER"
    asked: list[str] = []
    if one.source_port and one.address is not None:
        asked.append(f"unlisted find --seen {_socket(one.address, one.source_port)} {rest}")
    if one.dst is not None:
        asked.append(f"unlisted find --contacted {one.dst} {rest}")
    if one.source_port and one.address is None:
        asked.append(f"unlisted find --seen ADDR:{one.source_port} {rest}   (ADDR: your public address)")
    return asked or [_window(one, when)]


def question(one: Sighting) -> str:
    """The first of them."""
    return questions(one)[0]


def spelled(one: Sighting) -> str:
    """Its time as a word of a command, with the seconds only where the page says them."""
    try:
        form = "%Y-%m-%dT%H:%M:%SZ" if (one.accuracy or MOMENT) <= SAME else "%Y-%m-%dT%H:%MZ"
        return datetime.fromtimestamp(one.at or 0.0, UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        return "TIME"


def sentence(one: Sighting, own: tuple[Address, ...] = ()) -> str:
    """What was read: whose page, whose address, what it says of it, and how exactly."""
    whose = "" if one.address is None or not own else " (ours)" if one.address in own else " (not ours)"
    state = {True: "is listed", False: "is not listed", None: "was seen"}[one.listed]
    named = f"{one.address or 'an address that it does not name'}{whose}"
    part = f" ({one.sublist})" if one.sublist else ""
    facts = [f"{named} {state}{part}", one.malware, f"HELO {one.helo}" if one.helo else "", _when(one)]
    facts += [f"source port {one.source_port}" if one.source_port else "", _where(one)]
    facts += [one.host, one.message_id, f'subject "{one.subject}"' if one.subject else ""]
    facts += [show.count(one.incidents, "event") if one.incidents > 1 else ""]
    facts += [f"expires {show.when(one.expires_at)} at the earliest" if one.expires_at is not None else ""]
    facts += [f"{one.hours_left:.3g} h left when it was opened" if one.hours_left is not None else ""]
    return show.clean(f"page of {_NAMES.get(one.kind, one.kind)}: {', '.join(filter(None, facts))}", 600)


def remarks(one: Sighting) -> list[str]:
    """What it narrows down to, and what is odd about it."""
    inside = _inside(one)
    return [
        MEANS[precision(one)],
        *([inside] if inside else []),
        *(show.clean(note, 200) for note in one.notes),
    ]


def details(one: Sighting) -> dict[str, object]:
    """What `explain --json` says of a page beyond the fields that it promises."""
    told = structs.asdict(one) | {"precision": precision(one), "question": question(one)}
    return {"at": one.at, "evidence": told}


def _inside(one: Sighting) -> str:
    helo = net.ip(one.helo) if one.helo else None
    if helo is None or not net.inside(helo):
        return ""
    return f"it greets as {helo}: look for that address inside first"


def _socket(address: Address, port: int) -> str:
    return shlex.quote(f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}")


def _when(one: Sighting) -> str:
    at = show.when(one.at)
    if not at or one.accuracy is None:
        return ""
    if one.accuracy <= SAME:
        return f"at {at}, to the second"
    off = f"{one.accuracy / 60:.0f} min" if one.accuracy < 7200 else f"{one.accuracy / 3600:.0f} h"
    return f"at {at}, give or take {off}"


def _where(one: Sighting) -> str:
    how = f" ({one.protocol})" if one.protocol else ""
    if one.dst is None:
        return f"to port {one.dport}{how}" if one.dport else ""
    return f"to {one.dst}" + (f" port {one.dport}{how}" if one.dport else how)


def _without_time(one: Sighting) -> str:
    if one.dst is not None:
        return f"look in the gateway's log for whoever spoke to {one.dst}: the page tells no time"
    if one.helo:
        return show.clean(
            f"look for what greets as {one.helo}: a mail server's own name, or a machine inside", 300
        )
    return (
        f"unlisted check {one.address or ''}".rstrip()
        + "   (the page tells no time: what does the list say now)"
    )


def _window(one: Sighting, when: str) -> str:
    """No port and no destination: what can be asked all the same."""
    since, until = show.when(one.since), show.when(one.until)
    between = f"from {since} to {until}" if since and until else f"about {when}"
    if one.kind == "backscatterer":
        return f"look in the mail server's log {between} for mail with an empty sender, and for call-outs"
    if one.message_id:
        named = f"look up {one.message_id} in the mail server's log"
        return show.clean(f"{named}; not there: unlisted find FOLDER   (the gateway's log {between})", 400)
    if one.dport not in (0, 25, 465, 587):
        how = f"{one.protocol.upper()} " if one.protocol else ""
        return f"look in the gateway's log {between} for whoever sent {how}to port {one.dport}"
    return f"unlisted find FOLDER   (with the gateway's log {between}: who spoke to the mail ports)"
