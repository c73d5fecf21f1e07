"""What the filters at the far end are called, for people: data/filters.toml."""

from functools import lru_cache

from msgspec import Struct

from unlisted import catalogue


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    """One vendor, by the name that he gives himself."""

    name: str
    source: str
    checked: str  # the day on which it was last looked at
    list: bool = False  # it is a list's name, and not that of a house that has one


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """data/filters.toml."""

    filter: dict[str, Filter]


def name(key: str) -> str:
    """What a vendor, or a list of his own, is called; the key itself where nobody has named it yet."""
    known = _table().filter.get(key)
    return known.name if known else key


def listed(key: str) -> str:
    """A list in a sentence: the list spamcop, Comcast's own list."""
    known = _table().filter.get(key)
    return f"{known.name}'s own list" if known and not known.list else f"the list {name(key)}"


@lru_cache(maxsize=1)
def _table() -> Table:
    return catalogue.read("filters", Table)
