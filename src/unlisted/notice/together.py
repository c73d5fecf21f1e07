"""Over many refusals: what they share, said as one sentence.

What bounces have in common is the filter at the far end, and it is the first thing that a person
overlooks who reads them one by one. Refusals are counted and not kept: a log of years fits.
"""

from collections.abc import Iterable

from msgspec import Struct

from unlisted.messages import Refusal
from unlisted.notice import filters

OURS = ("our-address", "our-domain", "our-setup", "private-list")  # what concerns us, DESIGN's exit code 1
NO_REFUSAL = ("delivered", "feedback", "vacation")

KEPT = 10_000  # different values of a kind that are told apart; the first ones, whose counts stay exact
ENOUGH = 20  # messages; of fewer a percentage says nothing
FEW = 4  # values that are named beside their number
RARE = 4  # what fewer than one in so many say is nothing that they have in common


class Share(Struct, frozen=True, gc=False):
    """The commonest value of something and how many of the refusals have it."""

    value: str
    count: int


class Common(Struct, frozen=True):
    """What refusals share. `delivered`: other messages that went through, None where no log tells."""

    count: int
    ours: int  # refusals that concern us
    reports: int  # abuse reports among the input
    verdict: Share | None
    vendor: Share | None
    list: Share | None
    cited: Share | None
    domains: int  # recipient domains, as are the next three: how many different ones, at most KEPT
    vendors: int
    lists: int
    addresses: int
    first: float | None
    last: float | None
    delivered: int | None = None
    partial: bool = False  # not everything could be read, so that nobody knows of all
    domain: str = ""  # the one recipient domain of them all
    names: dict[str, tuple[str, ...]] = {}  # by noun, where there are few
    logged: int | None = None  # refusals that the log tells; None: all of them

    @property
    def share(self) -> float | None:
        """Refused share of all mail, 0..1, where a mail log tells."""
        return self.refused / self.mail if self.delivered is not None and self.mail else None

    @property
    def refused(self) -> int:
        """Of the mail that the log tells of."""
        return self.count if self.logged is None else self.logged

    @property
    def mail(self) -> int:
        """All that the log tells of."""
        return self.refused + (self.delivered or 0)


class _Values:
    """How often each value was seen, of the first KEPT different ones."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, value: str) -> None:
        if not value:
            return
        count = self._counts.get(value, 0)
        if count or len(self._counts) < KEPT:
            self._counts[value] = count + 1

    @property
    def different(self) -> int:
        return len(self._counts)

    def few(self) -> tuple[str, ...]:
        """All of them, the commonest first, where there are no more than a line holds."""
        named = sorted(self._counts, key=self._counts.__getitem__, reverse=True)
        return tuple(named) if self.different <= FEW else ()

    def top(self) -> Share | None:
        if not self._counts:
            return None
        value = max(self._counts, key=self._counts.__getitem__)
        return Share(value, self._counts[value])


class _Tally:
    """What is counted of refusals that are compared with one another."""

    def __init__(self) -> None:
        self.count = 0
        self.verdicts, self.vendors, self.lists = _Values(), _Values(), _Values()
        self.addresses, self.domains = _Values(), _Values()
        self.first: float | None = None
        self.last: float | None = None

    def alone(self, values: _Values) -> str:
        """The value that each of several has."""
        top = values.top()
        return top.value if top and top.count == self.count > 1 else ""

    def add(self, one: Refusal) -> None:
        self.count += 1
        self.verdicts.add(one.verdict)
        self.vendors.add(one.vendor)
        self.lists.add(one.list)
        self.addresses.add(str(one.cited_ip) if one.cited_ip else "")
        self.domains.add(domain(one.recipient))
        if one.at is not None:
            self.first = one.at if self.first is None else min(self.first, one.at)
            self.last = one.at if self.last is None else max(self.last, one.at)


class Together:
    """Refusals as they come, counted; the state stays small however many there are."""

    def __init__(self) -> None:
        self.reports = 0
        self._ours, self._others = _Tally(), _Tally()

    def add(self, one: Refusal) -> None:
        """Count one."""
        self.reports += one.reason == "feedback"
        if one.reason in NO_REFUSAL or one.sighting is not None:
            return
        (self._ours if one.verdict in OURS else self._others).add(one)

    def common(
        self, delivered: int | None = None, logged: int | None = None, *, partial: bool = False
    ) -> Common:
        """Those that concern us are compared among themselves when there are any."""
        looked = self._ours if self._ours.count else self._others
        return Common(
            count=self._ours.count + self._others.count,
            ours=self._ours.count,
            reports=self.reports,
            verdict=looked.verdicts.top(),
            vendor=looked.vendors.top(),
            list=looked.lists.top(),
            cited=looked.addresses.top(),
            domains=looked.domains.different,
            vendors=looked.vendors.different,
            lists=looked.lists.different,
            addresses=looked.addresses.different,
            first=looked.first,
            last=looked.last,
            delivered=delivered,
            logged=logged,
            partial=partial,
            domain=looked.alone(looked.domains),
            names={
                "recipient domain": looked.domains.few(),
                "filter": tuple(filters.name(one) for one in looked.vendors.few()),
                "list": tuple(filters.listed(one).removeprefix("the list ") for one in looked.lists.few()),
                "cited address": looked.addresses.few(),
            },
        )


def common(refusals: Iterable[Refusal], delivered: int | None = None) -> Common:
    """Compare refusals that are at hand."""
    together = Together()
    for one in refusals:
        together.add(one)
    return together.common(delivered)


def domain(recipient: str) -> str:
    """What stands behind the @, lower case."""
    return recipient.rpartition("@")[2].lower() if "@" in recipient else ""


def sentence(found: Common) -> str:
    """The shared facts as plain words; stranger's text is among them, so clean it before a terminal."""
    if not found.count:
        none = f"{_plural(found.reports, 'abuse report')}, no refusal among them" if found.reports else ""
        tail = f"; {_plural(found.delivered, 'message')} went through" if found.delivered else ""
        return _read(found) + (none or "no refusal was found") + tail
    tail = f"; {_plural(found.delivered, 'other message')} went through" if found.delivered else ""
    return _read(found) + _shared(found) + tail


