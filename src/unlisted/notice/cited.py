"""Whose address a refusal cites: the client's, which is ours or our relay's, or the receiver's own."""

import re

from unlisted import net
from unlisted.net import Address
from unlisted.notice import rules
from unlisted.notice.phrases import Phrase

# A letter between digits is a misspelled one ("2O3.0.113.5"), unless a URL has a bracket so ("%5B203.…").
ADDRESS4 = re.compile(
    r"[0-9](?<![0-9.][0-9])(?<![^%][0-9][A-Za-z][0-9])[0-9]{0,2}\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}"
    r"(?![0-9]|\.[0-9])"
)
_ADDRESS6 = re.compile(
    r"(?:(?<![0-9A-Za-z:.])|(?<=IPv6:))(?:[0-9a-fA-F]{0,4}:){2,7}"
    r"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F]{0,4})(?![0-9A-Za-z])"
)
_COLONS = re.compile(r":[0-9a-fA-F]{0,4}:")  # no IPv6 address has fewer
# A part of an IPv6 address: "2001:db8:1:2:192.0.2.1" is nobody's IPv4 address.
_GROUPS = re.compile(r"[0-9a-f]{1,4}:[0-9a-f]{0,4}:$", re.IGNORECASE)
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
    r"\bour (?:ip|address|server|host|mail ?server)(?: ip| address)?|"
    r"host [\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\.?|by [\w.-]{1,255}|\bmx|"
    r"\be?smtp(?: service| server)?)[\s\[(:<]{1,3}$|"
    r"https?://\[?$|"  # a page to go to lies with them
    r"/returnc/[a-z]{1,16}/$",  # Spamhaus' page about their resolver
)
# The receiver's greeting, before it speaks to us: "554-mx1.example.org [192.0.2.1] 554 Your access …".
_GREETING = re.compile(
    r"[245][0-9]{2}[ -][\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[a-z][a-z0-9-]{0,62}[\s\[(]{1,3}",
    re.ASCII | re.IGNORECASE,
)
_TO_US = re.compile(
    r"[\])]?\s{1,2}(?:your?|we|this|access|sorry|connections?|messages?|e?-?mail)\b", re.IGNORECASE
)
# What is told to people before the reply, in any language: "发信IP 192.0.2.1", "votre adresse IP 192.0.2.1".
_TOLD = re.compile(r"(?<![A-Za-z])IP(?![A-Za-z])[^0-9\[\]:.,;]{0,12}[:\uff1a]?[ \[(]{0,3}$")
_OF_THEIRS = re.compile(r"remote|receiv|destination|recipient|their|\bmx\b", re.IGNORECASE)
_BARRED = re.compile(
    r"[\])>]{0,2} (?:is |was |has been )?(?:(?:black|block)[ -]?listed|blocked|banned|listed)\b"
)
# A blank behind a dot, where a word says that an address follows.
_SPACED = re.compile(
    r"\b(host|ip|client|address|from)([ \[(:]{1,3})([0-9]{1,3}(?:\. ?[0-9]{1,3}){3})(?![0-9]|\.[0-9])",
    re.IGNORECASE,
)
MOST = 64  # addresses of one reply that are weighed; behind them only our own are looked for
# A program's version and a standard's section have four numbers as well; a list's query holds the octets in
# reverse (RFC 5782 §2.1).
_NUMBERED = re.compile(
    r"\b(?:version|release|build|rev(?:ision)?|brightmail|exim|exchange|sendmail|postfix|ironport|fortimail|"
    r"spamassassin|puremessage|mailscanner|mailmarshal|mimesweeper|messaging gateway)[ /:=]{1,2}v?$|"
    r"\b(?:engine|definitions?|signatures?|patterns?|database)[ =:/]{1,2}v?$|\bv[. ]?$|"
    r"\brfc[ -]?[0-9]{3,5}[ ,;:(#]{1,3}$|\b(?:sect(?:ion)?|sec\.|clause|paragraph|para\.|chapter|article|"
    r"appendix|oid|aup)[ .:#]{1,2}$|\u00a7 ?$",
    re.IGNORECASE,
)
# A letter where a digit was, so that what is left is another's address: "2O3.0.113.5".
_MISREAD = re.compile(r"[0-9.][oil|]{1,2}$", re.IGNORECASE)
_NOT_BEHIND = re.compile(r"@|[oil|](?![^\W_])", re.IGNORECASE)  # a message's id; a letter for a digit
_PREFIX = re.compile(r"/[0-9]{1,3}(?![\w./-])")  # behind a network: that is nobody's own address
_RATED = re.compile(r" {1,8}[0-9]{1,3}\]")  # Gmail: "[192.0.2.9 18]", the client and a number behind it
_NAME = re.compile(r"\.[a-z][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,7}", re.IGNORECASE)
# … and what stands right behind the receiver's: it spoke, or nobody answered there.
_DOES_NOT = re.compile(
    r"^[\])>]{0,2}(?:\s?(?:does not like|failed after|sa(?:id|ys)|responded|did not like|"
    r"refuse[ds] to (?:accept|talk)|re(?:jected|jects|fuses|fused) (?:your|this|the|our) m|e?smtp\b|"
    r"(?:refuses|denies|rejects)[:;,]|[245][0-9]{2}[ -])|"
    r"(?::[0-9]{1,5})?: (?:socket error|timed out|connection|no route|network))",
    re.IGNORECASE,
)


