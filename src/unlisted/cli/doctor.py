"""Is everything in order? Settings, store and the catalogue of lists, each with its remedy. Asks nobody.

With --lists every entry that somebody should look at: not looked at for half a year, resting on memory or
on others' lists, or without its key. A list's life itself is settled at every `unlisted check`, by its own
test points. Exit codes: 0 in order, 1 something to do, 2 wrong use.
"""

import argparse
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from unlisted import show
from unlisted.errors import UnlistedError

HELP = "is everything in order? settings, store, lists"


class Finding(Struct, frozen=True):
    """One thing that was looked at. `state`: fine, note, wrong."""

    check: str
    about: str
    state: str
    says: str
    remedy: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be looked at."""
    parser.add_argument("--lists", action="store_true", help="the catalogue of lists, entry by entry")


def run(args: argparse.Namespace) -> int:
    """Look, show; 1 when something is to be done."""
    found = list(_lists(args.config) if args.lists else _all(args.config))
    for one in found:
        if args.json:
            show.emit(one)
            continue
        line = f"{one.state:<6}{one.check} {one.about}: {one.says}"
        show.console().print(show.clean(line), soft_wrap=True)
        if one.remedy:
            show.console().print(show.clean(f"      try: {one.remedy}"), soft_wrap=True)
    if args.lists and not args.json:
        show.console().print(_counts(args.config), soft_wrap=True)
    return 1 if any(one.state == "wrong" for one in found) else 0


def _all(path: str | None) -> Iterator[Finding]:
    """Each check says what it found; what is wrong with one does not hide the next."""
    from unlisted import config
    from unlisted.edge.store import Store
    from unlisted.notice import lists

    settings = config.Config()
    try:
        settings = config.load(path)
        told = "own addresses: " + (", ".join(map(str, settings.own)) or "none declared")
        yield Finding("settings", path or "usual places", "fine" if settings.own else "note", told)
    except UnlistedError as error:
        yield Finding("settings", path or "usual places", "wrong", error.what, error.remedy)
    try:
        with Store(settings.store) as store:
            yield Finding("store", store.path, "fine", f"{len(store.listings())} answers of lists are kept")
    except UnlistedError as error:
        yield Finding("store", settings.store or "usual place", "wrong", error.what, error.remedy)
    try:
        catalogue = lists.load(settings.keys)
        stale = sum(bool(lists.stale(entry, _today())) for entry in catalogue.list.values())
        says = f"{len(catalogue.list)} entries, {stale} not looked at for {lists.STALE_DAYS} days"
        remedy = "unlisted doctor --lists" if stale else ""
        yield Finding("lists", "the catalogue", "wrong" if stale else "fine", says, remedy)
    except UnlistedError as error:
        yield Finding("lists", "the catalogue", "wrong", error.what, error.remedy)


def _lists(path: str | None) -> Iterator[Finding]:
    from unlisted import config
    from unlisted.notice import lists

    for key, entry in lists.load(config.load(path).keys).list.items():
        if why := lists.stale(entry, _today()):
            yield Finding("list", key, "wrong", why, f"read {entry.source} again")
        elif not entry.verified and entry.asked:
            yield Finding("list", key, "note", f"not verified: {entry.source}")
        elif entry.status == "live" and not entry.asked:
            yield Finding("list", key, "note", f"not asked: {entry.why_not}")


def _counts(path: str | None) -> str:
    from unlisted import config
    from unlisted.notice import lists

    entries = lists.load(config.load(path).keys).list.values()
    asked = [entry for entry in entries if entry.asked]
    kinds = Counter(kind for entry in asked for kind in entry.kind)
    allow = sum(not (entry.codes or entry.bits) for entry in asked)
    return (
        f"{len(asked)} lists are asked: {kinds['ip4']} of IPv4, {kinds['ip6']} of IPv6, {kinds['domain']} of "
        f"domains, {allow} of them allow-lists and grades; {len(entries) - len(asked)} more are known"
    )


def _today() -> str:
    from unlisted.edge.survey import now

    return show.when(now())[:10]
