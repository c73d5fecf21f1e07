"""Asking a blocklist by DNS, without the asking: which names, and what the answers mean.

RFC 5782 (how lists are queried), RFC 6471 §3 (how they should behave). An answer is three-valued, and
only what the list's own table says is a listing: see data/lists.toml. Packets: notice/packets.py.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address

from msgspec import Struct, structs

from unlisted import net
from unlisted.messages import Listing
from unlisted.net import Address
from unlisted.notice.lists import Entry, Kind, Part, Scope, Way
from unlisted.notice.packets import NXDOMAIN, Answer, build_query, read_answer

__all__ = [
    "NXDOMAIN",
    "Answer",
    "Health",
    "Question",
    "build_query",
    "judge",
    "query_name",
    "read_answer",
    "temper",
]

MAX_REASON = 1000  # characters of a list's TXT that are kept
LISTS_ALL = "it lists its own clear test point (RFC 5782 §5): it lists the whole world"
EMPTY = "it does not list its own test point (RFC 5782 §5): it may be dead and empty"
STRANGE = f"{EMPTY}, or its name is mistyped"  # said of a zone that somebody typed
MISFIT = "not asked: this list holds"
NO_KEY = "your key"
_REFUSED = "127.255.255."  # Spamhaus' refusals; all the others took them over
_SEVERITY: tuple[Scope, ...] = ("address", "domain", "range", "network", "policy")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.){1,126}[a-z][a-z0-9-]{0,62}")
_REFUSALS = {
    1: "it could not read the question (FORMERR)",
    2: "it failed to answer (SERVFAIL)",
    4: "it does not do this kind of question (NOTIMP)",
    5: "it refused to answer this resolver (REFUSED)",
}


class Question(Struct, frozen=True):
    """What is asked of a resolver."""

    name: str
    qtype: int


class Health(Struct, frozen=True):
    """How far a list can be believed. "" is: fully."""

    liar: str = ""  # why its listings are not believed
    silent: str = ""  # why its silence is not believed


def reverse(address: Address) -> str:
    """Octets, or nibbles, in reverse order (RFC 5782 §2.1 and §2.4)."""
    if isinstance(address, IPv6Address):
        return ".".join(reversed(address.exploded.replace(":", "")))
    return ".".join(reversed(str(address).split(".")))


def query_name(subject: Address | str, zone: str) -> str:
    """What to ask of a zone about an address, or about a domain name (RFC 5782 §2 and §3)."""
    return f"{subject if isinstance(subject, str) else reverse(subject)}.{zone}"


def pointer_name(address: Address) -> str:
    """Where the PTR record of an address stands (RFC 1035 §3.5, RFC 3596 §2.5)."""
    return f"{reverse(address)}.{'ip6' if address.version == 6 else 'in-addr'}.arpa"


def kind_of(subject: Address | str) -> Kind:
    """Which lists can know it."""
    if isinstance(subject, str):
        return "domain"
    return "ip6" if subject.version == 6 else "ip4"


def hostname(text: str) -> str:
    """`text` as a domain name in lower case, or "" when it is none. Bounded, linear."""
    name = text.lower().rstrip(".")
    return name if len(name) <= 253 and _HOST.fullmatch(name) else ""


def points(entry: Entry, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that must be listed (one of them is enough), and those that must not (RFC 5782 §5)."""
    if kind == "domain":
        listed, clear = entry.test_listed or "TEST", entry.test_clear or "INVALID"
    else:
        listed, clear = entry.test_listed or "127.0.0.2", entry.test_clear or "127.0.0.1"
    return _spelled(entry, listed, kind), _spelled(entry, clear, kind)


def _spelled(entry: Entry, point: str, kind: Kind) -> tuple[str, ...]:
    if point == "-":
        return ()
    address = net.ip(point)
    names = [query_name(point.lower() if address is None else address, entry.asked_zone)]
    if kind == "ip6" and address is not None and address.version == 4:
        # RFC 5782 §5 wants ::FFFF:7F00:2 of IPv6 lists; zones that hold both often know only the other.
        mapped = query_name(IPv6Address(f"::ffff:{address}"), entry.asked_zone)
        names = [mapped, *names] if "ip4" in entry.kind else [mapped]
    return tuple(names)


def matches(pattern: str, code: str) -> bool:
    """True when a table's code is this code; `*` stands for any one octet."""
    if "*" not in pattern:
        return pattern == code
    octets = zip(pattern.split("."), code.split("."), strict=False)
    return all(want in ("*", have) for want, have in octets)


