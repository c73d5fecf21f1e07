"""nftables read back: who is held, what was stopped, whether what was wanted stands in the kernel.

Source: libnftables-json(5) of nftables 1.0.6. What was rendered is `enforcers/nftables.py`. An accepted call
is not yet a hold, and somebody else may have flushed the table since.
"""

import msgspec
from msgspec import Struct

from unlisted.messages import Decision
from unlisted.stop.enforcers.nftables import GROUP, TABLE, Document, document, unhold, wanted


class Held(Struct, frozen=True):
    """One element of a hold set: who, for which decision, seconds left, packets stopped."""

    name: str
    decision: str
    seconds: int
    packets: int


class _Counter(Struct):
    packets: int = 0


class _Body(Struct):
    val: str | int = ""
    expires: int = 0
    comment: str = ""
    counter: _Counter | None = None


class _Element(Struct):
    elem: _Body


class _Set(Struct):
    name: str
    elem: list[str | int | _Element] = []


class _Chain(Struct):
    name: str
    hook: str = ""
    prio: int = 0


class _Rule(Struct):
    chain: str
    expr: list[dict[str, msgspec.Raw]] = []


class _Count(Struct):
    name: str
    packets: int = 0


class _Entry(Struct):
    """One object of a listing, or one of our commands' objects: exactly one field is filled."""

    chain: _Chain | None = None
    rule: _Rule | None = None
    set: _Set | None = None
    element: _Set | None = None  # in commands only
    counter: _Count | None = None


class Listing(Struct):
    """What `nft -j list table inet unlisted` says."""

    nftables: list[_Entry] = []


def read(listing: bytes | str) -> Listing:
    """The listing; an empty one for what is none."""
    try:
        return msgspec.json.decode(listing, type=Listing)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Listing()


def group(listing: Listing) -> int:
    """The NFLOG group that the rules of our table log to; the usual one where none does."""
    for entry in listing.nftables:
        for part in entry.rule.expr if entry.rule else ():
            if "log" in part and (found := msgspec.json.decode(part["log"], type=_Log).group):
                return found
    return GROUP


def _held(listing: Listing) -> list[tuple[str, _Body]]:
    """The elements of the hold sets: set and body."""
    return [
        (entry.set.name, element.elem)
        for entry in listing.nftables
        if entry.set is not None and entry.set.name.startswith(("held", "replies"))
        for element in entry.set.elem
        if isinstance(element, _Element)
    ]


def held(listing: Listing) -> list[Held]:
    """Who is held at this moment, by each of its names."""
    return [
        Held(str(body.val), body.comment, body.expires, body.counter.packets if body.counter else 0)
        for name, body in _held(listing)
        if name.startswith("held")
    ]


def stopped(decision: Decision, listing: Listing) -> int:
    """Packets of this decision's device that were stopped: by its MAC where that is known.

    A source address is forged by writing it: where there is a MAC, the address proves nothing more.
    """
    wanted = decision.device.mac or str(decision.device.address)
    return sum(one.packets for one in held(listing) if one.decision == decision.id and one.name == wanted)


def release_held(decision: Decision, listing: Listing) -> Document | None:
    """Let go what stands in the kernel for this decision; None when nothing does.

    By the decision and not by the device: another decision may hold the same device by now.
    """
    there = [(name, str(body.val)) for name, body in _held(listing) if body.comment == decision.id]
    return document(unhold(there)) if there else None


def counters(listing: Listing) -> dict[str, int]:
    """Packets by named counter: "held", "blocked"."""
    return {entry.counter.name: entry.counter.packets for entry in listing.nftables if entry.counter}


def ask_held(decision: Decision, now: float) -> list[str]:
    """The questions whether the hold stands: its sets alone, a fifth of the time that the table takes."""
    return [f"list set inet {TABLE} {name}" for name, _ in wanted(decision, now)]


def missing_hold(decision: Decision, listings: list[Listing], now: float) -> str:
    """What of the hold does not stand in its sets, or ""."""
    there = {(name, str(body.val), body.comment) for listing in listings for name, body in _held(listing)}
    for name, value in wanted(decision, now):
        if (name, value, decision.id) not in there:
            return f"{value} is not in {name}"
    return ""


def missing(asked: Document, listing: Listing) -> str:
    """What of the wanted chains, rules and sets does not stand in the kernel, or "".

    Rules are compared by what they do (verdict, log, counter), not by how they match: each version of
    nft lists matches in its own words.
    """
    ours, theirs = _shape(_added(asked)), _shape(listing)
    for name, shape in ours.items():
        if name not in theirs:
            return f"{name} is missing"
        if isinstance(shape, set) and isinstance(there := theirs[name], set):
            if absent := shape - there:
                return f"{name} lacks {min(absent)}"
        elif shape != theirs[name]:
            return f"{name} was changed"
    return ""


class _Commands(Struct):
    nftables: list[dict[str, _Entry]]


def _added(document: Document) -> Listing:
    """The objects that the document adds, as if they were listed."""
    commands = msgspec.json.decode(document.json, type=_Commands).nftables
    added = (command["add"] for command in commands if "add" in command)
    return Listing([_Entry(set=entry.element) if entry.element else entry for entry in added])


def _shape(listing: Listing) -> dict[str, set[str] | list[str]]:
    """By object: a chain's hook and what its rules do in order, a set's elements."""
    shape: dict[str, set[str] | list[str]] = {}
    for entry in listing.nftables:
        if entry.chain:
            shape[f"chain {entry.chain.name}"] = [f"{entry.chain.hook} {entry.chain.prio}"]
        elif entry.set:
            texts = {str(e) if not isinstance(e, _Element) else str(e.elem.val) for e in entry.set.elem}
            elements = shape.setdefault(f"set {entry.set.name}", set())
            if isinstance(elements, set):
                elements |= texts
        elif entry.rule:
            rules = shape.setdefault(f"chain {entry.rule.chain}", [""])
            if isinstance(rules, list):
                rules.append(" ".join(_does(entry.rule.expr)))
    return shape


def _does(expr: list[dict[str, msgspec.Raw]]) -> list[str]:
    """The statements of a rule without its matches; a log's prefix and group, a jump's target."""
    said = []
    for part in expr:
        for key, value in part.items():
            if key in ("jump", "goto"):
                said.append(f"{key} {msgspec.json.decode(value, type=_Target).target}")
            elif key == "log":
                log = msgspec.json.decode(value, type=_Log)
                said.append(f"log {log.prefix!r} {log.group}")
            elif key != "match":
                said.append(key)
    return said


class _Target(Struct):
    target: str


class _Log(Struct):
    prefix: str = ""
    group: int = 0
