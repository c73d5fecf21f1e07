"""What a refusal's words mean: one function for bounces, mail-log lines and pasted replies.

The knowledge is `rules`; this file folds the text, finds the codes, lets the rules decide and tells our
address from the receiver's.
"""

import re
from functools import lru_cache

from msgspec import Struct

from unlisted import net
from unlisted.net import Address
from unlisted.notice import rules
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
    r"([245](?:(?<=^[245])|(?<=^#[245])|(?<=\s#[245])|(?<=[\s:;\"'(\[<>=,][245]))[0-9]{2})"
    r"(?=[\s:;,\"'\-])"
)
_SAID = Phrase(
    r"\bsaid: |reason: |\b(?:response|responded|returned)[\w ]{0,20}: ?",
    words=("said: ", "reason: ", "respon", "returned"),
)
# A reply that begins with its own codes may quote another's behind them ("550 5.4.300 expired -> 451 …").
_STATED = re.compile(r"[45][0-9]{2}[ -]#?[45]\.[0-9]{1,3}\.[0-9]{1,3} ")
_STATUS = re.compile(r"([245](?<![0-9.][245])\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9]|\.[0-9])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
_CONTINUED = re.compile(r"(?:^|[\s:;])([245][0-9]{2})-")
_URL = re.compile(r"https?://[!#-&(-;=?-\[\]_a-z~]{1,600}", re.IGNORECASE)  # RFC 3986 §2: ASCII only
_HOST = re.compile(
    r"(?<![\w.-])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.){1,8}[a-z][a-z0-9-]{1,23}", re.IGNORECASE
)
_ADDRESS4 = re.compile(r"[0-9](?<![0-9.][0-9])[0-9]{0,2}\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}(?![0-9]|\.[0-9])")
_ADDRESS6 = re.compile(
    r"(?<![0-9A-Za-z:.])(?=[0-9a-fA-F]{0,4}:)[0-9a-fA-F:]{2,39}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?"
)
_COLONS = re.compile(r":[0-9a-fA-F]{0,4}:")  # no IPv6 address has fewer
_USING = Phrase(
    # "rejected by NAME" is the receiver; "blocked by NAME" and "listed by NAME" are a list.
    r"(?:(?:blocked|blacklisted|listed|found)[\w ]{0,24}? (?:using|by|at|on|in|provider)"
    r"|(?:rejected|refused|denied)[\w ]{0,24}? (?:using|on|in|provider))"
    r"[: ]{1,2}([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,7})",
    words=("listed", "blocked", "found", "rejected", "refused", "denied"),
)
# A part of an IPv6 address: "2001:db8:1:2:192.0.2.1" is nobody's IPv4 address.
_GROUPS = re.compile(r"[0-9a-f]{1,4}:[0-9a-f]{1,4}:$", re.IGNORECASE)
_TEMPORARY = re.compile(
    r"temporary failure|will be retried|retry time|delay reason|attempts will continue", re.IGNORECASE
)
_TRAILER = re.compile(r"\(in reply to [^()]{1,60}\)\s*$")
# What stands right before an address when a receiver speaks of its client.
_OURS = Phrase(
    r"(?:client(?: host)?|helo|sending (?:ip|mta|server)|(?:your|the|source|ip|mail|messages?|"
    r"connections?|blocked|"
    r"banned|email|e-mail) (?:ip|address|addresses|from|server|host)|from|for|ips?|ipr|addr|address|h|v|"
    r"q|lookup)"
    r"[\s\[(:=/?]{1,4}(?:ip |address |\[)?$",
)
# … and when somebody speaks of the receiver.
_THEIRS = Phrase(
    r"(?:(?:connect(?:ed|ing|ion)? (?:to|with)|conversation with|giving up on|talking to|said by|rejected by)"
    r"(?: [\w.-]{1,255})?|(?:remote|receiving|destination) (?:mail |smtp )?server|"
    r"(?:server at|on (?:server|host)) [\w.-]{1,255}|"
    r"\bport [0-9]{1,5} of|received (?:at|on) .{1,60} from [\w.-]{0,255}|"
    r"host [\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\.?|by [\w.-]{1,255}|\bmx)[\s\[(:<]{1,3}$",
)
# A program's version has four numbers as well; a list's query holds the octets in reverse (RFC 5782 §2.1).
_VERSION = re.compile(
    r"\b(?:version|release|build|brightmail|exim|exchange|sendmail|postfix|ironport|fortimail)[ /:]{1,2}v?$",
    re.IGNORECASE,
)
_NAME = re.compile(r"\.[a-z][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,7}", re.IGNORECASE)
# … and what stands right behind the receiver's: it spoke, or nobody answered there.
_DOES_NOT = re.compile(
    r"^[\])>]?(?:\s?(?:does not like|failed after|said|responded|did not like|refused to (?:accept|talk))|"
    r"(?::[0-9]{1,5})?: (?:socket error|timed out|connection|no route|network))",
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
    vendor: str = ""
    cited_ip: Address | None = None
    url: str = ""
    rule: str = ""
    quote: str = ""


@lru_cache(maxsize=8)  # a reply is folded to be judged, and to be shown
def fold(text: str) -> str:
    """One line without controls; the repeated codes of a multi-line reply (RFC 5321 §4.2.1) taken out."""
    flat = " ".join(text[:LIMIT].split())
    if not flat.isprintable():  # what is left of the controls, and what hides or turns letters
        flat = " ".join(_CONTROL.sub(" ", flat).split())
    if "-" in flat and (first := _CONTINUED.search(flat)):
        flat = _again(flat, first.end(), first[1])
    return flat


def _again(flat: str, start: int, code: str) -> str:
    """Take the continuation prefixes out, "550-5.7.1 " and the last line's "550 5.7.1 "."""
    status = _STATUS.match(flat, start)
    own = re.escape(status[1]) if status else r"[245]\.[0-9]{1,3}\.[0-9]{1,3}"
    rest = re.sub(rf" {code}[- ](?:#?{own} )?", " ", flat[start:])
    if status is None and (late := re.search(rf" {code}[- #]{{1,3}}({own})", flat[start:])):
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
    used = [found for found in _CODE.finditer(text) if found[1] in CODES or found.start(1) < 2]
    return next((found for found in used if found[1][0] in "45"), used[0] if used else None)


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
    flat = fold(text)
    code, said, begins = codes(flat)
    code, status = _agree(code, said, status)
    # The relay's own words before and after the reply ("after MAIL FROM:<…>", "in reply to RCPT") are not it.
    reply = _TRAILER.sub("", flat[begins:])
    data, hits = rules.table(), rules.matcher().holding(reply)
    name, quote, verdict = _deciding(hits, reply)
    reason, firm = next(((r.reason, r.firm) for _, r, _ in hits if r.reason), ("", False))
    reason = reason if firm else _reason(reason, status, code, command, reply)
    urls = _urls(flat)
    zone, sublist = _zone(flat, hits, verdict)
    theirs = any(r.theirs for _, r, _ in hits)
    if zone and not verdict:
        name, quote, verdict, reason = _listed(zone, flat, reason)
    meaning = data.reason.get(reason)
    if not verdict:
        # Codes alone never accuse us: "550 Rejected" at EHLO may have any cause.
        verdict = meaning.verdict if meaning else "undecided"
        verdict = verdict if name or verdict not in ("our-address", "our-domain") else "undecided"
    if verdict == "content" and reason == "policyviolation" and command in _BEFORE_DATA:
        verdict = "undecided"  # nobody had seen any content yet
    address = None if theirs else cited(flat, begins, own, remote_mta)
    if verdict == "our-address" and own and address is not None and address not in own:
        verdict = "other"  # somebody else's: a relay's, or one that was ours before
    vendor = next((r.vendor for _, r, _ in hits if r.vendor), "") or rules.vendor_of(remote_mta)
    status = status or (pseudo(reason, code, flat) if flat else "")
    return Verdict(
        code=code,
        status=status,
        reason=reason,
        hard=bool(meaning and meaning.hard) and not (reason == "notaccept" and status.startswith("4")),
        verdict=verdict,
        list=zone,
        sublist=next((r.sublist for _, r, _ in hits if r.sublist), "") or sublist,
        vendor=vendor,
        cited_ip=address,
        url=_best_url(urls),
        rule=name,
        quote=quote,
    )


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


def _deciding(hits: list[tuple[str, Rule, int]], flat: str) -> tuple[str, str, str]:
    for name, rule, pattern in hits:
        if rule.verdict:
            return name, rules.matcher().quote(pattern, flat)[:400], rule.verdict
    for name, rule, pattern in hits:
        if rule.reason:
            return name, rules.matcher().quote(pattern, flat)[:400], ""
    return "", "", ""


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


def _listed(zone: str, flat: str, reason: str) -> tuple[str, str, str, str]:
    """Nothing but the list's name in the text: a refusal by that list."""
    known = rules.table().zone.get(zone)
    scope = known.scope if known else "address"
    verdict = "our-domain" if scope == "domain" else "our-address"
    host = next((h[0] for h in _HOST.finditer(flat) if rules.named(h[0].lower())), zone)
    if reason in (
        "",
        "onhold",
        "undefined",
        "securityerror",
        "rejected",
        "filtered",
        "userunknown",
        "systemerror",
    ):
        reason = "spamdetected" if scope == "domain" else "blocked"
    return f"zone.{zone}", host, verdict, reason


def _zone(flat: str, hits: list[tuple[str, Rule, int]], verdict: str) -> tuple[str, str]:
    """The list that the text names: by a rule, by a host name that we know, by "blocked using NAME"."""
    for _, rule, _ in hits:
        if rule.list:
            return rule.list, rule.sublist
    for found in _HOST.finditer(flat) if rules.cites(flat) else ():
        if key := rules.named(found[0].lower()):
            zone = rules.table().zone[key]
            part = next((s for h, s in zone.sublists.items() if h in found[0].lower()), "")
            return key, part
    using = _USING.search(flat) if verdict != "private-list" else None  # "blocked by <their own domain>"
    if using is None:
        return "", ""
    name = using[1].lower()
    if using.end() >= len(flat) or flat.startswith("...", using.end()):
        cut = rules.begins(name)  # the relay cut the reply off here
        return cut or (name if name.count(".") > 1 else ""), ""
    if net.ip(name) is None and any(c.isalpha() for c in name.rpartition(".")[2]):
        return name, ""
    return "", ""


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
        if _ADDRESS4.search(url) or any(rules.named(h[0].lower()) for h in _HOST.finditer(url)):
            return url
    return urls[0] if urls else ""


def cited(flat: str, begins: int, own: tuple[Address, ...], remote_mta: str = "") -> Address | None:
    """Our address as the text cites it, never the receiver's.

    What stands before the reply itself is the relay speaking of the receiver: `host mx[192.0.2.1] said:`.
    """
    found: list[tuple[int, Address, int, int]] = []
    spans = [*_ADDRESS4.finditer(flat), *(_ADDRESS6.finditer(flat) if _COLONS.search(flat) else ())]
    if not spans:
        return None
    receiver = {a for a in (net.ip(m[0]) for m in _ADDRESS4.finditer(remote_mta)) if a}
    for match in sorted(spans, key=lambda m: m.start()):
        address = _meant(match, flat)
        if address is None or address.is_loopback or address.is_unspecified:
            continue
        if address in own:
            return address
        before = flat[max(0, match.start() - 80) : match.start()]
        if (
            match.start() < begins
            or _THEIRS.occurs(before)
            or _DOES_NOT.match(flat[match.end() : match.end() + 24])
        ):
            receiver.add(address)
            continue
        found.append((0 if _OURS.occurs(before) else 1, address, match.start(), match.end()))
    for rank, address, _, _ in sorted(found, key=lambda f: (f[0], f[2])):
        # With own addresses declared, a bare number that nothing ties to the client is not one of them.
        if address not in receiver and not (own and rank):
            return address
    return None


def _meant(match: re.Match[str], flat: str) -> Address | None:
    """The address that a run of digits spells; None for a version, or for a piece of a host's name."""
    text = match[0]
    if ":" in text:
        return net.ip(text.strip(":") if text.count(":") < 2 else text)
    before = flat[max(0, match.start() - 20) : match.start()]
    if _VERSION.search(before) or _GROUPS.search(before):
        return None
    if name := _NAME.match(flat, match.end()):
        listed = rules.named(name[0][1:].lower())
        return net.ip(".".join(reversed(text.split(".")))) if listed else None
    return net.ip(text)


def is_pseudo(status: str) -> bool:
    """True for a status that we put there ourselves, Sisimai's 5.0.9xx."""
    return status[1:5] == ".0.9" and len(status) == 7
