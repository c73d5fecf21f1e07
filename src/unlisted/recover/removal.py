"""The way off one list: whether to ask, when, where, and what to say.

Removals are rationed, and each premature one costs more later: none is proposed before its gate, which
is: the cause contained and seen to be, quiet for as long as the list wants, nothing higher in the way.
"""

from msgspec import Struct

from unlisted.messages import Listing
from unlisted.notice import dnsbl
from unlisted.notice.lists import Entry, Way
from unlisted.recover.quiet import quiet_until
from unlisted.show import when

# What `state` can be. Open ones still need somebody; a countdown only needs quiet.
OPEN = ("wait", "ready", "asked", "countdown", "provider", "none")
CLOSED = ("cleared", "unknown", "neighbor")


class Removal(Struct, frozen=True, kw_only=True):
    """One list's removal. Fields as `delist --json` promises; `earliest` in Unix seconds."""

    list: str
    address: str
    state: str  # wait, ready, asked, countdown, provider, none, neighbor, cleared, unknown
    earliest: float | None = None  # when one may ask, or when it ends by itself
    why_not_yet: str = ""
    url: str = ""
    text: str = ""  # what to say there


def plan(
    listing: Listing,
    entry: Entry,
    *,
    contained_at: float | None,
    last_attempt: float | None,
    now: float,
    asked_at: float | None = None,
    what: str = "",
    why_open: str = "",
    watched: float | None = None,
) -> Removal:
    """What to do about one listing now.

    `contained_at`: since when the cause is held and seen to be; None with `why_open`. `last_attempt`: when
    something last got out. `asked_at`: when this list was last asked. `what`: what was done, in words.
    `watched`: until when the gateway's log was read since, so that "nothing left" may be said.
    """
    row = Removal(list=listing.list, address=listing.address, state="cleared")
    if listing.state == "clear":
        return row
    if listing.state != "listed":
        return _with(row, "unknown", why=f"not known to be listed: {listing.why or 'no answer'}")
    way = dnsbl.way_out(entry, listing.codes)
    url = way.url or entry.lookup_url
    if listing.scope in ("range", "network") and way.method == "provider" and not _own(entry, listing):
        why = f"this is about the provider's {listing.scope}, not about {listing.address}; {way.notes}"
        return _with(row, "neighbor", why=why.rstrip("; "), url=url)
    gate = _gate(way, contained_at, last_attempt, now, why_open)
    text = _say(listing, entry, way, what, _quiet(contained_at, last_attempt, watched))
    if way.method == "provider":
        why = gate[1] or f"only the provider can ask: {way.notes or 'send the text to its abuse desk'}"
        if later := _behind(entry, listing):
            why += f"; {later} can be asked about once it is gone"
        return _with(row, "provider", gate[0], why, url, text)
    if way.method == "expiry":
        return _countdown(row, way, contained_at, last_attempt, why_open, url)
    if way.method == "none":
        return _with(row, "none", gate[0], gate[1] or "no way off it is known: see its own page", url)
    if gate[1]:
        return _with(row, "wait", gate[0], gate[1], url, text)
    if asked_at is not None and now < asked_at + way.wait_hours * 3600:
        why = f"asked {when(asked_at)}; asking again before the answer makes it worse"
        return _with(row, "asked", asked_at + way.wait_hours * 3600, why, url, text)
    return _with(row, "ready", now, "", url, text)


def order(rows: list[Removal]) -> list[Removal]:
    """What can be done now first, then by time; what asks for nothing last."""
    rank = ("ready", "provider", "wait", "asked", "countdown", "none", "neighbor", "unknown", "cleared")
    return sorted(rows, key=lambda row: (rank.index(row.state), row.earliest or 0.0, row.list))


def _with(
    row: Removal, state: str, earliest: float | None = None, why: str = "", url: str = "", text: str = ""
) -> Removal:
    return Removal(
        list=row.list,
        address=row.address,
        state=state,
        earliest=earliest,
        why_not_yet=why,
        url=url,
        text=text,
    )


def _own(entry: Entry, listing: Listing) -> bool:
    """True when the list accuses this address itself, though it may list ranges (SBL)."""
    return any(part.scope in ("address", "range") for _, part in dnsbl.parts(entry, listing.codes))


def _behind(entry: Entry, listing: Listing) -> str:
    """The parts that another part of the same answer stands in front of."""
    held = dnsbl.parts(entry, listing.codes)
    names = {word for word, _ in held}
    return ", ".join(word for word, part in held if names.intersection(part.removal.behind))


def _gate(
    way: Way, contained_at: float | None, last_attempt: float | None, now: float, why_open: str
) -> tuple[float | None, str]:
    """(when it opens, why it is closed); (None, "") when it is open."""
    if way.quiet_hours == 0:
        return None, ""  # a policy entry accuses nobody: nothing has to end first
    if contained_at is None:
        return None, f"the cause is not contained: {why_open or 'find and hold the device first'}"
    opens = quiet_until(contained_at, last_attempt, way.quiet_hours)
    if now < opens:
        since = contained_at if last_attempt is None else max(contained_at, last_attempt)
        return opens, f"quiet only since {when(since)}; {way.quiet_hours:g} h are wanted"
    return None, ""


def _countdown(
    row: Removal,
    way: Way,
    contained_at: float | None,
    last_attempt: float | None,
    why_open: str,
    url: str,
) -> Removal:
    if way.expires_after_hours is None:
        return _with(row, "countdown", None, f"expires by itself; {way.notes}".rstrip("; "), url)
    if contained_at is None:
        why = f"it starts anew with every message, and the cause is not contained: {why_open}".rstrip(": ")
        return _with(row, "countdown", None, why, url)
    ends = quiet_until(contained_at, last_attempt, way.expires_after_hours)
    return _with(row, "countdown", ends, f"nothing to ask: {way.notes or 'it expires by itself'}", url)


def _quiet(contained_at: float | None, last_attempt: float | None, watched: float | None) -> str:
    """How long it has been quiet, for the form; "" while it has not. Says only what was watched."""
    if contained_at is None:
        return ""
    told = f"Contained since {when(contained_at)}."
    since = max(contained_at, last_attempt or 0.0)
    if watched is not None and watched > since:
        told += f" Nothing else left by port 25 from {when(since)} to {when(watched)}, by the gateway's log."
    return told


def _say(listing: Listing, entry: Entry, way: Way, what: str, quiet: str) -> str:
    """The words for the form, from the facts of the case alone. "" while there is nothing to say."""
    lines = [f"Address: {listing.address}", f"Listed by: {entry.name} ({', '.join(listing.codes)})"]
    if way.quiet_hours == 0:
        lines.append("This is the fixed address of a mail server. Please take it out of the policy range.")
        return "\n".join(lines)
    if not quiet:
        return ""
    lines.append(f"Cause: {what or 'a device in our network sent mail directly; it is off the mail ports'}.")
    lines.append(quiet)
    lines.append("Please remove the listing, or tell us what you still see (time in UTC, source port).")
    return "\n".join(lines)
