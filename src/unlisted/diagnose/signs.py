"""What the evidence at hand says about each sign of data/causes.toml: present, absent, or not looked at.

Only what was looked at becomes a sign. How much an absence weighs depends on the time that the log
spans: a device that is here one hour a day is missed by a single look 95 times in 100.
"""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from unlisted import net, show
from unlisted.diagnose.causes import Sign
from unlisted.messages import Delivery, Listing, Refusal, Submission, Suspect
from unlisted.net import Address, Network

DAY = 86_400.0  # seconds
# A visitor or a commuter's laptop is back within three days; a log that spans them would have seen it.
FULL_SPAN = 3 * DAY
MOST = 0.95  # even a full log misses what left by another way
FEW = 50  # remote deliveries; below that a share says nothing
# Who web servers run as: Debian's www-data, Red Hat's apache, FreeBSD's www.
WEB_USERS = ("uid 33", "uid 48", "uid 80", "apache", "nginx", "www", "www-data")
SAW_SPAM = ("trap", "spam source", "source of spam", "reported", "sent spam")  # words of our own catalogue
APPLIANCES = ("camera", "hikvision", "dahua", "axis", "tp-link", "zyxel", "netgear", "d-link", "ubiquiti",
              "mikrotik", "synology", "qnap", "avm", "draytek", "huawei", "router")  # fmt: skip


class Span(Struct, frozen=True):
    """The time that a log covers, Unix seconds."""

    first: float
    last: float

    @property
    def coverage(self) -> float:
        """How much an absence in this log weighs, 0..0.95."""
        return min(MOST, max(0.0, self.last - self.first) / FULL_SPAN)


