"""What the lists are asked about: addresses, ranges and names, each once, without a list of a million."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from unlisted import net
from unlisted.net import Address, Network


class Subjects(Collection[Address | str]):
    """In the order in which they were named; ranges are walked, not unrolled."""

    def __init__(self, named: Iterable[Address | Network | str]) -> None:
        self.singles: dict[Address | str, None] = {}
        self.ranges: list[Network] = []
        for one in named:
            if isinstance(one, Network):
                self._add(one)
            elif one not in self:
                self.singles[one] = None

    def _add(self, one: Network) -> None:
        """Two ranges lie in each other, or have nothing in common."""
        if any(_holds(other, one) for other in self.ranges):
            return
        self.ranges = [*(other for other in self.ranges if not _holds(one, other)), one]
        self.singles = {each: None for each in self.singles if isinstance(each, str) or each not in one}

    def __len__(self) -> int:
        return len(self.singles) + sum(one.num_addresses for one in self.ranges)

    def __iter__(self) -> Iterator[Address | str]:
        yield from self.singles
        for one in self.ranges:
            yield from one

    def __contains__(self, one: object) -> bool:
        return one in self.singles or (
            isinstance(one, Address)
            and any(one.version == each.version and one in each for each in self.ranges)
        )

    def inside(self) -> Address | None:
        """One that belongs to a private network, which no public list knows."""
        return self.among(net.INSIDE)

    def among(self, networks: Sequence[Network]) -> Address | None:
        """One that lies in one of the networks."""
        single = next(
            (one for one in self.singles if isinstance(one, Address) and net.within(one, tuple(networks))),
            None,
        )
        met = ((one, other) for one in self.ranges for other in networks if _meet(one, other))
        return single or next((other[0] if _holds(one, other) else one[0] for one, other in met), None)


def _holds(wide: Network, narrow: Network) -> bool:
    return _meet(wide, narrow) and wide.prefixlen <= narrow.prefixlen


def _meet(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
