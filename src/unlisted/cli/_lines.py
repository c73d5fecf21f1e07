"""One refusal, report or list's page on the screen of `explain`, as wide as that is; and for programs."""

from unlisted import show
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import advice, filters, report, sighting
from unlisted.notice.refusal import is_pseudo

PROMISED = [
    "source",
    "recipient",
    "remote_mta",
    "code",
    "status",
    "reason",
    "hard",
    "feedback_type",
    "verdict",
    "list",
    "sublist",
    "vendor",
    "cited_ip",
    "url",
    "rule",
    "quote",
]
QUOTED = 160  # characters of a reply on the screen

_MEANS = {
    "our-address": "our address",
    "our-domain": "our domain",
    "our-setup": "our setup",
    "their-resolver": "their DNS, not us",
    "private-list": "their own list",
    "content": "the content",
    "rate": "too much at once",
    "recipient": "the recipient",
    "other": "not about us",
    "undecided": "undecided",
}
_REPORT = {"opt-out": "a request to unsubscribe", "not-spam": "no complaint: it was no spam"}


def promised(refusal: Refusal, own: tuple[Address, ...], *, again: bool) -> dict[str, object]:
    """The fields of the contract, in its order; behind them what else is known.

    `at`: when it happened (Unix seconds), `advice`: what to do about it, `again`: it was told before,
    `also`: further lists that it names.
    """
    told = {name: getattr(refusal, name) for name in PROMISED}
    told |= {"at": refusal.at, "advice": what_to_do(refusal, own), "again": again}
    told |= {"also": refusal.also} if refusal.also else {}
    if refusal.sighting is not None:
        return told | sighting.details(refusal.sighting)
    return told | report.details(refusal.report) if refusal.report else told


def what_to_do(refusal: Refusal, own: tuple[Address, ...]) -> str:
    """What to do about this one; "" where there is nothing to do."""
    if refusal.sighting is not None:
        return sighting.question(refusal.sighting)
    if refusal.report is not None:
        return report.look_up([refusal.report])
    return advice.about(refusal, own)


def line(refusal: Refusal, own: tuple[Address, ...] = ()) -> list[str]:
    """One recipient: who, the reply's codes, what it means, its words, and where it stands."""
    quote = f'"{_short(refusal.quote)}"' if refusal.quote else ""
    kind = refusal.feedback_type and f" {refusal.feedback_type}"
    # A status that no server said is for programs (JSON), which know it from the published vocabulary.
    status = "" if is_pseudo(refusal.status) else refusal.status
    codes = " ".join(filter(None, (refusal.code, status, f"{refusal.reason}{kind}")))
    who = f"{show.clean(refusal.recipient, 100)}: " if refusal.recipient else ""
    said = show.clean(f"{who}{codes}: {', '.join(_facts(refusal, own))}", 400)
    return show.rows([said, quote, place(refusal.source)], show.width())


def _facts(refusal: Refusal, own: tuple[Address, ...]) -> list[str]:
    if refusal.report:
        facts = [_REPORT.get(refusal.feedback_type, "a complaint")]
    else:
        facts = [_MEANS.get(refusal.verdict, refusal.verdict)]
    if refusal.list:
        named = filters.listed(refusal.list).removeprefix("the list ")
        facts.append(named + (f" ({refusal.sublist})" if refusal.sublist else ""))
    if refusal.also:
        facts.append(f"also {' and '.join(refusal.also)}")
    if refusal.vendor and refusal.vendor != refusal.list:
        facts.append(f"filter {filters.name(refusal.vendor)}")
    if refusal.cited_ip:
        whose = ", none of yours" if own and refusal.cited_ip not in own else ""
        facts.append(f"cites {refusal.cited_ip}{whose}")
    return facts


def reports(refusals: list[Refusal], own: tuple[Address, ...]) -> list[str]:
    """What each report among them complains of, and how exactly."""
    rows = []
    for told in dict.fromkeys(refusal.report for refusal in refusals):
        if told is not None:
            rows += _inset(report.sentence(told, own), report.MEANS[told.precision])
    return rows


def page(refusal: Refusal, own: tuple[Address, ...]) -> list[str]:
    """A list's page, what it narrows down to, and what is odd about it."""
    if refusal.sighting is None:
        return []
    said = show.rows([sighting.sentence(refusal.sighting, own), place(refusal.source)], show.width())
    return [*said, *_inset(*sighting.remarks(refusal.sighting))]


def place(source: str) -> str:
    """Where it stands; of a long path its end, which is the file's name."""
    shown = show.clean(source, 1000)
    return f"[{shown}]" if len(shown) <= 60 else f"[…{shown[-59:]}]"


def _inset(*texts: str) -> list[str]:
    return [f"  {row}" for text in texts for row in show.wrap(text, show.width() - 2, hang=2)]


def _short(text: str) -> str:
    """The front of a quote, without half a word at its end."""
    shown = show.clean(text, 1000)
    if len(shown) <= QUOTED:
        return shown
    cut = shown[:QUOTED].rpartition(" ")[0]
    return f"{cut or shown[:QUOTED]} …"
