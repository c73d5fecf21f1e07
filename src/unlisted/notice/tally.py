"""Many answers in few words: how often each list said what."""

from collections.abc import Iterable

from msgspec import Struct, structs

from unlisted.messages import Listing

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
