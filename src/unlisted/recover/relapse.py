"""What changed between two looks at the lists: what is new, what came back, what is gone."""

from collections.abc import Sequence

from msgspec import Struct

from unlisted.messages import Listing


class Change(Struct, frozen=True):
    """One list's answer about one address is another than before. `what`: new, back, gone."""

    address: str
    list: str
    what: str
    listing: Listing


def compare(
    before: Sequence[Listing], after: Sequence[Listing], ever: frozenset[tuple[str, str]] = frozenset()
) -> tuple[Change, ...]:
    """The changes. "No answer" is no change: what was listed stays so until the list itself says clear.

    `ever`: (address, list) that were listed at some time before `before`: listed again, they are a relapse.
    """
    known = {(one.address, one.list): one for one in before}
    changes = []
    for one in after:
        place = (one.address, one.list)
        was = known.get(place)
        listed_before = was is not None and was.state == "listed"
        if one.state == "listed" and not listed_before:
            back = place in ever
            changes.append(Change(one.address, one.list, "back" if back else "new", one))
        elif one.state == "clear" and listed_before:
            changes.append(Change(one.address, one.list, "gone", one))
    return tuple(changes)
