"""Which account a mail server sent for when it sent most: a server that spams does it for somebody."""

from bisect import bisect_left
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from unlisted.messages import Submission
from unlisted.net import Address

HOUR = 3600  # seconds
LEAST = 50  # messages in an hour; a person writes fewer, and one account is always the busiest
NEAR = 86_400  # seconds between the attempts and the hour; a queue is retried for days, a log may be cut


class Heavy(NamedTuple):
    """One account that submitted most of the messages of an hour."""

    account: str
    client: Address | None  # from which most of them came
    messages: int
    total: int
    start: int
    end: int

    def sentence(self) -> str:
        """For the `because` of the server."""
        begin, end = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}Z" for at in (self.start, self.end))
        client = f" from {self.client}" if self.client else ""
        return (
            f"The mail log shows for whom: {self.account[:80]} submitted {self.messages:,} of {self.total:,}"
            f" messages{client} between {begin} and {end}. Look at that account and"
            " that client, and leave the server be"
        )


class Submitted:
    """Who handed messages to our own mail server, and when."""

    def __init__(self) -> None:
        self._messages: dict[tuple[str, int], tuple[int, str, Address | None]] = {}

    def add(self, one: Submission) -> None:
        """One more line; those of one message share its queue id."""
        key, account = (one.queue_id, int(one.at) // HOUR), one.account or one.script
        if account or key not in self._messages:
            self._messages[key] = (int(one.at), account, one.client)

    def heaviest(self, first: float, last: float) -> Heavy | None:
        """The account with most messages within an hour near that time, if they were most of that hour's."""
        near = [one for one in self._messages.values() if first - NEAR <= one[0] <= last + NEAR]
        near.sort(key=lambda one: one[:2])
        times = [at for at, _, _ in near]
        accounts: dict[str, list[int]] = {}
        for at, account, _ in near:
            if account:
                accounts.setdefault(account, []).append(at)
        found = [(*_busiest(mine), account) for account, mine in accounts.items()]
        if not found:
            return None
        count, start, account = max(found)
        here = near[bisect_left(times, start) : bisect_left(times, start + HOUR)]
        if count < LEAST or 2 * count <= len(here):
            return None
        mine = [one for one in here if one[1] == account]
        client = Counter(one[2] for one in mine).most_common(1)[0][0]
        return Heavy(account, client, count, len(here), start, mine[-1][0])


def _busiest(times: list[int]) -> tuple[int, int]:
    """The most within an hour, and where that hour begins. In order."""
    count, start = max((bisect_left(times, at + HOUR, place) - place, -at) for place, at in enumerate(times))
    return count, -start