class Findings(Struct, frozen=True, kw_only=True):
    """All that was read, as the rooms before this one understood it."""

    own: tuple[Address, ...] = ()
    inside: tuple[Network, ...] = net.INSIDE
    refusals: tuple[Refusal, ...] = ()
    listings: tuple[Listing, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    submissions: tuple[Submission, ...] = ()
    gateway: Span | None = None  # what the gateway's logs and flow records span
    mail_log: Span | None = None
    leases_from: float | None = None  # the earliest moment that leases or DHCP logs tell of


def read(findings: Findings) -> list[Sign]:
    """Every sign that somebody looked for."""
    return [*_gateway(findings), *_mail_log(findings), *_lists(findings), *_refusals(findings)]


def _gateway(findings: Findings) -> list[Sign]:
    if findings.gateway is None:
        return []
    rogues = [suspect for suspect in findings.suspects if suspect.verdict == "rogue"]
    if not rogues:
        hours = (findings.gateway.last - findings.gateway.first) / 3600
        because = f"the gateway's log shows no such device in {hours:.1f} hours"
        return [Sign("rogue-device", False, findings.gateway.coverage, because)]
    worst = rogues[0]
    name = worst.device.hostname or worst.device.key
    signs = [Sign("rogue-device", True, 1.0, f"{name}: {worst.because}")]
    first = worst.device.first_seen
    if first is not None and findings.leases_from is not None:
        late = first - findings.leases_from > 60
        signs.append(Sign("newcomer", late, 0.5, f"{name} joined later than the others" if late else ""))
    what = f"{worst.device.vendor} {worst.device.hostname}".lower()
    if worst.device.vendor:
        signs.append(
            Sign("appliance", any(word in what for word in APPLIANCES), 1.0, f"{name} is an appliance")
        )
    return signs


def _mail_log(findings: Findings) -> list[Sign]:
    if findings.mail_log is None:
        return []
    remote = abroad(findings.deliveries, findings.inside)
    bounced = sum(delivery.status == "bounced" for delivery in remote)
    domains = {delivery.recipient.rpartition("@")[2] for delivery in remote}
    wide = len(remote) >= FEW and (bounced > 0.3 * len(remote) or len(domains) > 200)
    where = show.count(len(domains), "domain")
    summary = f"{show.count(len(remote), 'delivery', 'deliveries')} to {where}, {bounced} bounced"
    signs = [
        Sign("mail-server-fan-out", wide, MOST, f"the mail log shows {summary}"),
        _one_account(findings),
        _script(findings),
        _strangers(findings),
    ]
    return [*signs, *_null_senders(findings, remote)]


def abroad(deliveries: Iterable[Delivery], inside: tuple[Network, ...]) -> list[Delivery]:
    """The deliveries that left the own network: content filters and mail stores have relays too."""
    found = []
    for delivery in deliveries:
        address = net.ip(delivery.relay.partition("[")[2].partition("]")[0])
        if address is not None and not address.is_loopback and not net.inside(address, inside):
            found.append(delivery)
    return found


def _null_senders(findings: Findings, remote: list[Delivery]) -> list[Sign]:
    """Bounces and automatic answers have an empty sender; where the log tells no senders, nothing is said."""
    senders = {one.queue_id: one.sender for one in findings.submissions if one.sender}
    known = [senders[delivery.queue_id] for delivery in remote if delivery.queue_id in senders]
    if not known:
        return []
    empty = known.count("<>")
    because = f"{empty} of {len(known)} outgoing messages have an empty sender"
    many = len(known) >= FEW and empty > 0.5 * len(known)
    return [Sign("null-sender-share", many, MOST * min(1.0, len(known) / FEW), because)]


def _one_account(findings: Findings) -> Sign:
    accounts = Counter(submission.account for submission in findings.submissions if submission.account)
    account, most = accounts.most_common(1)[0] if accounts else ("", 0)
    total = accounts.total()
    present = total >= FEW and len(accounts) > 1 and most > 0.6 * total
    because = f"{account} handed in {most} of {total} messages" if present else "no account stands out"
    return Sign("one-account", present, MOST if accounts else 0.5, because)


def _script(findings: Findings) -> Sign:
    scripts = [one for one in findings.submissions if one.script and one.script.lower() in WEB_USERS]
    because = f"{len(scripts)} messages were handed in by the web server's user"
    return Sign("script-mail", len(scripts) >= 5, MOST, because)


def _strangers(findings: Findings) -> Sign:
    """Mail that came from outside without signing in and left for outside."""
    left = {d.queue_id for d in abroad(findings.deliveries, findings.inside) if d.status == "sent"}
    foreign = [
        one
        for one in findings.submissions
        if one.client is not None
        and not one.account
        and one.queue_id in left
        and not one.client.is_loopback
        and not net.inside(one.client, findings.inside)
    ]
    because = f"{len(foreign)} messages of clients outside were passed on without signing in"
    return Sign("strangers-relayed", len(foreign) >= 5, MOST, because)


def _lists(findings: Findings) -> list[Sign]:
    ours = about(findings.listings, findings.own)
    told = [listing for listing in ours if listing.state in ("listed", "clear")]
    if not told:
        return []
    listed = [listing for listing in told if listing.state == "listed"]
    if not listed:
        if not mostly_clear(ours):
            return []  # the lists that matter did not answer
        return [Sign("clear-now", True, 1.0, f"{len(told)} lists answered, none names the address")]
    infected = [one for one in listed if "infected" in one.meaning.lower()]  # a word of our own catalogue
    scopes = {listing.scope for listing in listed}
    names = ", ".join(sorted({one.list or one.zone for one in listed}))
    saw = [one for one in listed if any(word in one.meaning.lower() for word in SAW_SPAM)]
    signs = [
        Sign(
            "infection-list", bool(infected), 0.7, f"{_names(infected)} lists it as infected" * bool(infected)
        ),
        Sign("spam-seen", bool(saw), 0.5, f"{_names(saw)} received spam from it" * bool(saw)),
        Sign("policy-only", scopes == {"policy"}, 1.0, f"only policy lists: {names}"),
        Sign("range-only", scopes <= {"range", "network"}, 1.0, f"only lists of ranges: {names}"),
    ]
    asked_now = any(
        not listing.why for listing in told
    )  # a refusal's word about a list is not the list's answer
    return [*signs, Sign("clear-now", False, 1.0, f"listed on {names}")] if asked_now else signs


def about(listings: Iterable[Listing], own: tuple[Address, ...]) -> list[Listing]:
    """The listings of our addresses; all of them where we do not know which are ours."""
    ours = {str(address) for address in own}
    return [listing for listing in listings if not ours or listing.address in ours]


def mostly_clear(listings: Iterable[Listing]) -> bool:
    """True when lists that carry most of the weight say clear: an unknown answer is no clear one."""
    weights = {"clear": 0.0, "unknown": 0.0, "listed": 0.0}
    for listing in listings:
        weights[listing.state] += max(listing.weight, 0.01)
    return weights["clear"] > 0 and weights["clear"] >= weights["unknown"]


def _names(listings: list[Listing]) -> str:
    return ", ".join(sorted({listing.list or listing.zone for listing in listings}))


def _refusals(findings: Findings) -> list[Sign]:
    """Refusals tell of themselves only; strangers can forge them, so they weigh and never hold."""
    verdicts = Counter(
        refusal.verdict
        for refusal in findings.refusals
        if refusal.verdict not in ("other", "recipient", "undecided")
    )
    total = verdicts.total()
    if not total:
        return []
    set_up, broken = verdicts["our-setup"], verdicts["their-resolver"]
    signs = [
        Sign(
            "resolver-error",
            broken > total / 2,
            1.0,
            f"{broken} of {total} refusals report a failed list query",
        ),
        Sign("set-up-refusals", set_up > total / 2, 1.0, f"{set_up} of {total} refusals speak of our set-up"),
    ]
    reverse = sum(refusal.reason == "requireptr" for refusal in findings.refusals)
    if reverse > total / 2 and not any(listing.state == "listed" for listing in findings.listings):
        signs.append(
            Sign("policy-only", True, 1.0, f"{reverse} of {total} refusals speak of the reverse name")
        )
    return signs
