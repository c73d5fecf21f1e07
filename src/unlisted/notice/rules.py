"""The knowledge behind a refusal's meaning: data/refusals.toml, and one automaton over its phrases."""

import re
from functools import lru_cache

from msgspec import Struct, structs

from unlisted import catalogue
from unlisted.notice.phrases import Automaton, Finder, automaton, filtered, finder


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One phrase of the world, with the texts that prove it. Patterns: RE2 syntax, case does not count."""

    source: str
    checked: str  # the day on which it was last looked at
    any: tuple[str, ...]  # one of these must occur
    texts: tuple[str, ...]  # must match
    lookalikes: tuple[str, ...] = ()  # must not
    unless: tuple[str, ...] = ()  # none of these may occur
    verdict: str = ""
    reason: str = ""
    vendor: str = ""
    list: str = ""
    sublist: str = ""
    theirs: bool = False  # the address in the text is the receiver's own
    firm: bool = False  # says so whatever command it answers to
    verified: bool = True  # False: from memory, nothing was opened for it


class Zone(Struct, frozen=True, forbid_unknown_fields=True):
    """A list by the host names that receivers cite for it."""

    source: str
    checked: str
    hosts: tuple[str, ...]  # with a path, where one site has several lists: "spamhaus.org/query/dbl"
    scope: str = "address"  # address, range, domain
    sublists: dict[str, str] = {}  # host -> sublist
    verified: bool = True  # as in Rule


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """One word of Sisimai's vocabulary: what we make of it where no phrase decides."""

    source: str
    checked: str
    pseudo: str  # its published detail code, used where the message gives no enhanced status
    verdict: str = "other"
    hard: bool = False
    verified: bool = True  # as in Rule


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """data/refusals.toml."""

    rule: dict[str, Rule]
    zone: dict[str, Zone]
    reason: dict[str, Reason]
    status: dict[str, str]  # "1.1" -> reason, RFC 3463 without its class
    code: dict[str, str]  # reply code -> reason, where neither phrase nor status says more
    command: dict[str, str]  # SMTP command -> reason, the last resort
    host: dict[str, str]  # end of the remote MTA's name -> vendor


class Matcher:
    """All rules as one automaton."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self.names = list(rules)
        self.place_of = {name: place for place, name in enumerate(self.names)}  # in the file
        self.rules = list(rules.values())
        self.patterns: list[str] = []
        self.owner: list[tuple[int, bool]] = []  # rule, vetoes
        for number, rule in enumerate(self.rules):
            for pattern in (*rule.any, *rule.unless):
                self.owner.append((number, pattern in rule.unless))
                self.patterns.append(pattern)
        self.set = filtered(self.patterns)

    def match(self, text: str) -> list[tuple[int, int]]:
        """(rule, pattern) of every rule that holds, in the file's order."""
        hits = self.set.Match(text)
        if not hits:
            return []
        found: dict[int, int] = {}
        vetoed: list[int] = []
        for i in sorted(hits):
            number, veto = self.owner[i]
            if veto:
                vetoed.append(number)
            else:
                found.setdefault(number, i)
        for number in vetoed:
            found.pop(number, None)
        return sorted(found.items())

    def holding(self, text: str) -> list[tuple[str, Rule, int]]:
        """Name, rule and pattern of every rule that holds, in the file's order."""
        return [(self.names[n], self.rules[n], pattern) for n, pattern in self.match(text)]

    def place(self, pattern: int, text: str) -> tuple[int, int] | None:
        """The span that the pattern covers."""
        return _single(self.patterns[pattern])(text)


def addressed(text: str, verdict: str = "") -> set[str]:
    """The rules whose pattern asks for a mailbox that stands in `text`; with `verdict` only those with it."""
    found = _addressed(verdict)
    return {found.names[found.owner[i][0]] for i in found.set.Match(text) or ()}


@lru_cache(maxsize=16)  # as many as there are verdicts
def _addressed(verdict: str) -> Matcher:
    """The few rules with a mailbox in a pattern, by those patterns alone."""
    named = {
        name: structs.replace(rule, any=tuple(one for one in rule.any if "@" in one), unless=())
        for name, rule in table().rule.items()
        if not verdict or rule.verdict == verdict
    }
    return Matcher({name: rule for name, rule in named.items() if rule.any})


@lru_cache(maxsize=2048)
def _single(pattern: str) -> Finder:
    return finder(pattern)


@lru_cache(maxsize=1)
def table() -> Table:
    """The rules, ours and the person's own; read once."""
    return catalogue.read("refusals", Table)


@lru_cache(maxsize=1)
def matcher() -> Matcher:
    """The automaton over `table().rule`; built once, some milliseconds."""
    return Matcher(table().rule)


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    hosts = {host.lower(): key for key, zone in table().zone.items() for host in zone.hosts}
    return {host: key for host, key in hosts.items() if "/" not in host}


@lru_cache(maxsize=1)
def _pages() -> dict[str, list[tuple[str, str]]]:
    """Path and list by host, of what `hosts` has with a path."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, zone in table().zone.items():
        for place in zone.hosts:
            host, slash, path = place.lower().partition("/")
            if slash:
                found.setdefault(host, []).append((f"/{path}", key))
    return found


def named(host: str, page: str = "") -> str:
    """The list that a host name belongs to, by its own name or a parent domain; "" when none.

    `page`: the path behind it; some operators keep several lists on one site, each with its page.
    """
    zones = _zones()
    while host:
        for where, key in _pages().get(host, ()) if page else ():
            if page.startswith(where):
                return key
        if host in zones:
            return zones[host]
        host = host.partition(".")[2]
    return ""


@lru_cache(maxsize=256)
def begins(cut: str) -> str:
    """The one list whose host name begins as `cut` does, where a relay cut it off; "" when several do."""
    zones = _zones()
    rest, found = cut, set[str]()
    while len(rest) > 3 and not found:
        found = {key for host, key in zones.items() if host.startswith(rest)}
        rest = rest.partition(".")[2]
    return found.pop() if len(found) == 1 else ""


@lru_cache(maxsize=1)
def _hosts() -> Automaton:
    return automaton([re.escape(host) for host in _zones()])


def cites(text: str) -> bool:
    """True when the name of some list's host stands in `text`; only then is `named` worth asking."""
    return bool(_hosts().Match(text))


@lru_cache(maxsize=1)
def _ends() -> tuple[str, ...]:
    """How the names of `table().host` end, to be asked in one go."""
    return tuple([f".{end}" for end in table().host])


@lru_cache(maxsize=4096)
def vendor_of(remote_mta: str) -> str:
    """The filter behind a receiving host, by its name's end; "" when the name says nothing."""
    host = remote_mta.partition(" ")[0].lower().rstrip(".")  # its address may stand beside it
    if not f".{host}".endswith(_ends()):
        return ""
    for end, vendor in table().host.items():
        if host == end or host.endswith("." + end):
            return vendor
    return ""