def _look(table: dict[str, str], code: str) -> str:
    return next((value for pattern, value in table.items() if matches(pattern, code)), "")


def _masked(entry: Entry, code: str) -> tuple[str, ...]:
    """The bits of a mask's last octet; () when one of them is not in the table."""
    rest = int(code.rpartition(".")[2])
    names = []
    for bit, name in entry.bits.items():
        if rest & int(bit):
            names.append(name)
            rest &= ~int(bit)
    return () if rest else tuple(names)


def accusations(entry: Entry, codes: Sequence[str]) -> tuple[str, ...]:
    """What the codes accuse of, in the list's own words: names of parts, or meanings. () for none."""
    found: list[str] = []
    for code in codes:
        if _look(entry.refused, code) or _look(entry.neutral, code) or not code.startswith("127."):
            continue
        if word := _look(entry.codes, code):
            found.append(word)
        elif entry.bits and code.startswith("127.0.0."):
            found.extend(_masked(entry, code))
    return tuple(dict.fromkeys(found))


def parts(entry: Entry, codes: Sequence[str]) -> tuple[tuple[str, Part], ...]:
    """The lists within the list that the codes name."""
    return tuple((word, entry.parts[word]) for word in accusations(entry, codes) if word in entry.parts)


def judge(
    entry: Entry, subject: Address | str, a: Answer, txt: Answer | None = None, at: float | None = None
) -> Listing:
    """One list's answer as a listing: listed, clear, or unknown with the reason why."""
    blank = Listing(
        address=str(subject), list=entry.key, zone=entry.zone, state="unknown", weight=entry.weight, at=at
    )
    if entry.status in ("dead", "merged"):
        return structs.replace(blank, why=f"not asked: {entry.notes or entry.status}")
    if entry.keyless:
        needs = f"it answers subscribers only; yours goes under [keys] as `{entry.key_name}`"
        return structs.replace(blank, why=f"not asked: {needs}")
    if a.rcode is None or a.truncated:
        return structs.replace(blank, why=entry.veiled(a.why or a.fault) or "the answer was cut off")
    if a.rcode == NXDOMAIN or (a.rcode == 0 and not a.addresses):
        # NOERROR without an A: the name exists for another reason; RFC 5782 §2.1 makes the A the listing.
        return structs.replace(blank, state="clear")
    if a.rcode != 0:
        return structs.replace(blank, why=_REFUSALS.get(a.rcode, f"it answered {a.said}"))
    return _verdict(entry, structs.replace(blank, codes=a.addresses), txt)


def reason(entry: Entry, txt: Answer) -> str:
    """What a list says beside its code. A stranger wrote it."""
    return entry.veiled(" | ".join(txt.texts))[:MAX_REASON]


def out_of_place(entry: Entry, subject: Address | str, at: float | None = None) -> Listing:
    """The listing of a subject that the list cannot know: nothing is asked, for any answer would mislead."""
    holds = " and ".join({"ip4": "IPv4", "ip6": "IPv6", "domain": "domains"}[kind] for kind in entry.kind)
    return Listing(
        address=str(subject),
        list=entry.key,
        zone=entry.zone,
        state="unknown",
        why=f"{MISFIT} {holds} only",
        weight=entry.weight,
        at=at,
    )


def refused(entry: Entry, answer: Answer) -> bool:
    """True when the list answered, and what it said is that it does not answer this resolver."""
    return answer.rcode == 5 or any(
        _look(entry.refused, code) or (code.startswith(_REFUSED) and not accusations(entry, [code]))
        for code in answer.addresses
    )


def _in_order(entry: Entry, codes: Sequence[str]) -> tuple[str, ...]:
    """The gravest first, whatever order the server shuffled them into: policy and networks last, and in each
    as the list's own table has it."""
    table = list(entry.codes)

    def rank(code: str) -> tuple[int, int, tuple[int, ...]]:
        place = next((n for n, pattern in enumerate(table) if matches(pattern, code)), len(table))
        part = entry.parts.get(_look(entry.codes, code))
        grave = 0 if (part.scope if part else entry.scope) in ("address", "domain", "range") else 1
        return grave, place, tuple(int(octet) for octet in code.split(".") if octet.isdigit())

    return tuple(sorted(codes, key=rank))


