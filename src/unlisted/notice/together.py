"""Over many refusals: what they share, said as one sentence.

What bounces have in common is the filter at the far end, and it is the first thing that a person
overlooks who reads them one by one.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from unlisted.messages import Refusal
from unlisted.net import Address

OURS = ("our-address", "our-domain", "our-setup", "private-list")  # what concerns us, DESIGN's exit code 1
NO_REFUSAL = ("delivered", "feedback", "vacation")

ENOUGH = 20  # messages; of fewer a percentage says nothing
RARE = 4  # what fewer than one in so many say is nothing that they have in common

_VENDORS = {
    "messagelabs": "MessageLabs",
    "proofpoint": "Proofpoint",
    "mimecast": "Mimecast",
    "barracuda": "Barracuda",
    "cisco-ironport": "Cisco IronPort",
    "microsoft-365": "Microsoft 365",
    "microsoft-consumer": "Outlook.com",
    "trendmicro-ers": "Trend Micro",
    "google": "Google",
    "yahoo": "Yahoo",
    "apple": "iCloud",
    "spamexperts": "SpamExperts",
    "cloudmark": "Cloudmark",
    "united-internet": "GMX and WEB.DE",
    "t-online": "T-Online",
    "orange": "Orange",
    "comcast": "Comcast",
    "amazon-ses": "Amazon SES",
}


class Share(Struct, frozen=True, gc=False):
    """The commonest value of something and how many of the refusals have it."""

    value: str
    count: int


class Common(Struct, frozen=True):
    """What refusals share. `delivered`: other messages that went through, None where no log tells."""

    count: int
    ours: int  # refusals that concern us
    reports: int  # abuse reports among the input
    verdict: Share | None
    vendor: Share | None
    list: Share | None
    cited: Share | None
    domains: int  # recipient domains, as are the next three: how many different ones
    vendors: int
    lists: int
    addresses: int
    first: float | None
    last: float | None
    delivered: int | None = None

    @property
    def share(self) -> float | None:
        """Refused share of all mail, 0..1, where a mail log tells."""
        if self.delivered is None or not self.count + self.delivered:
            return None
        return self.count / (self.count + self.delivered)


def common(refusals: Iterable[Refusal], delivered: int | None = None) -> Common:
    """Compare refusals; those that concern us are compared among themselves when there are any."""
    every = list(refusals)
    refused = [r for r in every if r.reason not in NO_REFUSAL and r.sighting is None]
    about_us = [r for r in refused if r.verdict in OURS]
    looked = about_us or refused
    times = [r.at for r in looked if r.at is not None]
    return Common(
        count=len(refused),
        ours=len(about_us),
        reports=sum(1 for r in every if r.reason == "feedback"),
        verdict=_top(looked, lambda r: r.verdict),
        vendor=_top(looked, lambda r: r.vendor),
        list=_top(looked, lambda r: r.list),
        cited=_top(looked, lambda r: _spell(r.cited_ip)),
        domains=len({domain(r.recipient) for r in looked} - {""}),
        vendors=len({r.vendor for r in looked} - {""}),
        lists=len({r.list for r in looked} - {""}),
        addresses=len({r.cited_ip for r in looked} - {None}),
        first=min(times, default=None),
        last=max(times, default=None),
        delivered=delivered,
    )


def domain(recipient: str) -> str:
    """What stands behind the @, lower case."""
    return recipient.rpartition("@")[2].lower() if "@" in recipient else ""


def sentence(found: Common) -> str:
    """The shared facts as plain words; stranger's text is among them, so clean it before a terminal."""
    if not found.count:
        reports = f"{_plural(found.reports, 'abuse report')}, " if found.reports else ""
        return f"{reports}no refusal among them" if reports else "no refusal was found"
    total = found.ours or found.count
    # What one says of several is nothing that they have in common, nor what fewer than a quarter say.
    least = max(min(2, total), total / RARE)
    facts = [fact for fact in _facts(found) if fact[0].count >= least]
    shared = all(share.count == total for share, _, _ in facts)
    if found.ours and found.ours < found.count:
        head = f"{found.ours} of {found.count} refusals concern us"
        body = f"; of these, {_join(_counted(facts, total))}" if facts else ""
    elif not facts:
        head, body = f"{_plural(found.count, 'refusal')}, naming no filter, list or address", ""
    elif shared:
        head = {1: "the one refusal", 2: "both refusals"}.get(total, f"all {total:,} refusals")
        body = " " + _join([one if total == 1 else many for _, one, many in facts])
    else:
        head, body = f"of {total:,} refusals, ", _join(_counted(facts, total))
    tail = f"; {_plural(found.delivered, 'other message')} went through" if found.delivered else ""
    return head + body + tail


def apart(found: Common) -> str:
    """What the refusals do not share, and their share of all mail where a log tells; "" when neither."""
    total = found.ours or found.count
    kinds = (
        (found.domains, "recipient domain"),
        (found.vendors, "filter"),
        (found.lists, "list"),
        (found.addresses, "cited address"),
    )
    differ = [_plural(number, noun) for number, noun in kinds if number > 1]
    silent = [
        f"{total - share.count:,} without {noun}"
        for share, number, noun in (
            (found.vendor, found.vendors, "a known filter"),
            (found.list, found.lists, "a named list"),
            (found.cited, found.addresses, "a cited address"),
        )
        if share and number == 1 and share.count < total
    ]
    parts = [f"not shared: {', '.join(differ + silent)}"] if differ or silent else []
    if found.share is not None and found.count + (found.delivered or 0) >= ENOUGH:
        parts.append(f"{found.share:.1%} of all mail was refused")
    return "; ".join(parts)


def _facts(found: Common) -> list[tuple[Share, str, str]]:
    """What is shared, as a phrase for one refusal and for many."""
    facts: list[tuple[Share, str, str]] = []
    if found.vendor:
        end = f" from servers behind {_VENDORS.get(found.vendor.value, found.vendor.value)}"
        facts.append((found.vendor, "comes" + end, "come" + end))
    if found.list:
        facts.append((found.list, f"names the list {found.list.value}", f"name the list {found.list.value}"))
    if found.cited:
        facts.append((found.cited, f"cites {found.cited.value}", f"cite {found.cited.value}"))
    return facts


def _counted(facts: list[tuple[Share, str, str]], total: int) -> list[str]:
    return [
        f"{'all' if share.count == total > 1 else f'{share.count:,}'} {one if share.count == 1 else many}"
        for share, one, many in facts
    ]


def _top(refusals: list[Refusal], pick: Callable[[Refusal], str]) -> Share | None:
    counted = Counter(value for value in map(pick, refusals) if value)
    if not counted:
        return None
    value, count = counted.most_common(1)[0]
    return Share(value, count)


def _spell(address: Address | None) -> str:
    return str(address) if address else ""


def _plural(number: int, noun: str) -> str:
    many = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else many}"


def _join(facts: list[str]) -> str:
    return facts[0] if len(facts) == 1 else ", ".join(facts[:-1]) + " and " + facts[-1]
