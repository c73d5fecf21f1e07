"""What a refusal's words mean: one function for bounces, mail-log lines and pasted replies.

The knowledge is `rules`; this file folds the text, finds the codes, lets the rules decide and tells our
address from the receiver's.
"""

import re
from functools import lru_cache

from msgspec import Struct

from unlisted import net
from unlisted.net import Address
from unlisted.notice import listed, ownwords, rules
from unlisted.notice.cited import ADDRESS4, cited
from unlisted.notice.phrases import Phrase
from unlisted.notice.rules import Rule

LIMIT = 8192  # characters read of one reply; RFC 5321 §4.5.3.1.5 allows 512 octets a line, some send 2 kB

# RFC 5321 §4.2.3, RFC 4954, RFC 7504, RFC 3848; what is not here is a local invention, not a reply code.
_CODES = (
    "211 214 220 221 235 250 251 252 334 354 421 422 430 432 450 451 452 453 454 455 458 459 "
    "471 472 499 500 501 502 503 504 510 511 512 513 515 517 521 523 525 530 531 532 533 534 "
    "535 538 540 541 550 551 552 553 554 555 556 557 571 590"
)
CODES = frozenset(_CODES.split())

# Patterns that search a whole reply begin with a class of letters: `re` skips to those at once.
_CODE = re.compile(
    r"([245](?:(?<=^[245])|(?<=^#[245])|(?<=\s#[245])|"
    r"(?<=[\s:;\"'(\[<>=,\u2018\u201a\u201c\u201e\u00ab\u300c\uff1a][245]))[0-9]{2})"
    r"(?=[\s:;,\"'\-])"
)
# Where an introduction ends, or another paragraph: no phrase runs on over it, and `;\n` stops them all.
_SEAM = re.compile(r"\n(?:\s*\n|(?<=:\n)(?=\S)|(?=<[^<>\s]{1,128}@[^<>\s]{1,128}>:))")
SEAM = ";\n"
_SAID = Phrase(
    r"(?:\bsaid|reason|\breported error):[ ;]\s?|\b(?:response|responded|returned)[\w ]{0,20}:[ ;]?\s?",
    words=("said:", "reason:", "reported error:", "respon", "returned"),
)
# A reply that begins with its own codes may quote another's behind them ("550 5.4.300 expired -> 451 …").
_STATED = re.compile(r"[45][0-9]{2}[ -]#?[45]\.[0-9]{1,3}\.[0-9]{1,3} ")
_STATUS = re.compile(r"([245](?<![0-9.][245])\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9]|\.[0-9])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
_CONTINUED = re.compile(r"([245](?:(?<=^[245])|(?<=[\s:;][245]))[0-9]{2})-")
_URL = re.compile(r"https?://[!#-&(-;=?-\[\]_a-z~]{1,600}", re.IGNORECASE)  # RFC 3986 §2: ASCII only
# Verdicts in which a list may have part; a name beside any other says nothing about us.
_OF_A_LIST = ("", "our-address", "our-domain", "their-resolver", "private-list", "undecided")
_TEMPORARY = re.compile(
    r"temporary failure|will be retried|retry time|delay reason|attempts will continue", re.IGNORECASE
)
_TRAILER = re.compile(r"\(in reply to [^()]{1,60}\)\s*$")
# Who is spoken of: in angle brackets, in front of a reply's own words, or behind "recipient" and its like.
_SOMEBODY = re.compile(
    r"(<|\b(?:recipient|user|mailbox|account|rcpt)[ :'\"]{1,3})?"
    r"((?<![^\s<>()\[\]\",;:@])[^\s<>()\[\]\",;:@]{1,128}+"
    r"@[^\s<>()\[\]\",;:@.]{1,64}+(?:\.[^\s<>()\[\]\",;:@.]{1,64}+){0,8}+)"
    r"(>|\s?\.\.\.|\s?:\s)?",
    re.IGNORECASE,
)
BEFORE = 16  # characters of "recipient : " and its like
_LETTER = re.compile(r"[^@.\s]")
_NO_REASON = (
    "", "onhold", "undefined", "securityerror", "rejected", "filtered", "userunknown", "systemerror",
)  # fmt: skip
_LISTED = re.compile(
    r"list|block|black|\brbl|\bbl\b|refus|reject|den(?:y|ied)|reput|spam|abuse|https?:", re.IGNORECASE
)
# Beside a list's name: nobody could ask it. "Temporary failure" alone is said of the mail.
_UNASKED = re.compile(
    r"\b(?:lookup|quer(?:y|ies|ied|ying)|dns)\b[^;]{0,60}\b(?:timed? ?out|fail|error)|"
    r"\bservfail\b|\bno (?:answer|response|reply) from\b|"
    r"\b(?:could not|couldn't|cannot|unable to|failed to) (?:query|ask|reach|look ?up|resolve|contact)\b",
    re.IGNORECASE,
)
_BEFORE_DATA = ("CONN", "EHLO", "HELO", "MAIL", "RCPT")


class Verdict(Struct, frozen=True, gc=False):
    """What one reply means. Absent is "" or None; fields as in `messages.Refusal`."""

    code: str = ""
    status: str = ""
    reason: str = "undefined"
    hard: bool = False
    verdict: str = "undecided"
    list: str = ""
    sublist: str = ""
    also: tuple[str, ...] = ()
    vendor: str = ""
    cited_ip: Address | None = None
    url: str = ""
    rule: str = ""
    quote: str = ""


def fold(text: str) -> str:
    """One line without controls; the repeated codes of a multi-line reply (RFC 5321 §4.2.1) taken out."""
    return _folded(text).replace(SEAM, " ")


@lru_cache(maxsize=8)  # a reply is folded to be judged, and to be shown
def _folded(text: str) -> str:
    """The same with SEAM where a blank line was, or an introduction ended."""
    text = text[:LIMIT]
    if "\n" in text and _SEAM.search(text):
        flat = SEAM.join(filter(None, map(_line, _SEAM.split(text))))
    else:
        flat = _line(text)
    if "-" in flat and (first := _CONTINUED.search(flat)):
        flat = _again(flat, first.end(), first[1])
    return flat


def _parted(flat: str) -> str:
    """With a seam where a reply of its own begins to tell another's words: "550 5.4.1 failed: X said: …"."""
    said = _SAID.search(flat) if _STATED.match(flat) else None
    return f"{flat[: said.end()]}{SEAM}{flat[said.end() :]}" if said else flat


def _line(text: str) -> str:
    flat = " ".join(text.split())
    if flat.isprintable():
        return flat
    return " ".join(_CONTROL.sub(" ", flat).split())  # what is left of them, and what hides or turns letters


def _again(flat: str, start: int, code: str) -> str:
    """Take the continuation prefixes out, "550-5.7.1 " and the last line's "550 5.7.1 "."""
    status = _STATUS.match(flat, start)
    own = re.escape(status[1]) if status else r"[245]\.[0-9]{1,3}\.[0-9]{1,3}"
    rest = re.sub(rf"([ \n]){code}[- ](?:#?{own} )?", r"\1", flat[start:])
    if status is None and (late := re.search(rf"[ \n]{code}[- #]{{1,3}}({own})", flat[start:])):
        rest = f"{late[1]} {rest}"  # the first line had no status, a later one has: keep it
    return f"{flat[: start - 1]} {rest}"


def codes(text: str) -> tuple[str, str, int]:
    """Reply code, enhanced status and where the reply itself begins, of folded text."""
    said = None if _STATED.match(text) else _SAID.search(text)
    found = (_CODE.search(text, max(0, said.end() - 1)) if said else None) or _first_code(text)
    begins = found.start(1) if found else (said.end() if said else 0)
    code = found[1] if found and found[1] in CODES else ""
    status = _status(text, begins, found[1] if found else "")
    return code, status, begins


def _first_code(text: str) -> re.Match[str] | None:
    """The first number that is used as a refusal's code, else as any reply's.

    A bare "250 recipients" in prose is none, and a session's "220" and "250" are not what refused.
    """
    first = None
    for found in _CODE.finditer(text):
        if found[1] in CODES or found.start(1) < 2:
            if found[1][0] in "45":
                return found
            first = first or found
    return first


def _status(text: str, begins: int, code: str) -> str:
    every: list[str] = _STATUS.findall(text, begins) or (_STATUS.findall(text) if begins else [])
    fitting = [s for s in every if not code or s[0] == code[0]]
    telling = [s for s in fitting if not s.endswith(".0.0")]
    return (telling or fitting or [""])[0]


def judge(
    text: str,
    own: tuple[Address, ...] = (),
    *,
    remote_mta: str = "",
    status: str = "",
    command: str = "",
) -> Verdict:
    """Read one reply. `status`: what the report's Status field says; `command`: what it answered to."""
    whole = _parted(_folded(text))
    code, said, begins = codes(whole)
    flat = whole[:begins] + ownwords.masked(whole[begins:])
    code, status = _agree(code, said, status)
    # The relay's own words before and after the reply ("after MAIL FROM:<…>", "in reply to RCPT") are not it.
    reply = _TRAILER.sub("", flat[begins:])
    said_of_him, contacts = _unnamed(reply)
    data, hits = rules.table(), _holding(reply, said_of_him, contacts)
    name, quote, verdict = _deciding(hits, said_of_him, whole[begins:])
    reason, firm = next(((r.reason, r.firm) for _, r, _ in hits if r.reason), ("", False))
    reason = reason if firm else _reason(reason, status, code, command, reply)
    urls = _urls(flat)
    list_ = listed.find(reply, name, hits, verdict, remote_mta) if verdict in _OF_A_LIST else listed.Named()
    theirs = any(r.theirs for _, r, _ in hits)
    if list_.list and not verdict and _LISTED.search(listed.MAILBOX.sub("@", reply)):
        named_by = (_quote(pattern, said_of_him, whole[begins:]) for _, r, pattern in hits if r.list)
        quote = list_.said or next(named_by, list_.list)
        name, verdict, reason = _listed(list_.list, reason)
        verdict = "their-resolver" if _UNASKED.search(reply) else verdict
    elif verdict == "our-address" and listed.of_domains(list_.list) and not rules.table().rule[name].list:
        verdict = "our-domain"  # the words are those for any list, and this one holds names
    meaning = data.reason.get(reason)
    if not verdict:
        # Codes alone never accuse us: "550 Rejected" at EHLO may have any cause.
        verdict = meaning.verdict if meaning else "undecided"
        verdict = verdict if name or verdict not in ("our-address", "our-domain") else "undecided"
    if verdict == "content" and reason == "policyviolation" and command in _BEFORE_DATA:
        verdict = "undecided"  # nobody had seen any content yet
    if code.startswith("2"):
        verdict = "other"  # it was taken
    # These speak of the client and of nobody else.
    about_client = verdict == "our-address" or reason == "requireptr"
    address = cited(flat, begins, own, remote_mta, alone=about_client)
    if theirs and address not in own:
        address = None
    if verdict == "our-address" and own and address is not None and not _ours(address, own):
        verdict = "other"  # somebody else's: a relay's, or one that was ours before
    vendor = next((r.vendor for _, r, _ in hits if r.vendor), "") or rules.vendor_of(remote_mta)
    status = status or (pseudo(reason, code, flat) if flat else "")
    return Verdict(
        code=code,
        status=status,
        reason=reason,
        hard=bool(meaning and meaning.hard) and not (reason == "notaccept" and status.startswith("4")),
        verdict=verdict,
        list=list_.list,
        sublist=list_.sublist,
        also=list_.also,
        vendor=vendor,
        cited_ip=address,
        url=_best_url(urls),
        rule=name,
        quote=quote,
    )


def _ours(address: Address, own: tuple[Address, ...]) -> bool:
    """True for an own address, and for one of the inside: no list and no receiver far away knows those."""
    return address in own or net.inside(address)


def _unnamed(reply: str) -> tuple[str, str]:
    """The reply with the letters of mailboxes made x, as long as it was: somebody's name says nothing.

    Twice: with all of them, and with those only that are spoken of; an address to write to tells whose
    filter it is.
    """
    unnamed: list[str] = []
    contacts: list[str] = []
    done = at = 0
    while (sign := reply.find("@", at)) >= 0:
        # He begins behind the last space, and what says who he is right before it.
        found = _SOMEBODY.search(reply, max(at, reply.rfind(" ", at, sign) - BEFORE))
        if found is None:
            break
        start, end = found.span(2)
        masked = _LETTER.sub("x", found[2])
        unnamed += (reply[done:start], masked)
        contacts += (reply[done:start], masked if found[1] or found[3] else found[2])
        done, at = end, found.end()
    if not done:
        return reply, reply
    return "".join(unnamed) + reply[done:], "".join(contacts) + reply[done:]


def _holding(reply: str, unnamed: str, contacts: str) -> list[tuple[str, Rule, int]]:
    """The rules that hold whatever the mailboxes are called, and those that ask for one to write to.

    What is only the recipient's may go by his address.
    """
    hits = rules.matcher().holding(unnamed)
    if unnamed == reply:
        return hits
    more = rules.addressed(reply, "recipient")
    if contacts != unnamed:
        more |= rules.addressed(contacts)
    more -= {name for name, _, _ in hits}
    if not more:
        return hits
    hits += [hit for hit in rules.matcher().holding(reply) if hit[0] in more]
    return sorted(hits, key=lambda hit: rules.matcher().place_of[hit[0]])


def _agree(code: str, said: str, status: str) -> tuple[str, str]:
    """Reply text before Status field; a code of another class than the only status contradicts it.

    Postfix reports 4.0.0 for a 554 greeting, which it met and tried again: then the status says what
    became of the mail, and the code is left out.
    """
    field = _STATUS.search(status)
    best = said or (field[1] if field else "")
    if said.endswith(".0.0") and field and not field[1].endswith(".0.0") and field[1][0] == said[0]:
        best = field[1]
    if code and best and not said and code[0] != best[0]:
        code = ""
    return code, best


def _deciding(hits: list[tuple[str, Rule, int]], text: str, reply: str) -> tuple[str, str, str]:
    """Name, quoted span and verdict of the first rule with a verdict, else with a reason.

    `text` is what the rules were asked, `reply` the same as it stood.
    """
    for name, rule, pattern in hits:
        if rule.verdict:
            return name, _quote(pattern, text, reply), rule.verdict
    for name, rule, pattern in hits:
        if rule.reason:
            return name, _quote(pattern, text, reply), ""
    return "", "", ""


def _quote(pattern: int, text: str, reply: str) -> str:
    place = rules.matcher().place(pattern, text)
    return reply[place[0] : place[1]].replace(SEAM, " ").strip()[:400] if place else ""


def _reason(reason: str, status: str, code: str, command: str, flat: str) -> str:
    data = rules.table()
    detail = status.partition(".")[2]
    if reason == "userunknown" and _accepted_once(detail, command):
        return "filtered"
    if reason == "securityerror" and command == "MAIL":
        return "rejected"
    if reason:
        return reason
    if code.startswith("2") or status.startswith("2."):
        return "delivered"
    by_status = data.status.get(detail, "") or data.status.get(detail.partition(".")[0], "")
    if by_status == "userunknown" and command in ("DATA", "MAIL", "EHLO", "HELO", "CONN"):
        by_status = "filtered" if command == "DATA" else "rejected"
    if by_status:
        return by_status
    if code in data.code:
        return data.code[code]
    if code or status:
        return data.command.get(command, "") or ("onhold" if flat else "undefined")
    return "undefined"


def _accepted_once(detail: str, command: str) -> bool:
    """True when "user unknown" came from somebody who had not refused the recipient as such: a filter.

    Only the answer to RCPT is about the recipient (RFC 5321 §3.3), and only X.1.1 and its neighbors say so
    by number (RFC 3463 §3.2). After DATA, or from nobody knows where, it may be anybody's filter.
    """
    return command != "RCPT" and rules.table().status.get(detail) != "userunknown"


def _listed(key: str, reason: str) -> tuple[str, str, str]:
    """Nothing but the list's name in the text: a refusal by that list."""
    domains = listed.of_domains(key)
    if reason in _NO_REASON:
        reason = "spamdetected" if domains else "blocked"
    return f"zone.{key}", "our-domain" if domains else "our-address", reason


def pseudo(reason: str, code: str, flat: str = "") -> str:
    """Sisimai's published code for a reason, where a message gives no enhanced status of its own."""
    known = rules.table().reason.get(reason)
    if known is None or not known.pseudo:
        return ""
    temporary = code.startswith("4") or (not code and bool(_TEMPORARY.search(flat)))
    return f"{'4' if temporary else '5'}.0.{known.pseudo}"


def _urls(flat: str) -> list[str]:
    return [m[0].rstrip(".,;:!?)]'\"") for m in _URL.finditer(flat)] if "://" in flat else []


def _best_url(urls: list[str]) -> str:
    """The page to go to: one that names an address or a list before one that explains codes in general."""
    for url in urls:
        if ADDRESS4.search(url) or any(rules.named(h[0].lower()) for h in listed.HOST.finditer(url)):
            return url
    return urls[0] if urls else ""


def is_pseudo(status: str) -> bool:
    """True for a status that we put there ourselves, Sisimai's 5.0.9xx."""
    return status[1:5] == ".0.9" and len(status) == 7
