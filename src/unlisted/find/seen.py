"""Who it was that a list or a report saw: a translated port, or a word with one address, and a time.

A list's own evidence is a public address, a port and a second (RFC 6302), or the address that was spoken to.
The answer is a set of candidates, each with how it was joined; `unique` only where one is left.
"""

from collections.abc import Iterable, Iterator
from heapq import heappush, heappushpop
from math import inf

from msgspec import Struct

from unlisted import net
from unlisted.find.translated import IDLE, Had, Translations
from unlisted.find.who import Identity, Who
from unlisted.messages import Attempt, Contact, Device, Evidence, Translation
from unlisted.net import Address, Network
from unlisted.show import count

QUOTED = 10  # lines of evidence for each candidate
NEAREST = 50  # connections kept of one source, those nearest to the moment
SOURCES = 20_000  # of which any are kept
SEVERAL = "MAC in the log, which several addresses stand behind"
OUTSIDE = "an address that is not inside: behind a translation, or another's"
NO_PORT = "translation whose port is not told"
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
        if not fact.at - self.skew <= self.at <= _until(fact) + self.skew:
            return False
        if self.contacted:
            return fact.dst == self.address and self.port in (0, fact.dport)
        if self.address in (fact.nat, fact.src):
            return True
        return bool(self.port) and fact.sport == self.port and fact.nat is None

    def about(self, one: Translation) -> bool:
        """True for a translation that may answer it."""
        if self.contacted:
            fits = one.dst in (None, self.address) and self.port in (0, one.dport or self.port)
        else:
            fits = one.outside == self.address
            fits &= not self.port or not one.port or one.port <= self.port < one.port + max(1, one.ports)
        if not fits or (self.port and not self.contacted):
            return fits  # of one port all: who takes it ends who had it
        session = one.dst is not None or (one.port and one.ports == 1)
        last = one.end if one.end is not None else one.start + IDLE if session and one.start else inf
        return (one.start or 0.0) - self.skew <= self.at <= last + self.skew

    @property
    def needle(self) -> bytes:
        """RE2: what stands in every line of a log that may answer it; b"" for IPv6, spelled in many ways."""
        if self.address.version == 6:
            return b""
        high, low = divmod(int(self.address), 1 << 16)
        mapped = f"(?i:ffff:0{{0,3}}{high:x}:0{{0,3}}{low:x})"  # RFC 4291 §2.5.5.2
        address = str(self.address).replace(".", r"\.") + f"|{mapped}"
        return (f"{address}|{self.port}" if self.port and not self.contacted else address).encode()


def _until(fact: Attempt | Contact) -> float:
    """How long it may have gone on; what was blocked or refused never began."""
    if isinstance(fact, Contact) and fact.end is not None:
        return fact.end
    return fact.at if fact.action == "block" or fact.outcome == "refused" else fact.at + IDLE


class Nearest:
    """Of each source the connections nearest to the moment: a busy server has millions."""

    def __init__(self, at: float) -> None:
        self._at = at
        self._kept: dict[tuple[object, ...], list[tuple[float, int, Attempt | Contact]]] = {}
        self._number = 0
        self.left = 0  # connections of sources beyond `SOURCES`

    def add(self, fact: Attempt | Contact) -> None:
        """One more."""
        self._number += 1
        kept = self._kept.get(key := (fact.src, fact.mac, fact.account, fact.nat))
        if kept is None:
            if len(self._kept) >= SOURCES:
                self.left += 1
                return
            kept = self._kept[key] = []
        entry = (-abs(fact.at - self._at), -self._number, fact)
        heappush(kept, entry) if len(kept) < NEAREST else heappushpop(kept, entry)

    def __iter__(self) -> Iterator[Attempt | Contact]:
        for kept in self._kept.values():
            for _, _, fact in sorted(kept, reverse=True):
                yield fact


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
    told = bool(asked.port or asked.contacted) and not translations.forgotten
    unsure = (KEPT_PORT, NO_PORT, OUTSIDE, SEVERAL)
    sure = told and len(merged) == 1 and not any(word in merged[0].via for word in unsure)
    began = [one for one in merged if one.start and abs(one.start - asked.at) <= asked.skew]
    if began and len(began) < len(merged) and told:
        notes.append(
            f"{len(began)} of these {len(merged)} began within {asked.skew:.0f} s of that moment, the others"
            " before it, and go on as far as is known"
        )
    return Answer(tuple(merged), unique=sure, because=tuple(notes))


