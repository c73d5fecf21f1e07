"""Many answers in few words: how often each list said what, and whether they are enough to say clear."""

from collections.abc import Iterable, Sequence

from msgspec import Struct, structs

from unlisted.messages import Listing
from unlisted.notice import dnsbl

MOST = 2000  # different things said; a list has a handful, a liar any number


class Tally(Struct, frozen=True):
    """One list said this so often; `said.address` is the first about which it did."""

    said: Listing
    count: int


def tallied(said: Iterable[tuple[Listing, int]]) -> tuple[Tally, ...]:
    """Equal but for the address: one. Beyond `MOST`, only the state is counted, not what was said."""
    found: dict[tuple[object, ...], Tally] = {}
    for one, count in said:
        key: tuple[object, ...] = (one.list, one.zone, one.state, one.codes, one.meaning, one.why)
        if key not in found and len(found) >= MOST:
            one = structs.replace(one, codes=(), meaning="", why="" if one.state == "clear" else "various")
            key = (one.list, one.zone, one.state, one.codes, one.meaning, one.why)
        before = found.get(key)
        found[key] = Tally(before.said, before.count + count) if before else Tally(one, count)
    return tuple(found.values())


class Weighed(Struct, frozen=True):
    """What the answers come to. `missing`: those of lists that told nothing and cannot be done without."""

    listed: bool
    known: bool  # those that say clear carry at least half of the weight
    missing: tuple[Listing, ...] = ()


def weigh(told: Sequence[Tally]) -> Weighed:
    """Nobody is clear without the list that weighs most, or where a subscriber's key is not accepted.

    That a list cannot hold what it was asked about is no answer that is missing.
    """
    fit = [one for one in told if not one.said.why.startswith(dnsbl.MISFIT)]
    weights = dict.fromkeys(("listed", "clear", "unknown"), 0.0)
    for one in fit:
        weights[one.said.state] += one.said.weight * one.count
    states = {one.said.state for one in fit}
    most = max((one.said.weight for one in fit), default=0.0)
    unknown = {one.said.list: one.said for one in fit if one.said.state == "unknown" and one.said.weight}
    known = "clear" in states and weights["clear"] >= weights["unknown"]
    missing = tuple(
        one
        for one in sorted(unknown.values(), key=lambda one: (-one.weight, one.list))
        if not known or one.weight == most or one.why.startswith(dnsbl.NO_KEY)
    )
    return Weighed("listed" in states, known, missing)