def _read(found: Common) -> str:
    return "of those read, " if found.partial else ""


def _shared(found: Common) -> str:
    total = found.ours or found.count
    facts = _facts(found)
    # What one says of several is nothing that they have in common, nor what fewer than a quarter say.
    alike = [fact for fact in facts if fact[0].count >= max(min(2, total), total / RARE)]
    if 0 < found.ours < found.count:
        head = f"{total:,} of {found.count:,} refusals {'concerns' if total == 1 else 'concern'} us"
        if not alike:
            return head
        if total == 1:
            return f"{head}: it {_join([one for _, one, _ in alike])}"
        if not found.partial and all(share.count == total for share, _, _ in alike):
            return (
                f"{head}; of these, {'both' if total == 2 else 'all'} {_join([most for _, _, most in alike])}"
            )
        return f"{head}; of these, {_join(_counted(alike, total, found.partial))}"
    if not facts:
        return _plural(total, "refusal")
    if not alike:
        return f"{_plural(total, 'refusal')}, with no filter, list or address in common"
    if any(share.count < total for share, _, _ in alike):
        head = f"{total:,} refusals: " if found.partial else f"of {total:,} refusals, "
        return head + _join(_counted(alike, total, found.partial))
    said = [one if total == 1 else most for _, one, most in alike]
    return f"{_all(total, found.partial)} {_join(said)}"


def _all(total: int, partial: bool) -> str:
    """Every one of them; of all nobody knows where something was not read."""
    if total == 1:
        return "the one refusal"
    if partial:
        return f"{total:,} refusals"
    return "both refusals" if total == 2 else f"all {total:,} refusals"


def apart(found: Common) -> str:
    """What the refusals do not share, and their share of all mail where a log tells; "" when neither."""
    total = found.ours or found.count
    kinds = (
        (found.domains, "recipient domain"),
        (found.vendors, "filter"),
        (found.lists, "list"),
        (found.addresses, "cited address"),
    )
    differ = [
        _different(number, noun) + (f" ({', '.join(found.names[noun])})" if found.names.get(noun) else "")
        for number, noun in kinds
        if number > 1
    ]
    silent = [
        f"{total - share.count:,} without {noun}"
        for share, number, noun in (
            (found.vendor, found.vendors, "a known filter"),
            (found.list, found.lists, "a named list"),
            (found.cited, found.addresses, "a cited address"),
        )
        if share and number == 1 and share.count < total
    ]
    parts = [f"not shared: {', '.join(differ + silent)}"] if differ or silent else []
    if found.share and found.mail >= ENOUGH:
        of = "the mail that was read" if found.partial else "all mail"
        parts.append(f"{found.share:.1%} of {of} was refused")
    return "; ".join(parts)


def _different(number: int, noun: str) -> str:
    """How many different ones; more than KEPT are not told apart."""
    return f"{KEPT:,} or more {_noun(noun)}" if number >= KEPT else _plural(number, noun)


def _facts(found: Common) -> list[tuple[Share, str, str]]:
    """What is shared, as a phrase for one refusal and for many."""
    facts: list[tuple[Share, str, str]] = []
    if found.vendor:
        end = f" from servers behind {filters.name(found.vendor.value)}"
        facts.append((found.vendor, "comes" + end, "come" + end))
    if found.list:
        named = filters.listed(found.list.value)
        facts.append((found.list, f"names {named}", f"name {named}"))
    if found.cited:
        facts.append((found.cited, f"cites {found.cited.value}", f"cite {found.cited.value}"))
    return facts


def _counted(facts: list[tuple[Share, str, str]], total: int, partial: bool) -> list[str]:
    return [
        f"{_number(share.count, total, partial)} {one if share.count == 1 else most}"
        for share, one, most in facts
    ]


def _number(count: int, total: int, partial: bool) -> str:
    return "all" if count == total > 1 and not partial else f"{count:,}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else _noun(noun)}"


def _noun(noun: str) -> str:
    return noun + ("es" if noun.endswith("s") else "s")


def _join(facts: list[str]) -> str:
    return facts[0] if len(facts) == 1 else ", ".join(facts[:-1]) + " and " + facts[-1] if facts else ""