def _had(
    asked: Question, known: list[Attempt | Contact], translations: Translations, who: Who
) -> tuple[list[Candidate], list[str]]:
    """Who had the port."""
    told = translations.had(asked.address, asked.port, asked.at, asked.skew)
    found = [one for had in told for one in _mapped(had, asked.at, who)]
    own = [fact for fact in known if fact.src == asked.address and asked.port in (0, fact.sport)]
    if net.inside(asked.address, asked.inside) or who.spans(asked.address):
        found += _all(own, who, "it has this address itself")
        if not own:
            found += _holders(asked, who)
    if found:
        return found, []
    kept = [
        fact
        for fact in known
        if asked.port and fact.sport == asked.port and fact.nat is None and _leaves(fact, asked)
    ]
    if own and not kept:
        return [], [
            f"{count(len(own), 'line')} with {asked.address} itself: taken on the outer side of the"
            " translation, and no translation of that moment is among these"
        ]
    there = {(fact.dst, fact.dport) for fact in own}
    # Where the outer side was logged as well, it says whom it was that was spoken to.
    kept = [fact for fact in kept if (fact.dst, fact.dport) in there] or kept
    return list(_all(kept, who, KEPT_PORT)), []


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
    direct = [fact for fact in known if net.inside(fact.src, asked.inside) or who.spans(fact.src)]
    yield from _all(direct, who, "it spoke to that address")
    ours = set(map(id, direct))
    for fact in known:
        if id(fact) in ours:
            continue
        told = translations.had(
            fact.src, fact.sport, fact.at, asked.skew, dst=fact.dst, dport=fact.dport,
            protocol=fact.protocol if isinstance(fact, Contact) else "tcp",
        ) if fact.sport else []  # fmt: skip
        for had in told:
            yield from _mapped(had, fact.at, who)
        if not told:
            yield from _all([fact], who, OUTSIDE)
    if known:
        return
    # No line of a connection: the translations alone may name whom was spoken to.
    for outside in translations.outside:
        for had in translations.had(outside, 0, asked.at, asked.skew, dst=asked.address, dport=asked.port):
            if had.of.dst == asked.address:
                yield from _mapped(had, asked.at, who)


def _mapped(had: Had, at: float, who: Who) -> list[Candidate]:
    moment = max(at, had.start) if had.start > -inf else at
    made = who.identify(had.of.inside, moment)
    seen = (had.of.seen,) if had.of.seen is not None else ()
    start = None if had.start == -inf else had.start
    via = "translation" if had.of.port or had.of.dst is None else NO_PORT
    if had.of.protocol not in ("", "tcp"):
        via += f" ({had.of.protocol})"
    account = had.of.account or who.account(had.of.inside, moment)
    return _people(made, account, start, None if had.end == inf else had.end, via, seen)


def _all(facts: Iterable[Attempt | Contact], who: Who, via: str) -> Iterator[Candidate]:
    """Each of these connections' device. A MAC with several addresses may be a router's: it names nobody."""
    told = list(facts)
    behind: dict[str, set[Address]] = {}
    for fact in told:
        if fact.src.version == 4:
            behind.setdefault(fact.mac, set()).add(fact.src)
    for fact in told:
        shared = bool(fact.mac) and len(behind.get(fact.mac, ())) > 1
        made = who.identify(fact.src, fact.at, "" if shared else fact.mac)
        # Leases that give this address to that very MAC: it changed its address.
        if shared and made.device.mac != fact.mac:
            made = Identity(made.device, made.candidates, SEVERAL)
        end = fact.end if isinstance(fact, Contact) else None
        seen = (fact.seen,) if fact.seen is not None else ()
        account = fact.account or who.account(fact.src, fact.at, "" if shared else fact.mac)
        yield from _people(made, account, fact.at, end, via, seen)


def _people(
    made: Identity, account: str, start: float | None, end: float | None, via: str, seen: tuple[Evidence, ...]
) -> list[Candidate]:
    """The device, or each that it may have been."""
    known = made.device.mac or made.candidates or made.via == SEVERAL
    joined = f"{via}; device by {made.via}" if known else f"{via}; no lease known"
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
        merged[key] = Candidate(
            known.device,
            known.account,
            min(starts, default=None),
            None if known.end is None or one.end is None else max(known.end, one.end),
            known.via,
            (*known.evidence, *one.evidence)[:QUOTED],
        )
    return list(merged.values())