def _verdict(entry: Entry, blank: Listing, txt: Answer | None) -> Listing:
    codes = _in_order(entry, blank.codes)
    blank = structs.replace(blank, codes=codes)
    if strange := [code for code in codes if not code.startswith("127.")]:
        return structs.replace(
            blank,
            why=f"somebody else answered: {strange[0]} is no list's code "
            "(RFC 5782 §2.1: 127/8), so a resolver or the zone's new owner wrote it",
        )
    for code in codes:
        if refusal := _look(entry.refused, code):
            return structs.replace(blank, why=refusal if code in refusal else f"{refusal} ({code})")
    words = accusations(entry, codes)
    if not words:
        white = [meaning for code in codes if (meaning := _look(entry.neutral, code))]
        if len(white) == len(codes):
            return structs.replace(blank, state="clear", meaning="; ".join(dict.fromkeys(white)))
        unknown = [code for code in codes if not _look(entry.neutral, code)]
        if all(code.startswith(_REFUSED) for code in unknown):
            return structs.replace(blank, why=f"it refused to answer this resolver ({', '.join(unknown)})")
        return structs.replace(
            blank, why=f"{', '.join(unknown)} is in no table of this list: nobody says what it means"
        )
    held = parts(entry, codes)
    spelled = (f"{word}: {entry.parts[word].meaning}" if word in entry.parts else word for word in words)
    return structs.replace(
        blank,
        state="listed",
        meaning="; ".join(spelled),
        reason=reason(entry, txt) if txt else "",
        scope=min((part.scope for _, part in held), key=_SEVERITY.index) if held else entry.scope,
        removal=ways_out(entry, codes),
    )


def way_out(entry: Entry, codes: Sequence[str]) -> Way:
    """The way that comes first: the one that nothing else on the list stands in front of."""
    held = parts(entry, codes)
    names = {word for word, _ in held}
    for _, part in held:
        if not names.intersection(part.removal.behind):
            return part.removal
    return entry.removal


def ways_out(entry: Entry, codes: Sequence[str]) -> str:
    """Every way that the codes need, in the order in which they can be gone."""
    if entry.status == "stranger":
        return "this list is not in the catalogue: who runs it knows the way"
    held = parts(entry, codes)
    if len(held) < 2:
        return describe(way_out(entry, codes))
    names = {word for word, _ in held}
    ways: dict[str, list[str]] = {}
    for word, part in sorted(held, key=lambda one: bool(names.intersection(one[1].removal.behind))):
        ways.setdefault(describe(part.removal), []).append(word)
    if len(ways) == 1:
        return next(iter(ways))
    return "; then ".join(f"{', '.join(words)}: {way}" for way, words in ways.items())


def describe(way: Way) -> str:
    """A way out in one phrase."""
    words = {
        "request": "ask there, a person reads it",
        "self": "ask there, it acts at once",
        "provider": "only the provider can ask",
        "expiry": "nothing to ask, it expires",
        "none": "no way is known",
    }[way.method]
    if way.expires_after_hours is not None:
        days = way.expires_after_hours / 24
        span = f"{days:g} days" if days > 2 else f"{way.expires_after_hours:g} hours"
        words += f" {span} after the last sign" if way.method == "expiry" else f"; expires after {span}"
    return f"{words}: {way.url}" if way.url else words.replace("ask there", "ask its operator")


def health(entry: Entry, subject: Address | str, listed: Sequence[Answer], clear: Sequence[Answer]) -> Health:
    """What the test points say of a list. `listed` must be on it, `clear` must not."""
    good = [judge(entry, subject, answer) for answer in listed]
    bad = [judge(entry, subject, answer) for answer in clear]
    liar = silent = ""
    if any(one.state == "listed" for one in bad):
        liar = LISTS_ALL
    elif bad and all(one.state == "unknown" for one in bad):
        liar = f"its clear test point told nothing: {bad[0].why}"
    if good and not any(one.state != "unknown" and one.codes for one in good):
        if any(one.state == "clear" for one in good):
            silent = STRANGE if entry.status == "stranger" else EMPTY
        else:
            silent = f"its own test point told nothing: {good[0].why}"
        if entry.secret and any(answer.rcode in (NXDOMAIN, 0, 5) for answer in listed):
            silent = f"{NO_KEY} `{entry.key_name}` is not accepted, or has expired: {silent}"
    return Health(liar, silent)


def temper(listing: Listing, state: Health) -> Listing:
    """The listing as far as the list can be believed."""
    if state.liar and listing.state == "listed":
        return structs.replace(listing, state="unknown", meaning="", scope="", removal="", why=state.liar)
    if state.liar == LISTS_ALL and listing.state == "clear":
        return structs.replace(listing, state="unknown", why=state.liar)
    if state.silent and listing.state == "clear":
        return structs.replace(listing, state="unknown", why=state.silent)
    return listing
