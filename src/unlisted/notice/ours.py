"""Whether our own server refused a mail: its content filter, before any receiver saw it.

amavis, rspamd, MIMEDefang and a milter answer the server that holds the mail; its bounce looks as any other
(Postfix FILTER_README: `host 127.0.0.1[127.0.0.1] said: 554 5.7.0 Reject`). The reporter is ours when he is
of the domain to which he writes, and he refused himself when he names a host inside, or nobody else at all.
What a filter of somebody else sent back to us stays what it is.
"""

import re

from msgspec import structs

from unlisted import net
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import dialects
from unlisted.notice.parts import Part, words

OWN = "own-server"
RESOLVER = "own-resolver"
_HOST = re.compile(r"\s?[\[(]")
_MAYBE = ("content", "undecided")
_FILTER = re.compile(
    r"content.?filter|amavis|rspamd|mimedefang|(?:spam|virus).?(?:filter|scan|wall)", re.IGNORECASE
)
# Whoever turned it away, it was not the one who writes this: servers do not always say who it was.
_ANOTHER = re.compile(
    r"\bremote\b|\bsaid: |\brespon(?:se|ded|ds)\b|smtp error from|after I sent|generating server:|"
    r"while talking to|^[> \t]{0,6}<<< |[\"'\u00ab\u201c\u201e]\s?#?[45][0-9]{2}[ -]#?[45]\.[0-9]\.",
    re.IGNORECASE | re.MULTILINE,
)
_LOCAL = re.compile(r"local(?:host)?(?:\.|$)|127\.|\[?::1\]?$", re.IGNORECASE)


def told(made: list[Refusal], head: Part, text: str, own: tuple[Address, ...]) -> list[Refusal]:
    """The refusals of a bounce; those of our own server say so."""
    if not any(one.verdict in _MAYBE for one in made) or not (domain := _ours(head)):
        return made
    speaks = bool(_FILTER.search(words(head.get("from"))))
    return [_marked(one) if _by_us(one, speaks, domain, text, own) else one for one in made]


def _by_us(one: Refusal, speaks: bool, domain: str, text: str, own: tuple[Address, ...]) -> bool:
    if one.verdict not in _MAYBE:
        return False
    if not one.remote_mta:
        return speaks or (one.verdict == "content" and not _ANOTHER.search(text))
    if one.verdict == "content" and _within(_HOST.split(one.remote_mta)[0].lower(), domain):
        return True
    return _inside(one.remote_mta, text, own)


def _marked(one: Refusal) -> Refusal:
    verdict = one.verdict if one.verdict == "content" else "other"
    quote = f"our own server refused it: {one.quote or one.text}"[:200]
    return structs.replace(one, rule=OWN, verdict=verdict, quote=quote, cited_ip=None)


def _inside(remote: str, text: str, own: tuple[Address, ...]) -> bool:
    """True for a host that only our own server reaches, or that is ours."""
    if _LOCAL.match(remote):
        return True
    host = _HOST.split(remote)[0].lower()
    beside = dialects.remote(text)  # a report's field seldom holds the address that the words tell
    for named in (remote, beside if beside.lower().startswith(f"{host} [") else ""):
        address = net.ip(named.rpartition("[")[2].strip("])")) if named else None
        if address is not None:
            return address in own or address.is_loopback or net.inside(address)
    return False


def _ours(head: Part) -> str:
    """The domain to which a mail is written where its reporter is of it, or within it; else ""."""
    if head.get("to")[-200:].rpartition("@")[2].rstrip("> ").lower() not in head.get("from").lower():
        return ""  # of most bounces, and sooner known than their addresses
    by, to = (dialects.address(head.get(name)).rpartition("@")[2].lower() for name in ("from", "to"))
    return to if to and _within(by, to) else ""


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
