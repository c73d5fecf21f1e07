"""What refusals say about our address and the lists it stands on: a second-hand look, and it says so.

A refusal that names a list is evidence of a listing at that moment, seen through the receiver's resolver.
It is kept apart from a list's own answer by `HEARSAY` in `why`.
"""

from collections import Counter
from collections.abc import Iterable

from msgspec import structs

from unlisted import net
from unlisted.messages import Listing, Refusal
from unlisted.net import Address
from unlisted.notice import dnsbl
from unlisted.notice.lists import Catalogue, Entry

HEARSAY = "as a refusal says; the list itself was not asked"
DEAD = "a refusal names it, but this list is dead: the receiver still asks it; tell its postmaster"


def own(refusals: Iterable[Refusal]) -> tuple[Address, ...]:
    """Our address, where nobody told us: the one that most refusals for reputation cite. Empty for none."""
    cited = Counter(
        refusal.cited_ip for refusal in refusals if refusal.verdict == "our-address" and refusal.cited_ip
    )
    ranked = cited.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ()
    return (ranked[0][0],)


def asked(answers: Iterable[Listing]) -> tuple[Address, ...]:
    """Our address, where only saved answers of lists tell: the one that all of them are about."""
    subjects = {listing.address for listing in answers}
    address = net.ip(subjects.pop()) if len(subjects) == 1 else None
    return () if address is None else (address,)


def listings(refusals: Iterable[Refusal], own: tuple[Address, ...], lists: Catalogue) -> list[Listing]:
    """One listing for each address and list that refusals name, at the latest time that they name it."""
    found: dict[tuple[str, str], Listing] = {}
    for refusal in _each(refusals):
        entry = lists.find(refusal.list) if refusal.list else None
        if refusal.verdict != "our-address" or entry is None:
            continue
        address = refusal.cited_ip or (own[0] if len(own) == 1 else None)
        if address is None:
            continue
        key = (str(address), refusal.list)
        if key not in found or (refusal.at or 0) > (found[key].at or 0):
            found[key] = _listing(refusal, address, entry)
    return list(found.values())


def _each(refusals: Iterable[Refusal]) -> Iterable[Refusal]:
    """Once for each list that a refusal names."""
    for refusal in refusals:
        yield refusal
        for name in refusal.also:
            yield structs.replace(refusal, list=name, sublist="")


def _listing(refusal: Refusal, address: Address, entry: Entry) -> Listing:
    codes = tuple(code for code, part in entry.codes.items() if refusal.sublist and part == refusal.sublist)[
        :1
    ]
    part = entry.parts.get(refusal.sublist)
    if entry.status == "dead":
        return Listing(str(address), refusal.list, entry.zone, "unknown", why=DEAD, at=refusal.at)
    # A list of several lists, and the refusal does not say which: only asking tells.
    whole = f"{entry.lists}; unlisted check tells which" if entry.parts else entry.lists
    return Listing(
        address=str(address),
        list=refusal.list,
        zone=entry.zone,
        state="listed",
        codes=codes,
        meaning=f"{refusal.sublist}: {part.meaning}" if part else whole,
        reason=refusal.quote,
        why=HEARSAY,
        scope=part.scope if part else entry.scope,
        removal="" if entry.parts and not part else dnsbl.describe(dnsbl.way_out(entry, codes)),
        weight=entry.weight,
        at=refusal.at,
    )
