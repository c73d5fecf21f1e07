"""Where we stand on the lists, told: to a person, to Nagios and Icinga, to Prometheus.

Sources: Monitoring Plugins' development guidelines (exit codes, one line, performance data behind a bar);
Prometheus' text exposition format 0.0.4.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unlisted import show
from unlisted.messages import Listing
from unlisted.notice import naming
from unlisted.notice.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console

    from unlisted.edge.reverse import Names
    from unlisted.edge.survey import Survey
    from unlisted.notice.lists import Entry
    from unlisted.recover.relapse import Change

Since = Mapping[tuple[str, str], float]  # (address, list) -> Unix seconds

# How much of a listing's weight is ours to bear, by its scope.
_SHARE = {"address": 1.0, "domain": 1.0, "range": 0.6, "policy": 0.4, "network": 0.1}
MOST_SHOWN = 200  # rows of a table
_GRAVE = 0.3  # of weight and share: from here on mail is refused for it, and somebody should be woken
_OK, _WARNING, _CRITICAL, _UNKNOWN = range(4)
_CODE = {_OK: "OK", _WARNING: "WARNING", _CRITICAL: "CRITICAL", _UNKNOWN: "UNKNOWN"}


def severity(listing: Listing) -> float:
    """0..1: how much mail it costs, as far as it is about us."""
    return listing.weight * _SHARE.get(listing.scope, 1.0)


def accuses(listing: Listing) -> bool:
    """False for a list of policy (PBL) or of whole networks: such a listing says nothing of what we did."""
    return listing.state == "listed" and listing.scope not in ("policy", "network")


def verdict(told: Sequence[Tally]) -> int:
    """The exit code: 1 listed; 0 clear; 3 where those that answered carry less than half of the weight."""
    weights = dict.fromkeys(("listed", "clear", "unknown"), 0.0)
    for one in told:
        weights[one.said.state] += one.said.weight * one.count
    states = {one.said.state for one in told}
    if "listed" in states:
        return 1
    return 0 if "clear" in states and weights["clear"] >= weights["unknown"] else 3


# ---- for monitors ---------------------------------------------------------------------------------


def nagios(found: "Survey") -> tuple[int, str]:
    """Exit code and line of a plugin: CRITICAL for a grave accusation, WARNING for any other listing."""
    listed = sorted((one for one in found.listings if one.state == "listed"), key=_order)
    states = _states(found.told)
    if any(accuses(one) and severity(one) >= _GRAVE for one in listed):
        code = _CRITICAL
    elif listed:
        code = _WARNING
    else:
        code = _OK if verdict(found.told) == 0 else _UNKNOWN
    told = ", ".join(f"{one.address} on {one.list} ({one.meaning.partition(':')[0]})" for one in listed[:5])
    told += f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    if not told:
        told = (
            f"not listed, {states['clear']} answers say" + (found.trouble and f"; but {found.trouble}")
            if code == _OK
            else found.trouble or "too few answers"
        )
    every = states.total()
    numbers = [f"{state}={states[state]};;;0;{every}" for state in ("listed", "unknown", "clear")]
    numbers.append(f"time={found.seconds:.3f}s;;;0")
    return code, f"UNLISTED {_CODE[code]} - {show.clean(told, 800).replace('|', '/')} | {' '.join(numbers)}"


def _states(told: Sequence[Tally]) -> Counter[str]:
    """How many answers say listed, clear or unknown."""
    states: Counter[str] = Counter()
    for one in told:
        states[one.said.state] += one.count
    return states


def metrics(found: "Survey", since: Since, at: float) -> str:
    """All of it as gauges. A list that told nothing has no `unlisted_listed`: no alert may read it as 0.

    Of a range with too many verdicts to keep, only those that accuse stand alone; `answers` counts all.
    """
    answers: Counter[tuple[str, str]] = Counter()
    for each in found.told:
        answers[each.said.list, each.said.state] += each.count
    known = [one for one in found.listings if one.state != "unknown"]
    groups = [
        ("listed", "1 where the list names the address, 0 where it says that it does not",
         [(_labels(one), "1" if one.state == "listed" else "0") for one in known]),
        ("severity", "weight of the list, as far as the listing is about this address (0..1)",
         [(_labels(one), f"{severity(one):g}") for one in known if one.state == "listed"]),
        ("listed_since_seconds", "since when, as far as was looked (Unix time)",
         [(_labels(one), f"{since.get((one.address, one.list), at):.0f}") for one in known
          if one.state == "listed"]),
        ("unknown", "1 where the list told nothing",
         [(_labels(one), "1") for one in found.listings if one.state == "unknown"]),
        ("answers", "how many answers of the list say so",
         [(_marked(list=key, state=state), str(count)) for (key, state), count in answers.items()]),
        ("check_timestamp_seconds", "when the lists were asked (Unix time)", [("", f"{at:.0f}")]),
        ("check_duration_seconds", "how long that took", [("", f"{found.seconds:.3f}")]),
    ]  # fmt: skip
    lines = []
    for name, means, samples in groups:
        lines += [f"# HELP unlisted_{name} {means}", f"# TYPE unlisted_{name} gauge"]
        lines += [f"unlisted_{name}{labels} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(listing: Listing) -> str:
    return _marked(address=listing.address, list=listing.list)


def _marked(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# ---- for people -----------------------------------------------------------------------------------


def render(
    found: "Survey",
    entries: Mapping[str, "Entry"],
    console: "Console",
    *,
    since: Since | None = None,
    helo: str = "",
) -> None:
    """What is worst first, policy and the unknown apart, the next step last."""
    for names in found.names:
        for line in reverse(names, helo):
            console.print(line)
    listed = sorted((one for one in found.listings if one.state == "listed"), key=_order)
    unknown = [one for one in found.told if one.said.state == "unknown"]
    clear = [one for one in found.told if one.said.state == "clear"]
    ours, others = [one for one in listed if accuses(one)], [one for one in listed if not accuses(one)]
    if ours:
        _table("LISTED", ours, entries, console, since or {})
    if others:
        _table(
            "LISTED BY POLICY, OR WITH ITS NEIGHBORS: no accusation", others, entries, console, since or {}
        )
    for one in clear:
        if note := one.said.meaning or one.said.why:
            who = one.said.address if one.count == 1 else show.count(one.count, "address", "addresses")
            console.print(f"{who} on {_name(one.said, entries)}: clear ({show.clean(note)})")
    dead = [one for one in unknown if one.said.why.startswith("not asked")]
    for title, some in (
        ("could not tell ({:,}; neither listed nor clear):", [one for one in unknown if one not in dead]),
        ("not asked ({:,}):", dead),
    ):
        if some:
            console.print("\n" + title.format(sum(one.count for one in some)))
            _reasons(some, entries, console)
    states = _states(found.told)
    console.print(
        f"\n{states['listed']:,} listed, {states['clear']:,} clear, {states['unknown']:,} unknown"
        f" of {states.total():,} answers in {found.seconds:.1f} s"
        + (f"; {found.doubtful} packets were not believed" if found.doubtful else "")
    )
    known = bool(clear) and verdict(found.told) != 3
    console.print(following(listed, known=known, doubt=bool(unknown)), soft_wrap=True)


def changes(made: "Sequence[Change]", entries: Mapping[str, "Entry"], last: float | None) -> list[str]:
    """What is otherwise than at the last look, a line each."""
    words = {"new": "newly listed on", "back": "LISTED AGAIN on", "gone": "no longer on"}
    told = [f"{one.address} {words[one.what]} {_name(one.listing, entries)}" for one in made]
    return [f"since {show.when(last)}: {line}" for line in told] if last is not None else []


def _order(listing: Listing) -> tuple[bool, float, str, str]:
    return (not accuses(listing), -severity(listing), listing.address, listing.list)


def _name(listing: Listing, entries: Mapping[str, "Entry"]) -> str:
    entry = entries.get(listing.list)
    return entry.name if entry else show.clean(listing.list)


def _table(
    title: str, listed: list[Listing], entries: Mapping[str, "Entry"], console: "Console", since: Since
) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_lines=True)
    shown, left = listed[:MOST_SHOWN], len(listed) - MOST_SHOWN
    for heading in ("address", "list", "what it says", "way off"):
        table.add_column(heading, overflow="fold")
    for one in shown:
        says = one.meaning + (f"\n{one.reason}" if one.reason else "")
        begun = since.get((one.address, one.list))
        if begun is not None and one.at is not None and begun < one.at:
            says += f"\nlisted since {show.when(begun)} or longer"
        lines = "\n".join(show.clean(line) for line in says.split("\n"))
        codes = " ".join(one.codes)
        table.add_row(one.address, f"{_name(one, entries)}\n{codes}", lines, show.clean(one.removal))
    console.print(table)
    if left > 0:
        console.print(f"and {left:,} more: --json shows every one")


def _reasons(unknown: list[Tally], entries: Mapping[str, "Entry"], console: "Console") -> None:
    """One line for each reason, with the lists that share it, each with its number of addresses."""
    groups: dict[str, Counter[str]] = {}
    for one in unknown:
        groups.setdefault(one.said.why, Counter())[_name(one.said, entries)] += one.count
    for why, names in groups.items():
        shown = [name if count == 1 else f"{name} ({count:,})" for name, count in names.items()]
        console.print(f"  {', '.join(shown)}: {show.clean(why)}")


def reverse(names: "Names", helo: str = "") -> list[str]:
    """Reverse DNS and the HELO name; receivers refuse senders without the first (RFC 1912 §2.1)."""
    lines = [_reverse(names)]
    if helo and names.helo is None:
        lines.append(f"{names.address}: HELO {helo} could not be looked up")
    elif helo and names.helo is not None:
        fault = naming.greeting(helo, names.address, names.helo, names.pointers)
        lines.append(f"{names.address}: HELO {helo}" + (f": {fault}" if fault else " leads to it"))
    return lines


def _reverse(names: "Names") -> str:
    if names.why:
        return f"{names.address}: PTR unknown ({show.clean(names.why)})"
    if not names.pointers:
        return f"{names.address}: no PTR name; many receivers refuse mail from it for that alone"
    shown = show.clean(", ".join(names.pointers), 200)
    if not names.confirmed:
        return f"{names.address}: PTR {shown}, but that name does not lead back to it"
    if why := naming.generic(names.confirmed[0], names.address):
        return (
            f"{names.address}: PTR {shown} leads back, but looks like a customer's line and not like a mail "
            f"server ({show.clean(why)}); some receivers refuse such names"
        )
    return f"{names.address}: PTR {shown}, and it leads back (forward-confirmed)"


def following(listed: Sequence[Listing], *, known: bool, doubt: bool) -> str:
    """The last line: what to do now. `known`: enough lists say clear."""
    if any(map(accuses, listed)):
        return "next: find what sends: unlisted investigate FOLDER (bounces, gateway log, leases)"
    if listed:
        return "next: no accusation of yours: send through the provider's relay, or see unlisted delist"
    if doubt and not known:
        return "next: ask through your own resolver: unlisted check --resolver ADDR[:PORT]"
    return "next: mail still refused? unlisted explain BOUNCE says who refuses it and why"
