"""Who it was that a list or a report saw: a translated port, or a word with one address, and a time.

A list's own evidence is a public address, a port and a second (RFC 6302), or the address that was spoken to.
The answer is a set of candidates, each with how it was joined; `unique` only where one is left.
"""

from collections.abc import Iterable, Iterator
from math import inf

from msgspec import Struct

from unlisted import net
from unlisted.find.translated import IDLE, Had, Translations
from unlisted.find.who import Identity, Who
from unlisted.messages import Attempt, Contact, Device, Evidence
from unlisted.net import Address, Network

QUOTED = 10  # lines of evidence for each candidate
KEPT_PORT = "the same source port inside (most translations keep it, RFC 4787 §4.2.1: likely, not certain)"


class Question(Struct, frozen=True):
    """What was seen: by `seen` our own public address and port, by `contacted` whom we spoke to."""

    address: Address
    port: int  # 0: not told
    at: float
    skew: float  # seconds by which the two clocks may differ
    contacted: bool = False
    inside: tuple[Network, ...] = net.INSIDE

    def concerns(self, fact: Attempt | Contact) -> bool:
        """True for a connection that may answer it."""
        end = (fact.end or fact.at + IDLE) if isinstance(fact, Contact) else fact.at + IDLE
        if not fact.at - self.skew <= self.at <= end + self.skew:
            return False
        if self.contacted:
            return fact.dst == self.address and self.port in (0, fact.dport)
        if self.address in (fact.nat, fact.src):
            return True
        return bool(self.port) and fact.sport == self.port and fact.nat is None

    @property
    def needle(self) -> bytes:
        """RE2: what stands in every line of a log that may answer it; b"" for IPv6, spelled in many ways."""
        if self.address.version == 6:
            return b""
        address = str(self.address).replace(".", r"\.")
        return (f"{address}|{self.port}" if self.port and not self.contacted else address).encode()


class Candidate(Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """Somebody whom it may have been."""

    device: Device
    account: str
    start: float | None  # since when, as far as it is known
    end: float | None
    via: str  # how it was joined
    evidence: tuple[Evidence, ...] = ()


class Answer(Struct, frozen=True):
    """Who it may have been; `unique` where one is left. `because` is for people."""

    candidates: tuple[Candidate, ...]
    unique: bool
    because: tuple[str, ...] = ()


def answer(
    asked: Question, facts: Iterable[Attempt | Contact], translations: Translations, who: Who
) -> Answer:
    """Everybody who fits, the nearest in time first."""
    known = sorted(facts, key=lambda fact: abs(fact.at - asked.at))
    notes: list[str] = []
    if asked.contacted:
        found = list(_spoke(asked, known, translations, who))
    else:
        found, notes = _had(asked, known, translations, who)
    merged = _merged(found)
    sure = len(merged) == 1 and bool(asked.port or asked.contacted) and merged[0].via != KEPT_PORT
    return Answer(tuple(merged), unique=sure, because=tuple(notes))


def _had(
    asked: Question, known: list[Attempt | Contact], translations: Translations, who: Who
) -> tuple[list[Candidate], list[str]]:
    """Who had the port."""
    told = translations.had(asked.address, asked.port, asked.at, asked.skew)
    found = [one for had in told for one in _mapped(had, asked.at, who, "translation")]
    own = [fact for fact in known if fact.src == asked.address and asked.port in (0, fact.sport)]
    if net.inside(asked.address, asked.inside) or who.spans(asked.address):
        found += [one for fact in own for one in _direct(fact, who, "it has this address itself")]
        if not own:
            found += _holders(asked, who)
    if found:
        return found, []
    if own:
        return [], [
            f"{len(own)} lines show {asked.address} itself: they were taken on the outer side of the"
            " translation, and no translation of that moment is among these"
        ]
    kept = [
        fact
        for fact in known
        if asked.port and fact.sport == asked.port and fact.nat is None and _leaves(fact, asked)
    ]
    return [one for fact in kept for one in _direct(fact, who, KEPT_PORT)], []


def _leaves(fact: Attempt | Contact, asked: Question) -> bool:
    return net.inside(fact.src, asked.inside) and not net.inside(fact.dst, asked.inside)


def _holders(asked: Question, who: Who) -> list[Candidate]:
    """Whoever had the address itself, by lease."""
    made = who.identify(asked.address, asked.at)
    return _people(made, "", None, None, made.via, ()) if made.via != "address only" else []


def _spoke(
    asked: Question, known: list[Attempt | Contact], translations: Translations, who: Who
) -> Iterator[Candidate]:
    """Who spoke to the address."""
    for fact in known:
        if net.inside(fact.src, asked.inside) or who.spans(fact.src) or not fact.sport:
            yield from _direct(fact, who, "it spoke to that address")
            continue
        told = translations.had(fact.src, fact.sport, fact.at, asked.skew, dst=fact.dst)
        for had in told:
            yield from _mapped(had, fact.at, who, "translation")
        if not told and not net.inside(fact.src, asked.inside):
            yield from _direct(fact, who, "an address that is not inside: behind a translation, or another's")


def _mapped(had: Had, at: float, who: Who, via: str) -> list[Candidate]:
    made = who.identify(had.of.inside, max(at, had.start) if had.start > -inf else at)
    seen = (had.of.seen,) if had.of.seen is not None else ()
    start = None if had.start == -inf else had.start
    return _people(made, had.of.account, start, None if had.end == inf else had.end, via, seen)


def _direct(fact: Attempt | Contact, who: Who, via: str) -> list[Candidate]:
    made = who.identify(fact.src, fact.at, fact.mac)
    end = fact.end if isinstance(fact, Contact) else None
    seen = (fact.seen,) if fact.seen is not None else ()
    return _people(made, fact.account or who.account(fact.src, fact.at), fact.at, end, via, seen)


def _people(
    made: Identity, account: str, start: float | None, end: float | None, via: str, seen: tuple[Evidence, ...]
) -> list[Candidate]:
    """The device, or each that it may have been."""
    joined = (
        f"{via}; device by {made.via}" if made.device.mac or made.candidates else f"{via}; no lease known"
    )
    joined = KEPT_PORT if via == KEPT_PORT else joined
    devices = made.candidates or (made.device,)
    return [Candidate(device, account, start, end, joined, seen) for device in devices]


def _merged(found: Iterable[Candidate]) -> list[Candidate]:
    """One candidate for each device and account, over all its lines."""
    merged: dict[tuple[str, str], Candidate] = {}
    for one in found:
        key = (one.device.key, one.account)
        known = merged.get(key)
        if known is None:
            merged[key] = one
            continue
        starts = [at for at in (known.start, one.start) if at is not None]
        ends = [at for at in (known.end, one.end) if at is not None]
        merged[key] = Candidate(
            known.device,
            known.account,
            min(starts, default=None),
            max(ends, default=None),
            known.via,
            (*known.evidence, *one.evidence)[:QUOTED],
        )
    return list(merged.values())
