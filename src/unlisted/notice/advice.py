"""What to do about a refusal, in one line: the line at which a person under pressure stops reading.

By verdict first, then by reason: a name that is missing is not mended by asking a list. What the reply itself
points to (its address) is where to go.
"""

import re
from collections import Counter
from collections.abc import Iterable

from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import filters, listed
from unlisted.notice.ours import OWN
from unlisted.notice.together import NO_REFUSAL

FINDS_IT = " (unlisted investigate FOLDER)"
MOST = 3  # lines; more is a page, and nobody reads it tonight
KEPT = 1000  # different texts that are counted, the first ones: each may cite another address
ORDER = (
    "our-address",
    "our-domain",
    "our-setup",
    "private-list",
    "their-resolver",
    "rate",
    "content",
    "undecided",
    "recipient",
    "other",
)
NEIGHBORS = ("S3150", "L2", "L3")  # parts of lists that name a network, not an address
# Parts of lists, and a rule, that say "a customer's line": nobody saw spam from it, and asking does not help.
LINES = ("PBL", "DUL", "Dyna", "dynamic-or-generic", "gmail-not-authorized")
_RELAY = "send through your provider's relay (smarthost)"

_LINE_NAME = re.compile(r"\b(?:generic|dynamic)", re.IGNORECASE)  # a reverse name as providers give to all

# The domain that a reply says is listed.
_HOST = r"([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})"
_NAMED_DOMAIN = re.compile(
    rf"\b(?:domain|ur[il]|link)\b[:= ]{{1,3}}[\"'<\[(]?(?:https?://)?{_HOST}|"
    rf"(?<![@\w.-]){_HOST}[\"'>\])/]{{0,2}} (?:is |was )?(?:black|block)?listed\b",
    re.IGNORECASE,
)

_SETUP = {
    "requireptr": "the reverse name of {cited} is missing or does not lead back: your provider sets it; "
    "{check} shows it",
    "authfailure": "mend SPF, DKIM or DMARC of the sender's domain: the reply says which",
    "hostunknown": "the receiver found no address and no MX record of the sender's domain: mend its DNS",
    "rejected": "the receiver does not take this sender: look at its domain's DNS (MX, A) and SPF",
    "securityerror": "sign in at the relay with the account that owns this sender's address",
    "notcompliantrfc": "mend what the reply names in the mail or in the server's greeting (HELO)",
    "badreputation": "an account or a server of yours is barred: change its password, look what it sent",
    "failedstarttls": "the receiver wants an encrypted connection: turn TLS on for outgoing mail",
}
# What a rule's own meaning asks for, before its verdict's.
_RULES = {
    "own-resolver": "your own server asks the list through a resolver that the list refuses, and turns good "
    "mail away: give it a resolver of its own, or the list's key; until then take the list out of its "
    "configuration",
    "ses-unverified": "verify the sender's address or its domain at Amazon SES first",
    "own-login-failed": "your relay refused your own login: mend user and password there; if they worked "
    "yesterday, ask it whether the account is barred",
    "service-unavailable": "sendmail says so of any refusal: the receiver's own words stand in the bounce or "
    "the log, beside it",
    "connect-timeout": "nobody answered there: your server tries again",
    "helo": "let your mail server greet (HELO) with its own full name, one that resolves to {cited}",
}
_OTHERS = {
    "rate": "send less at once; your server tries again by itself",
    "content": "the message itself was refused: look at its links, attachments and words",
    "recipient": "it is the recipient's address or mailbox: reach him another way",
    "private-list": "only the recipient's administrator can take you off that list: reach him another way",
}
_REASONS = {
    "onhold": "nothing: your server tries again by itself",
    "expired": "the receiver could not be reached for long: try again, or ask him",
    "networkerror": "the receiver could not be reached: try again later",
    "systemerror": "the receiver's own trouble: try again later",
    "norelaying": "a server was asked to pass on mail that is not its own: look at who sends through which",
    "securityerror": "sign in at your relay, or look at what it demands",
}


class Advice:
    """What to do about refusals that come one by one: the texts are counted, the refusals not kept."""

    def __init__(self, own: tuple[Address, ...] = ()) -> None:
        self._own = own
        self._told: Counter[tuple[int, str]] = Counter()

    def add(self, one: Refusal) -> None:
        """Count what to do about one."""
        if not (text := about(one, self._own)):
            return
        line = (ORDER.index(one.verdict) if one.verdict in ORDER else len(ORDER), text)
        if line in self._told or len(self._told) < KEPT:
            self._told[line] += 1

    def lines(self) -> list[str]:
        """What to do now, the gravest first, at most MOST lines; [] where there is nothing to say."""
        ranked = sorted(self._told, key=lambda line: (line[0], -self._told[line]))
        grave = [line for line in ranked if line[0] < ORDER.index("rate")] or ranked
        return [text for _, text in grave[:MOST]]


