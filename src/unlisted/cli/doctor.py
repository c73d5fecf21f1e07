"""Checks what Unlisted itself rests on, and says what to mend.

`--lists`: the catalogue of blocklists. An entry that nobody has looked at for 180 days is stale; lists die
and are taken over by strangers. Your own file /etc/unlisted/lists.toml is checked with ours.
Exit codes: 0 fine, 1 something is stale, 2 wrong use.
"""

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unlisted.notice.lists import Entry

HELP = "check what Unlisted rests on: the catalogue of lists"

STALE = 180  # days


class Row(Struct, frozen=True):
    """What `doctor --lists --json` promises, a line for each list."""

    list: str
    zone: str
    status: str
    kind: tuple[str, ...]
    allows: bool
    asked: bool
    needs_key: str  # which of [keys] it waits for; "" is none
    verified: bool
    checked: str
    age_days: int
    stale: bool
    source: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("--lists", action="store_true", help="the catalogue of lists (so far the only check)")


def run(args: argparse.Namespace) -> int:
    """Look at every entry, show what is worth a look."""
    from datetime import UTC, date, datetime

    from unlisted import config, show
    from unlisted.edge.survey import now
    from unlisted.notice import lists

    today = datetime.fromtimestamp(now(), UTC).date()
    catalogue = lists.load().with_keys(config.load(args.config).keys)
    rows = [row(entry, (today - date.fromisoformat(entry.checked)).days) for entry in catalogue.list.values()]
    if args.json:
        for one in rows:
            show.emit(one)
    else:
        for line in page(rows):
            show.console().print(line, soft_wrap=True)
    return 1 if any(one.stale for one in rows) else 0


def row(entry: "Entry", age: int) -> Row:
    """One entry, looked at last `age` days ago. What is dead stays dead: it does not go stale."""
    return Row(
        entry.key,
        entry.zone,
        entry.status,
        entry.kind,
        entry.allows,
        entry.asked,
        entry.key_name if entry.keyless else "",
        entry.verified,
        entry.checked,
        age,
        not -1 <= age <= STALE and entry.status == "live",  # a day to come would never be stale
        entry.source,
    )


def page(rows: "Sequence[Row]") -> "list[str]":
    """For people: how many, then what to look at again, the step last."""
    live = [one for one in rows if one.status == "live"]
    kinds = Counter(kind for one in live if not one.allows for kind in one.kind)
    counted = f"IPv4 {kinds['ip4']}, IPv6 {kinds['ip6']}, domains {kinds['domain']}"
    white = sum(one.allows for one in live)
    stale = [one for one in rows if one.stale]
    lines = [f"{len(live)} lists live: {counted}; {white} of them allow-lists", ""]
    lines += _group("waiting for a key ([keys] in the configuration)", [o for o in rows if o.needs_key])
    lines += _group("unverified: no page of the operator's was read", [o for o in live if not o.verified])
    lines += _group("dead or merged, never asked", [o for o in rows if o.status in ("dead", "merged")])
    lines += _group(f"stale: last looked at more than {STALE} days ago, or on a day to come", stale)
    again = "next: read their sources again and renew `checked`, or update Unlisted"
    return [*lines, again if stale else f"nothing is stale: all was looked at within {STALE} days"]


def _group(title: str, rows: "Sequence[Row]") -> "list[str]":
    from unlisted import show

    if not rows:
        return []
    names = ", ".join(
        f"{one.list} ({one.needs_key})"
        if one.needs_key
        else f"{one.list} {one.checked}"
        if one.stale
        else one.list
        for one in rows
    )
    return [f"{title} ({len(rows)}):", f"  {show.clean(names, 10_000)}", ""]
