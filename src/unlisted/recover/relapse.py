"""What changed between two looks at the lists: what is new, what came back, what is gone."""

from collections.abc import Container, Sequence

from msgspec import Struct

from unlisted.messages import Listing


class Change(Struct, frozen=True):
    """One list's answer about one address is another than before. `what`: new, back, gone."""

    address: str
    list: str
    what: str
    listing: Listing


def compare(
    before: Sequence[Listing],
    after: Sequence[Listing],
    ever: frozenset[tuple[str, str]] = frozenset(),
    looked: Container[tuple[str, str]] = (),
) -> tuple[Change, ...]:
    """The changes. "No answer" is no change: what was listed stays so until the list itself says clear.

    What was never looked at before is no news: nobody knows since when it has been so. `looked`: what was
    looked at, beyond `before`, which tells nothing of who did not answer.
    `ever`: (address, list) that were listed at some time before `before`: listed again, they are a relapse.
    """
    known = {(one.address, one.list): one for one in before}
    changes = []
    for one in after:
        place = (one.address, one.list)
        was = known.get(place)
        listed_before = was is not None and was.state == "listed"
        if one.state == "listed" and not listed_before:
            if was is not None or place in ever or place in looked:
                changes.append(Change(one.address, one.list, "back" if place in ever else "new", one))
        elif one.state == "clear" and listed_before:
            changes.append(Change(one.address, one.list, "gone", one))
    return tuple(changes)
