"""Gates before probability: five questions that settle a third of the cases within minutes."""

from collections import Counter

from msgspec import Struct

from unlisted.diagnose.signs import mostly_clear
from unlisted.messages import Listing, Refusal
from unlisted.net import Address
from unlisted.notice import filters


class Gate(Struct, frozen=True):
    """One question and how it stands: pass (go on), stop (here is the answer), open (not known yet)."""

    gate: str
    state: str
    because: str


def judge(refusals: list[Refusal], listings: list[Listing], own: tuple[Address, ...]) -> list[Gate]:
    """All gates, in the order in which they should be asked."""
    return [
        _real(listings, refusals),
        _ours(refusals, own),
        _issuer(refusals),
        _scope(listings),
    ]


def _real(listings: list[Listing], refusals: list[Refusal]) -> Gate:
    """A refusal code of a list is no listing."""
    name = "is any list really naming us"
    listed = sorted({listing.list or listing.zone for listing in listings if listing.state == "listed"})
    if listed:
        return Gate(name, "pass", f"listed on {', '.join(listed)}")
    broken = sum(refusal.verdict == "their-resolver" for refusal in refusals)
    if broken and broken == sum(refusal.verdict != "other" for refusal in refusals):
        return Gate(name, "stop", f"all {broken} refusals report the receiver's own failed list query")
    if mostly_clear(listings):
        return Gate(name, "stop", "every list that answered says clear")
    return Gate(name, "open", "the lists that matter gave no answer" if listings else "no list was asked yet")


def _ours(refusals: list[Refusal], own: tuple[Address, ...]) -> Gate:
    """The address in a refusal may be the receiver's, a neighbor's or an old one of ours."""
    name = "is it our address"
    cited = Counter(str(r.cited_ip) for r in refusals if r.cited_ip is not None)
    if not cited:
        return Gate(name, "open", "no refusal names an address")
    most = ", ".join(f"{address} ({number}x)" for address, number in cited.most_common(3))
    if not own:
        return Gate(name, "open", f"the refusals cite {most}; say which are yours with --own")
    ours = {str(address) for address in own}
    if ours & set(cited):
        return Gate(name, "pass", f"the refusals cite {most}")
    return Gate(name, "stop", f"the refusals cite {most}, none of which is ours")


def _issuer(refusals: list[Refusal]) -> Gate:
    """A private list, or our own server, is no public listing."""
    name = "who refuses"
    about = [r for r in refusals if r.verdict in ("our-address", "private-list")]
    if not about:
        return Gate(name, "open", "no refusal speaks of our address")
    private = sum(r.verdict == "private-list" for r in about)
    if private == len(about):
        return Gate(name, "stop", f"all {private} come from receivers' private lists: only they can mend it")
    vendors = Counter(filters.name(r.vendor) or r.remote_mta or "?" for r in about)
    return Gate(name, "pass", ", ".join(f"{vendor} ({number}x)" for vendor, number in vendors.most_common(4)))


def _scope(listings: list[Listing]) -> Gate:
    """An address, a range, a policy: only the first is about what we did."""
    name = "does the listing mean this address"
    scopes = Counter(listing.scope or "address" for listing in listings if listing.state == "listed")
    if not scopes:
        return Gate(name, "open", "no listing is known")
    if set(scopes) <= {"policy"}:
        return Gate(name, "stop", "only policy lists: no accusation, the address should not send directly")
    if set(scopes) <= {"range", "network"}:
        return Gate(name, "stop", "only lists of ranges: the provider's matter, not this address's")
    return Gate(name, "pass", ", ".join(f"{scope} ({number}x)" for scope, number in scopes.most_common()))
