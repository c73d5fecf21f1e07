"""The CBL's look-up page (cbl.abuseat.org until 2021, since then part of Spamhaus XBL), in its three shapes.

(a) A connection to a sinkhole with address, both ports and the time to the second: "observed making
connections to TCP/IP IP address ... with a destination port ..., source port ... at exactly ... (UTC)", or
"detected by a TCP/IP connection from ... on port ... going to IP address ... (the sinkhole) on port ...".
(b) "last detected at ... GMT (+/- 30 minutes)". (c) A bot's name, or a HELO, and a destination port.
Source: pages quoted at https://de.scribd.com/document/459530026/spamhaus (2017),
https://malwaretips.com/threads/ip-prob.47026/page-2 (2015), https://pastebin.com/KYrRCJEp (2014),
https://hnsws.blogspot.com/2013/10/infection-on-studio-network.html (2013),
https://serverfault.com/questions/292768 (2011), http://blog.e-knows.net/2009/11 (2009); read 2026-11-25.
"""

import re

from msgspec import structs

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text, _times
from unlisted.notice.pages._text import ADDR
from unlisted.notice.reports import _facts

HINTS = ("cbl", "natting", "sinkhole", "composite")
SIGNS = (
    "in the cbl",
    "in the composite",
    "detected at ",
    "observed making",
    "detected by a",
    "this ip",
    "destination port",
)

_LIST = r"in the (?:CBL|Composite Block(?:ing)? List)\b"
_IS = r"(?:is|was) (?:(?:currently|now) )?(?P<not>not )?(?:(?:currently|now) )?(?:listed|found)"
_LISTED = re.compile(
    rf"(?:(?:\bIP Address:? ?)?{ADDR}|\bIP Address(?: .{{0,30}}?)?)(?: \([^()]{{0,60}}\))? {_IS} {_LIST}",
    re.IGNORECASE,
)
_REMOVAL = re.compile(rf"{ADDR} ?\((?:last )?detected at ", re.IGNORECASE)
_SEEN = re.compile(r"\bobserved making (?:an? )?connections? to ", re.IGNORECASE)
_BY = re.compile(
    r"\bdetected by an? (?P<how>TCP|UDP)(?:/IP)? (?:connection|packet|traffic)s? from (?P<who>.{1,80}?) on "
    rf"port (?P<sport>\d{{1,5}}) (?:going )?to (?:the )?(?:IP )?(?:address )?{ADDR}(?: \([^()]{{0,40}}\))?"
    r"(?: on port (?P<dport>\d{1,5}))?",
    re.IGNORECASE,
)
_BESIDE = rf"(?:{ADDR}(?: \([^()]{{0,60}}\))?,?(?: with| on| at)?(?: an?| the)? )?"
# The same facts in another sentence, or with the first line left out.
_PORT = r"(?: \([^()]{0,40}\))?(?: number)?(?: of)?:? \d{1,5}\b"
_PAIR = re.compile(
    rf"\bdestination port{_PORT}.{{0,40}}?\bsource port{_PORT}|"
    rf"\bsource port{_PORT}.{{0,60}}?\bdestination port{_PORT}",
    re.IGNORECASE,
)
_INFECTED = r"\bThis IP(?: address)? is (?:infected \(?(?:with|or)\b|HELO)"
STARTS = re.compile(
    rf"(?P<page>{_LISTED.pattern}|{_REMOVAL.pattern})"
    rf"|(?P<event>{_SEEN.pattern}|{_BY.pattern.partition(' from ')[0]} from )"
    rf"|(?P<more>{_INFECTED})|(?P<facts>{_BESIDE}{_PAIR.pattern})",
    re.IGNORECASE,
)
_AT = re.compile(r"\b(?:last )?detected at ", re.IGNORECASE)
# A person says "we are listed in the CBL" as well: the page begins with "IP Address", or says more.
_PAGE = re.compile(r"\bIP Address\b|detected at |\binfected\b|\bHELO|\bpreviously listed\b", re.IGNORECASE)
_CONNECTED = re.compile(r"\bcorresponds to a connection at ", re.IGNORECASE)
_REMOVED = re.compile(r"\bpreviously listed, but (?:was )?removed\b", re.IGNORECASE)
_SOURCE = re.compile(r"\bsource port(?: \([^()]{0,40}\))?(?: number)?(?: of)?:? (\d{1,5})\b", re.IGNORECASE)
_DESTINATION = re.compile(r"\bdestination port(?: number)?(?: of)?:? (\d{1,5})\b", re.IGNORECASE)
_TO = re.compile(
    r"(?:\bCommand and Control server (?:at )?|"
    rf"\bconnections? to (?:the )?(?:TCP/IP |UDP )?(?:IP )?(?:address )?){ADDR}",
    re.IGNORECASE,
)
_TARGET = re.compile(
    rf"{ADDR}(?: \([^()]{{0,60}}\))?,?(?: with| on| at)?(?: an?| the)? destination port\b", re.IGNORECASE
)
_PROTOCOL = re.compile(r"\b(TCP|UDP)(?:/IP\b| packets?\b| connections?\b)")
_WORD = r"[A-Za-z][\w./-]{1,40}"
_MALWARE = re.compile(
    r"\b(?:infected(?: with|\) with)|machine infected with|command protocols of) (?:an? |the )?"
    rf"(?P<name>{_WORD}(?: [A-Z0-9][\w./-]{{1,30}}){{0,2}}?)"
    r"(?= (?:[Ss]pam)?bot(?:net)?\b| [Tt]rojan| [Vv]irus| [Ww]orm| [Mm]alware| Rootkit|"
    r"[.,;(]|\.? (?:Note|This|It)\b|$)"
)
_GENERIC = re.compile(r"spam|malware|virus|trojan|malicious|some|one\b|or\b|a\b", re.IGNORECASE)
_HELO = re.compile(r"\bHELO(?:s|['\u2019]?ing|ed) as [\"\u201c\u201d']?(\[?[\w.:-]{1,255}\]?)", re.IGNORECASE)
_HOST = re.compile(r"\bdomain for this connection was [\"\u201c\u201d']{0,2}([\w.-]{4,255})", re.IGNORECASE)


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    said = _LISTED.search(flat)
    if said and not _PAGE.search(flat):
        return None
    removal = _REMOVAL.search(flat)
    one = Sighting(list="cbl", kind="cbl")
    if said:
        one = structs.replace(one, address=_text.address(said[1]), listed=not said["not"])
    elif removal:
        one = structs.replace(one, address=_text.address(removal[1]), listed=True)
    if _REMOVED.search(flat):
        one = structs.replace(one, listed=False)
    one, quote = _connection(one, flat)
    if one.at is None:
        announced = _AT.search(flat)
        when = _times.after(flat, announced.end() if announced else len(flat))
        one = _times.put(one, when)
        quote = quote or (flat[announced.start() : announced.start() + 80] if announced else "")
    one = _named(one, flat)
    return pages.made(one, quote or (said[0] if said else "") or flat[:80])


