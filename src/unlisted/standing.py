"""Where we stand on the lists, told: to a person, to Nagios and Icinga, to Prometheus.

Sources: Monitoring Plugins' development guidelines (exit codes, one line, performance data behind a bar);
Prometheus' text exposition format 0.0.4.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unlisted import net, show
from unlisted.messages import Listing
from unlisted.notice import dnsbl, naming, tally
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
POLICY = "LISTED BY POLICY, OR WITH ITS NEIGHBORS: no accusation"
MOST_SHOWN = 200  # listings on a screen
MOST_NAMED = 8  # lists that are named for one reason
FEW = 4  # addresses whose names are told one by one
LONGEST = 300  # characters of what a list itself says
WIDE = 100_000  # columns of a file
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
    """The exit code: 1 listed; 0 clear; 3 where a list that matters, or half of them, told nothing."""
    weighed = tally.weigh(told)
    if weighed.listed:
        return 1
    return 0 if weighed.known and not weighed.missing else 3


# ---- for monitors ---------------------------------------------------------------------------------


def nagios(found: "Survey") -> tuple[int, str]:
    """Exit code and line of a plugin: CRITICAL for a grave accusation, WARNING for any other listing and
    for silence of a list without which nobody is clear, UNKNOWN where most told nothing."""
    listed = sorted((one for one in found.listings if one.state == "listed"), key=_order)
    states, weighed = _states(found.told), tally.weigh(found.told)
    if any(accuses(one) and severity(one) >= _GRAVE for one in listed):
        code = _CRITICAL
    elif listed:
        code = _WARNING
    elif not weighed.known:
        code = _UNKNOWN
    else:
        code = _WARNING if weighed.missing else _OK
    told = ", ".join(f"{one.address} on {one.list} ({one.meaning.partition(':')[0]})" for one in listed[:5])
    told += f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    if not told and weighed.known:
        told = f"not listed, {states['clear']} answers say"
    parts = [told, _missing(weighed.missing), found.trouble]
    if not weighed.known and found.trouble:
        parts = [told, found.trouble]
    told = "; but ".join(part for part in parts if part) or "too few answers"
    every = states.total()
    numbers = [f"{state}={states[state]};;;0;{every}" for state in ("listed", "unknown", "clear")]
    numbers.append(f"time={found.seconds:.3f}s;;;0")
    return code, f"UNLISTED {_CODE[code]} - {show.clean(told, 800).replace('|', '/')} | {' '.join(numbers)}"


def _missing(unknown: Sequence[Listing]) -> str:
    """Who told nothing, by name, the heaviest first."""
    shown = "; ".join(f"{one.list} told nothing ({show.clean(one.why, 200)})" for one in unknown[:2])
    return shown + (f"; and {len(unknown) - 2} more" if len(unknown) > 2 else "")


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
    """What is worst first, policy and the unknown apart, the next step last.

    As wide as the screen; for a file or a pipe each fact is one line, so that `grep` and copying work.
    """
    screen = _Screen(console, show.width() if console.is_terminal else WIDE)
    listed = sorted((one for one in found.listings if one.state == "listed"), key=_order)
    alone = len({one.said.address for one in found.told} | {str(one.address) for one in found.names}) == 1
    for title, style, some in (
        ("LISTED", "bad", [one for one in listed if accuses(one)]),
        (POLICY, "title", [one for one in listed if not accuses(one)]),
    ):
        if some:
            screen.block(f"{title} ({len(some):,})", style)
            _listings(some, entries, screen, since or {}, alone=alone)
    screen.block()
    for line in _names(found.names, helo):
        screen.row(line, hang=2)
    for one in found.told:
        if one.said.state == "clear" and (note := one.said.meaning or one.said.why):
            who = one.said.address if one.count == 1 else show.count(one.count, "address", "addresses")
            screen.row(f"{who} on {_name(one.said, entries)}: clear ({show.clean(note)})", hang=2)
    for heading, told in (
        ("could not tell ({:,}; neither listed nor clear):", [one for one in found.told if _doubtful(one)]),
        ("not asked ({:,}):", [one for one in found.told if _unasked(one)]),
    ):
        if told:
            screen.block(heading.format(sum(one.count for one in told)))
            _reasons(told, entries, screen, alone=alone)
    screen.block()
    screen.row(_sum(found), hang=2)
    screen.row(following(listed, found.told), hang=2)


class _Screen:
    """Rows with their indents, blocks with one empty line between them and none before the first."""

    def __init__(self, console: "Console", width: int) -> None:
        self.console, self.width = console, width
        self.begun = self.parted = False

    def block(self, title: str = "", style: str = "plain") -> None:
        self.parted = self.begun
        if title:
            self.row(title, style=style)

    def row(self, text: str, indent: int = 0, hang: int = 0, style: str = "plain") -> None:
        if self.parted:
            self.console.print()
        self.begun, self.parted = True, False
        for line in show.wrap(text, self.width - indent, hang):
            self.console.print(" " * indent + line, style=show.STYLES[style], soft_wrap=True)


def _unasked(one: Tally) -> bool:
    return one.said.state == "unknown" and one.said.why.startswith("not asked")


def _doubtful(one: Tally) -> bool:
    return one.said.state == "unknown" and not _unasked(one)


def _sum(found: "Survey") -> str:
    """All of it in a line; what was not asked is no answer."""
    states = _states(found.told)
    idle = sum(one.count for one in found.told if _unasked(one))
    told = f"{states['listed']:,} listed, {states['clear']:,} clear, {states['unknown'] - idle:,} unknown"
    told += f" of {show.count(states.total() - idle, 'answer')} in {found.seconds:.1f} s"
    if idle:
        told += f"; {idle:,} not asked"
    if found.doubtful:
        told += f"; {show.count(found.doubtful, 'packet')} that answered no question of ours left aside"
    return told


def changes(made: "Sequence[Change]", entries: Mapping[str, "Entry"], last: float | None) -> list[str]:
    """What is otherwise than at the last look, a line each."""
    words = {"new": "newly listed on", "back": "LISTED AGAIN on", "gone": "no longer on"}
    told = [f"{one.address} {words[one.what]} {_name(one.listing, entries)}" for one in made]
    return [f"since the last look at {show.when(last)}: {line}" for line in told] if last is not None else []


def _order(listing: Listing) -> tuple[bool, float, str, str]:
    return (not accuses(listing), -severity(listing), listing.address, listing.list)


def _name(listing: Listing, entries: Mapping[str, "Entry"]) -> str:
    entry = entries.get(listing.list)
    return entry.name if entry else show.clean(listing.list)


def _listings(
    listed: list[Listing], entries: Mapping[str, "Entry"], screen: _Screen, since: Since, *, alone: bool
) -> None:
    """A paragraph for each: the list, what it says in words, its own words, since when, the way off."""
    for one in listed[:MOST_SHOWN]:
        who = [] if alone and one.scope != "domain" else [one.address]
        screen.row("  ".join([*who, _name(one, entries), *one.codes]), 2, 2, "title")
        for line in one.meaning.split("\n"):
            screen.row(show.clean(line), 4, 2)
        if one.reason:
            screen.row(f"it says: {show.clean(one.reason, LONGEST)}", 4, 2)
        begun = since.get((one.address, one.list))
        if begun is not None and one.at is not None and begun < one.at:
            screen.row(f"listed since {show.when(begun)} or longer", 4)
        if one.removal:
            screen.row(f"way off: {show.clean(one.removal)}", 4, 2)
    if (left := len(listed) - MOST_SHOWN) > 0:
        screen.row(f"and {left:,} more: --json shows every one", 2)


def _reasons(unknown: list[Tally], entries: Mapping[str, "Entry"], screen: _Screen, *, alone: bool) -> None:
    """One line for each reason, with the lists that share it, and for which address."""
    groups: dict[str, dict[str, Tally]] = {}
    for one in sorted(unknown, key=lambda one: -one.said.weight):
        names, name = groups.setdefault(one.said.why, {}), _name(one.said, entries)
        before = names.get(name)
        names[name] = Tally(before.said, before.count + one.count) if before else one
    for why, names in groups.items():
        shown = list(names) if alone else [f"{name} ({_for(one)})" for name, one in names.items()]
        if len(shown) > MOST_NAMED:
            shown = [show.count(len(shown), "list")]
        screen.row(f"{', '.join(shown)}: {show.clean(why)}", 2, 2)


def _for(one: Tally) -> str:
    return f"for {one.said.address}" + (f" and {one.count - 1:,} more" if one.count > 1 else "")


def _names(found: "Sequence[Names]", helo: str) -> list[str]:
    """Reverse DNS, a line for each address; of many addresses that share a fault, the fault and its count."""
    if len(found) <= FEW:
        return [line for names in found for line in reverse(names, helo)]
    groups: dict[str, list[Names]] = {}
    for names in found:
        groups.setdefault(_fault(names), []).append(names)
    told = []
    for fault, some in sorted(groups.items(), key=lambda group: -len(group[1])):
        first = ", ".join(str(names.address) for names in some[:FEW])
        few = first if len(some) <= FEW else f"{len(some):,} addresses ({some[0].address}, …)"
        told.append(f"{few}: {fault}")
    if helo:
        greeted = [line for names in found for line in reverse(names, helo)[1:]]
        faults = [line for line in greeted if not line.endswith("leads to it")]
        told += faults[:FEW] + [line for line in greeted if line not in faults][:FEW]
        told += (
            [f"and {len(faults) - FEW:,} more that HELO {helo} does not lead to"] if len(faults) > FEW else []
        )
    return told


def reverse(names: "Names", helo: str = "") -> list[str]:
    """Reverse DNS and the HELO name; receivers refuse senders without the first (RFC 1912 §2.1)."""
    shown = show.clean(", ".join(names.pointers), 200)
    fault = _fault(names)
    why = naming.generic(names.confirmed[0], names.address) if names.confirmed else ""
    fault += f" ({show.clean(why)})" if why else ""
    lines = [f"{names.address}: " + (fault.replace("PTR", f"PTR {shown}", 1) if shown else fault)]
    if helo and names.helo is None:
        lines.append(f"{names.address}: HELO {helo} could not be looked up")
    elif helo and names.helo is not None:
        fault = naming.greeting(helo, names.address, names.helo, names.pointers)
        lines.append(f"{names.address}: HELO {helo}" + (f": {fault}" if fault else " leads to it"))
    return lines


def _fault(names: "Names") -> str:
    """What is right or wrong, in the same words for whom it is the same."""
    if names.why:
        return f"PTR unknown ({show.clean(names.why)})"
    if not names.pointers:
        return "no PTR name; many receivers refuse mail without one"
    if not names.confirmed:
        return "PTR, but that name does not lead back"
    if naming.generic(names.confirmed[0], names.address):
        return (
            "PTR leads back, but looks like a customer's line and not like a mail server; "
            "some receivers refuse such names"
        )
    return "PTR, and it leads back (forward-confirmed)"


def following(listed: Sequence[Listing], told: Sequence[Tally]) -> str:
    """The last line: what to do now."""
    if accusing := [one for one in listed if accuses(one)]:
        return f"next: {_found_by(accusing)}"
    if any(one.scope == "policy" for one in listed):
        return "next: no accusation of yours: send through the provider's relay, or see unlisted delist"
    if listed:
        return "next: it is about the provider's network: ask the provider, or send through another relay"
    if told and all(one.said.why.startswith("not asked") for one in told):
        return "next: none of these lists was asked: leave --zone out, and every list that can know it is"
    weighed = tally.weigh(told)
    whys = [one.why for one in weighed.missing]
    if any(why.startswith(dnsbl.NO_KEY) for why in whys):
        return "next: mend that key under [keys] in the configuration; its operator's account page has it"
    if whys and all(why.startswith(dnsbl.STRANGE) for why in whys):
        return "next: look how the zone is spelled; a list of your own needs 127.0.0.2 (names: TEST) in it"
    if whys or not weighed.known:
        return "next: ask through your own resolver: unlisted check --resolver ADDR[:PORT]"
    return "next: mail still refused? unlisted explain BOUNCE says who refuses it and why"


def _found_by(accusing: Sequence[Listing]) -> str:
    """How to find what a listing accuses of."""
    if all("bounce" in one.meaning.lower() or "backscatter" in one.meaning.lower() for one in accusing):
        return (
            "your mail server answers forged senders: refuse unknown recipients at once, bounce nothing later"
        )
    if all(net.ip(one.address) is None for one in accusing):
        return (
            "find the account or the site that is abused: unlisted investigate FOLDER (bounces, mail log);"
            " then unlisted delist"
        )
    return "find what sends: unlisted investigate FOLDER (bounces, gateway log, leases)"
