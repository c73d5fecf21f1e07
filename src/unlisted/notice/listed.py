"""Which list a refusal names, and which of the lists within it.

By a rule, by a host name that receivers cite, by "blocked using NAME", by the name of a part alone ("listed
in SBL"). What the parts are called and which codes stand for them is data/lists.toml.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from unlisted import net
from unlisted.notice import dnsbl, lists, rules
from unlisted.notice.phrases import Phrase
from unlisted.notice.rules import Rule

HOST = re.compile(
    r"(?<![\w.-])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.){1,8}[a-z][a-z0-9-]{1,23}", re.IGNORECASE
)
_USING = Phrase(
    # With what a receiver asked, or where we stand. "rejected by NAME" and "found at NAME" are the receiver.
    r"(?:(?:blocked|listed|found|rejected|refused|denied)[\w ]{0,24}? (?:using|provider)"
    r"|listed[\w ]{0,24}? (?:at|on|in)|found[\w ]{0,24}? in|(?P<by>(?:blocked|listed)[\w ]{0,24}? by))"
    r"[: ]{1,2}(?P<name>[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,7})",
    words=("listed", "blocked", "found", "rejected", "refused", "denied"),
)
# A zone is called after what it holds: rbl.example.org, dnsbl-2.example.org, blacklist.example.org.
_ZONE_WORD = re.compile(
    r"(?:^|[.-])(?:[a-z]{0,8}bl[0-9]{0,2}|[a-z0-9]{0,12}(?:list|black|block|spam|abuse)[a-z0-9]{0,12})(?=[.-])"
)
_ALLOWS = re.compile(r"dnswl|(?:white|allow|welcome)list", re.IGNORECASE)
_NO_ZONE = re.compile(r"[ '-]{1,2}(?:e?-?mail|polic|server|gateway|system|admin|postmaster)", re.IGNORECASE)
MAILBOX = re.compile(r"@([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,7})", re.IGNORECASE)
# The name of a part alone: "listed by PBL", "(PBL)"; whether there is such a part the catalogue knows.
_PART = Phrase(
    r"\b(?:(?:listed|listing|found|blocked|rejected|refused|denied|entry|record|present|appears?|is|are|was) "
    r"(?:in|on|at|by|using|from|via|of) (?:the |an? )?([a-z]{1,3}bl)|"
    r"list(?:ed|ing) (?:in|on|by) (?:the )?([a-z]{3,4}))\b|\(([a-z]{1,3}bl)\)",
    words=("sbl", "pbl", "xbl", "bcl", "listed ", "listing "),
)
_NOT_ON = re.compile(r"\bnot (?:currently )?(?:black)?listed (?:in|on|at|by) (?:the )?$", re.IGNORECASE)
_CODE = re.compile(r"127(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])")
_PAGE = re.compile(r"/([a-z]{2,6})(?![a-z])", re.IGNORECASE)  # the first step of a URL's path


class Named(Struct, frozen=True, gc=False):
    """A list; `said` is how the text names it, `also` what other lists it names that hold the same."""

    list: str = ""
    sublist: str = ""
    also: tuple[str, ...] = ()
    said: str = ""


class _Spoken(Struct, frozen=True, gc=False):
    """One place where a list is spoken of, or the rule that says so."""

    list: str
    sublist: str = ""
    refused: bool = False  # it is said to hold what was refused; else its page may only be pointed to
    said: str = ""
    start: int = 0
    end: int = 0


Hits: TypeAlias = list[tuple[str, Rule, int]]  # name, rule, pattern


def find(flat: str, decided: str, hits: Hits, verdict: str, remote_mta: str = "") -> Named:
    """What a text names. `decided`: the rule that decided; `hits`: all that hold."""
    cited = list(_cited(flat)) if rules.cites(flat) else []
    naming = _by_rules(decided, hits)
    # First who decides, then who was asked, then whose name or page stands there.
    named = [one for one in naming if one.refused] + [one for one in cited if one.refused]
    named += [one for one in naming + cited if not one.refused]
    if not named:
        return _using(flat, verdict, remote_mta) or _by_part(flat)
    # Of several the one that holds what was refused, an address or a domain.
    fitting = [one for one in named if holds(one.list, verdict)]
    first = (fitting or named)[0]
    also = dict.fromkeys(one.list for one in fitting if one.refused and one.list != first.list)
    said = first.said or next((one.said for one in cited if one.list == first.list), "")
    return Named(first.list, first.sublist or _part(first.list, flat, named), tuple(also), said)


def holds(key: str, verdict: str) -> bool:
    """True when a list may say what a verdict says: addresses are no matter of a list of domains."""
    zone = rules.table().zone.get(key)
    return (
        zone is None
        or verdict not in ("our-address", "our-domain")
        or ((zone.scope == "domain") == (verdict == "our-domain"))
    )


def of_domains(key: str) -> bool:
    """True for a list that holds nothing but names."""
    zone = rules.table().zone.get(key)
    return zone is not None and zone.scope == "domain"


def _by_rules(decided: str, hits: Hits) -> list[_Spoken]:
    """Lists and their parts as the rules name them, the deciding rule first."""
    naming = sorted((hit for hit in hits if hit[1].list), key=lambda hit: hit[0] != decided)
    part = {rule.list: rule.sublist for _, rule, _ in reversed(naming) if rule.sublist}
    return [_Spoken(rule.list, part.get(rule.list, ""), bool(rule.verdict)) for _, rule, _ in naming]


def _cited(flat: str) -> Iterator[_Spoken]:
    """The known hosts in a text; a page is known by its path as well ("spamhaus.org/query/dbl")."""
    for found in HOST.finditer(flat):
        start, end = found.span()
        if start and (flat[start - 1] == "@" or _NOT_ON.search(flat, max(0, start - 40), start)):
            continue  # somebody's mailbox there, or a list that does not hold it
        host = found[0].lower()
        page = flat[end : end + 40].lower() if flat.startswith("/", end) else ""
        if key := rules.named(host, page):
            parts = rules.table().zone[key].sublists
            part = next((s for h, s in parts.items() if f".{h}" in f".{host}"), "")
            yield _Spoken(key, part, not (page or host.startswith("www.")), found[0], start, end)


def _using(flat: str, verdict: str, remote_mta: str) -> Named | None:
    using = _USING.search(flat) if verdict != "private-list" else None  # "blocked by <their own domain>"
    if using is None:
        return None
    name = using["name"].lower()
    if using.end() >= len(flat) or flat.startswith("...", using.end()):  # the relay cut the reply off here
        if cut := rules.begins(name):
            return Named(cut, said=using["name"])
        if any(zone != name and zone.startswith(name) for zone in _keys()):
            return Named()  # one of several: nobody knows which
    elif _NO_ZONE.match(flat, using.end()):
        return Named()
    if not _zone_shaped(name, bool(using["by"])) or _of(name, flat, remote_mta):
        return Named()
    key = _keys().get(name, name)
    one = _Spoken(key, said=using["name"], start=using.start("name"), end=using.end("name"))
    return Named(key, _part(key, flat, [one]), said=one.said)


def _zone_shaped(name: str, called: bool) -> bool:
    """True for a name under which a list may be asked.

    `called`: "blocked by NAME" is said of a host as well, and only a word like "rbl" in it makes it a list.
    """
    if net.ip(name) is not None or not any(c.isalpha() for c in name.rpartition(".")[2]):
        return False
    if _ALLOWS.search(name):
        return False
    return bool(_ZONE_WORD.search(name)) or (not called and name.count(".") > 1)


def _of(name: str, flat: str, remote_mta: str) -> bool:
    """True for the domain of somebody in the text, or of the receiver: he refused, he is no list."""
    hosts = {m[1].lower() for m in MAILBOX.finditer(flat)}
    hosts |= {m[0].lower() for m in HOST.finditer(remote_mta)}
    return any(
        name == host
        or host.endswith("." + name)
        or (name.endswith("." + host) and not _ZONE_WORD.search(name))
        for host in hosts
    )


# ---- the lists within a list ----------------------------------------------------------------------


@lru_cache(maxsize=1)
def known() -> lists.Catalogue:
    """data/lists.toml, read once for all refusals."""
    return lists.load()


@lru_cache(maxsize=1)
def _keys() -> dict[str, str]:
    """Every zone that the catalogue knows, to its list."""
    return {zone: key for key, entry in known().list.items() for zone in (entry.zone, *entry.also)}


@lru_cache(maxsize=1)
def _combined() -> dict[str, lists.Entry]:
    """The lists that hold several, by key."""
    return {key: entry for key, entry in known().list.items() if entry.parts}


@lru_cache(maxsize=1)
def _abbreviations() -> dict[str, tuple[str, str]]:
    """List and part by an abbreviation that only one list has ("PBL"). Words of the language are none."""
    found: dict[str, tuple[str, str]] = {}
    for key, entry in _combined().items():
        for name in filter(str.isupper, entry.parts):
            found[name] = ("", "") if name in found else (key, name)
    return {name: place for name, place in found.items() if place[0]}


def _part(key: str, flat: str, named: list[_Spoken]) -> str:
    """The part of a list that a text means: by a return code, by the host asked, by its name. "" for none.

    Of several codes the gravest counts: the catalogue has them in that order. Of several names none does.
    """
    entry = _combined().get(key)
    if entry is None:
        return ""
    mine = [one for one in named if one.end and one.list == key]
    others = sorted(one.start for one in named if one.end and one.list != key)
    pieces = [flat]
    if others:  # what stands between a list's name and the next one's is said of it
        ends = [*others, len(flat)]
        pieces = [flat[one.end : ends[bisect_left(others, one.end)]] for one in mine]
    codes = [found[0] for piece in pieces for found in _CODE.finditer(piece)]
    meant = {word for word, _ in dnsbl.parts(entry, codes)}
    if not meant:
        meant = {name for one in mine for name in _in_host(entry, flat, one)}
    if not meant:
        names = [name for name in entry.parts if name.isupper()]
        meant = {name for name in names if any(_says(name, piece) for piece in pieces)}
        meant = meant if len(meant) == 1 else set()
    return next((name for name in entry.parts if name in meant), "")


def _in_host(entry: lists.Entry, flat: str, one: _Spoken) -> Iterator[str]:
    """A part by a label of the host, "pbl.spamhaus.org", or by its page, "spamhaus.org/pbl"."""
    page = _PAGE.match(flat, one.end)
    labels = {*one.said.lower().split("."), page[1].lower() if page else ""}
    return (name for name in entry.parts if name.lower().replace(" ", "") in labels)


def _says(name: str, text: str) -> bool:
    """A part by its name; "xBL" in any spelling, others might be words of the language."""
    if name not in text and not name.endswith("BL"):
        return False
    fold = re.IGNORECASE if name.endswith("BL") else 0
    return re.search(rf"(?<!\w)(?<!BL-){name}[0-9]{{0,9}}(?![\w-])", text, fold) is not None


def _by_part(flat: str) -> Named:
    """A list that is named by nothing but one of its parts."""
    for found in _PART.finditer(flat):
        if flat[: found.start()].lower().endswith("not "):
            continue
        word = found[found.lastindex or 0]
        name = word.upper() if word.lower().endswith("bl") else word
        if place := _abbreviations().get(name):
            return Named(*place, said=found[0].strip("()"))
    return Named()