def _connection(one: Sighting, flat: str) -> tuple[Sighting, str]:
    """Shape (a): the connection that was seen, and the words that tell it."""
    if found := _BY.search(flat):
        told = _CONNECTED.search(flat, found.end())
        when = _times.after(flat, told.end() if told else len(flat))
        one = structs.replace(
            one,
            address=one.address or _text.address(found["who"]),
            source_port=_facts.port(found["sport"]),
            dst=_text.address(found[4]),
            dport=_facts.port(found["dport"]),
            protocol=found["how"].lower(),
        )
        return _times.put(one, when), found[0]
    seen = _SEEN.search(flat) or _PAIR.search(flat)
    if seen is None:
        return one, ""
    begins = seen.start() if seen.re is _SEEN else max(0, seen.start() - 80)
    words = flat[begins : seen.start() + 500]
    source, target = _SOURCE.search(words), _DESTINATION.search(words)
    begins = max((found.end() for found in (source, target) if found), default=0)
    when = _times.after(words, begins)
    to = _TO.search(words) or _TARGET.search(words)
    one = structs.replace(
        one, dst=_text.address(to[1]) if to else None, source_port=_facts.port(source[1]) if source else 0
    )
    return _times.put(one, when), words[: begins + 40]


def _named(one: Sighting, flat: str) -> Sighting:
    """Who it is said to be, and where he calls: shape (c)."""
    names = (found["name"] for found in _MALWARE.finditer(flat) if not _GENERIC.match(found["name"]))
    malware = next(names, "").removeprefix("s_").rstrip(".")
    port, helo, host, to = _DESTINATION.search(flat), _HELO.search(flat), _HOST.search(flat), _TO.search(flat)
    how = _PROTOCOL.search(flat)
    return structs.replace(
        one,
        malware=malware,
        helo=helo[1].rstrip(".").strip("[]") if helo else "",
        host=host[1].rstrip(".").lower() if host else "",
        dst=one.dst or (_text.address(to[1]) if to else None),
        dport=one.dport or (_facts.port(port[1]) if port else 0),
        protocol=one.protocol or (how[1].lower() if how else ""),
    )