def cited(
    flat: str, begins: int, own: tuple[Address, ...], remote_mta: str = "", *, alone: bool = False
) -> Address | None:
    """Our address as the text cites it, never the receiver's. One of `own` goes before all else.

    What stands before the reply itself is the relay speaking of the receiver: `host mx[192.0.2.1] said:`.
    `alone`: the text speaks of its client, so the only address in it is the client's.
    """
    flat = _SPACED.sub(_joined, flat)
    spans = _spans(flat)
    if not spans:
        return None
    receiver = set(addresses(remote_mta))
    found: list[tuple[int, Address]] = []
    for number, match in enumerate(spans if own else spans[:MOST]):
        if number >= MOST and net.ip(match[0]) not in own:
            continue
        address = None if _cut(match, flat) else _meant(match, flat)
        if address is None or address.is_loopback or address.is_unspecified:
            continue
        if address in own:
            return address
        before = flat[max(0, match.start() - 80) : match.start()]
        behind = flat[match.end() : match.end() + 32]
        greets = _TO_US.match(behind) and _GREETING.fullmatch(flat, begins, match.start())
        theirs = _THEIRS.occurs(before)
        if (
            theirs and match.start() > begins and _BARRED.match(behind)
        ):  # "host mx.example [192.0.2.1] listed"
            receiver.discard(address)
            found.append((0, address))
            continue
        if match.start() < begins and not theirs and _sends(before, behind):
            found.append((2, address))
            continue
        if match.start() < begins or greets or theirs or _DOES_NOT.match(behind):
            receiver.add(address)
            continue
        tied = _OURS.occurs(before) or _RATED.match(flat, match.end())
        found.append((0 if tied else 1, address))
    left = sorted((f for f in found if f[1] not in receiver), key=lambda f: f[0])
    alone = alone and len(spans) <= MOST and len({address for _, address in left}) == 1
    # With own addresses declared, a bare number that nothing ties to the client is not one of them.
    return left[0][1] if left and (alone or not (own and left[0][0])) else None


def told_of(text: str) -> Address | None:
    """The one address that a notice calls an IP, and that nothing says is the receiver's."""
    flat = " ".join(text[:4000].split())
    told = {
        net.ip(match[0])
        for match in _spans(flat)[:MOST]
        if _sends(flat[max(0, match.start() - 80) : match.start()], flat[match.end() : match.end() + 32])
    }
    return told.pop() if len(told) == 1 else None


def _sends(before: str, behind: str) -> bool:
    named = _TOLD.search(before) and not _OF_THEIRS.search(before[-40:])
    return bool(named) and not (_DOES_NOT.match(behind) or _PREFIX.match(behind))


def _joined(found: re.Match[str]) -> str:
    """As long as it was."""
    address = found[3].replace(" ", "")
    return found[1] + found[2] + address.rjust(len(found[3]))


def addresses(text: str) -> list[Address]:
    """Every address in a host's name and what stands beside it, however it is spelled."""
    return [address for match in _spans(text) if (address := net.ip(match[0])) is not None]


def _spans(text: str) -> list[re.Match[str]]:
    four = ADDRESS4.finditer(text)
    if not _COLONS.search(text):
        return list(four)
    return sorted([*four, *_ADDRESS6.finditer(text)], key=lambda match: match.start())


def _cut(match: re.Match[str], flat: str) -> bool:
    """True when the text breaks off within an address: more digits may have followed."""
    start, end = match.span()
    opened = flat[start - 1 : start]
    rest = flat[end : end + 40]
    if rest.startswith(("...", "\u2026")) and (opened in ("[", "(", "<") or not rest.strip(".\u2026'\" ")):
        return True
    return (opened == "[" and "]" not in rest) or (opened in ("(", "<") and not rest)


def _meant(match: re.Match[str], flat: str) -> Address | None:
    """The address that a run of digits spells; None for a version, a section, or a piece of a name."""
    text = match[0]
    if _PREFIX.match(flat, match.end()):
        return None
    if ":" in text:
        return net.ip(text) or net.ip(text.removesuffix(":"))
    before = flat[max(0, match.start() - 40) : match.start()]
    if _NUMBERED.search(before) or _GROUPS.search(before):
        return None
    if _MISREAD.search(before) or _NOT_BEHIND.match(flat, match.end()):
        return None
    if name := _NAME.match(flat, match.end()):
        listed = rules.named(name[0][1:].lower())
        return net.ip(".".join(reversed(text.split(".")))) if listed else None
    return net.ip(text)