def advise(refusals: Iterable[Refusal], own: tuple[Address, ...] = ()) -> list[str]:
    """What to do about refusals that are at hand."""
    advice = Advice(own)
    for one in refusals:
        advice.add(one)
    return advice.lines()


def about(refusal: Refusal, own: tuple[Address, ...] = ()) -> str:
    """What to do about one; "" for what is no refusal."""
    told = refusal.report is not None or refusal.sighting is not None
    return "" if told or refusal.reason in NO_REFUSAL else _one(refusal, own)


def _one(refusal: Refusal, own: tuple[Address, ...]) -> str:
    cited = str(refusal.cited_ip or "") or (str(own[0]) if len(own) == 1 else "")
    if text := _RULES.get(refusal.rule):
        return _where(text.format(cited=cited or "your address"), refusal)
    if refusal.verdict == "our-address":
        return _address(refusal, cited)
    if refusal.rule == OWN and (refusal.recipient or refusal.verdict == "content"):
        return "your own server's filter refused it: its log tells which device or account sent it"
    if refusal.rule.endswith("account-compromised"):
        return _where("an account of yours sends spam: change its password and look what it sent", refusal)
    if refusal.verdict == "our-setup":
        text = _SETUP.get(refusal.reason, "mend what the reply names")
        check = f"unlisted check {cited}" if cited else "unlisted check"  # without one it finds it itself
        text = text.format(cited=cited or "your address", check=check)
        a_line = refusal.reason == "requireptr" and _LINE_NAME.search(refusal.text or refusal.quote)
        return _where(f"{text}; until then {_RELAY}" if a_line else text, refusal)
    if refusal.verdict == "our-domain":
        return _domain(refusal)
    if refusal.verdict == "their-resolver":
        asked = f"; unlisted check {cited} tells whether you are listed" if cited else ""
        return f"tell the recipient that his server's own list queries are refused{asked}"
    if refusal.verdict == "undecided":
        if refusal.rule:
            return _where("read it: its words leave open what is meant; his postmaster knows", refusal)
        return "read it: no phrase in it is known, and its code alone accuses nobody"
    if own and refusal.cited_ip and refusal.cited_ip not in own:
        return (
            f"it cites {refusal.cited_ip}, none of yours: if it is yours too, say --own {refusal.cited_ip}; "
            "if it is your relay's, tell its operator"
        )
    fallback = "nothing to mend on our side"
    return _OTHERS.get(refusal.verdict) or _REASONS.get(refusal.reason) or fallback


def _address(refusal: Refusal, cited: str) -> str:
    """Our address' reputation: ask the list where it can be asked, else the one who refuses."""
    entry = listed.known().find(refusal.list) if refusal.list else None
    if entry is not None and entry.status == "dead":
        return f"{refusal.list} is dead: tell the recipient's postmaster that his server still asks it"
    if refusal.sublist in LINES or refusal.rule in LINES:
        return _where(f"it is refused as a customer's line, not for spam: {_RELAY}", refusal)
    if refusal.sublist in NEIGHBORS:
        return _where(
            "it names your provider's network: tell the provider; another relay helps tonight", refusal
        )
    if entry is not None and entry.asked:
        return f"unlisted check {cited}".rstrip() + "   (is it listed now, and what gets it off)"
    whom = entry.name if entry else filters.name(refusal.list or refusal.vendor) or "the receiver"
    ask = f"then ask {whom} to let you in"
    return _where(f"end the cause first{FINDS_IT}, {ask}", refusal)


def _domain(refusal: Refusal) -> str:
    """A domain's reputation: which one the reply names, and where its list may be asked."""
    entry = listed.known().find(refusal.list) if refusal.list else None
    by = entry.name if entry else filters.name(refusal.list or refusal.vendor) or "a list of domains"
    named = _NAMED_DOMAIN.search(refusal.text or refusal.quote)
    domain = (named[1] or named[2]) if named else ""
    whose = f"{domain} is" if domain else "a domain of yours, or one in the mail, is"
    page = (entry.lookup_url if entry else "") or ("" if domain and domain in refusal.url else refusal.url)
    text = f"{whose} listed by {by}: take it out of the mail, or ask there to take it off if it is yours"
    return f"{text}: {page}" if page else text


def _where(text: str, refusal: Refusal) -> str:
    return f"{text}: {refusal.url}" if refusal.url else text
