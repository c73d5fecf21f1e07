"""A bounce that a person passed on: every line quoted, or the whole below a mark of his mail program.

The marks are what Outlook, Thunderbird, Apple Mail and Gmail write by themselves, in the languages in which
they were met; the headers below a mark are localized as well and turned back into RFC 5322's names here.
"""

import re

from unlisted.notice import absence
from unlisted.notice.dialects import plain
from unlisted.notice.parts import Part, words

_QUOTED = re.compile(r"^>(?!>> ?[A-Z]{4}\b)", re.MULTILINE)  # ">>> RCPT" is a transcript, not a quotation
_LEVEL = re.compile(r"^> ?(?!>> ?[A-Z]{4}\b)|^>(?=>>> ?[A-Z]{4}\b)", re.MULTILINE)
_MARK = re.compile(
    r"^[ \t]{0,4}(?:-{3,20} ?(?:original[ -]?message|original-?nachricht|ursprüngliche nachricht|"
    r"forwarded message|weitergeleitete nachricht|message d['’]origine|message original|message transféré|"
    r"mensaje original|mensaje reenviado|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|"
    r"doorgestuurd bericht)[a-z ]{0,20} ?-{3,20}|begin forwarded message:|"
    r"anfang der weitergeleiteten (?:nachricht|e-mail):|début du message (?:réexpédié|transféré) ?:|"
    r"inizio messaggio inoltrato:)[ \t]{0,8}$",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(r"^[ \t*_]{0,6}([A-Za-zÀ-ÿ]{1,12})[ \t*_]{0,3}:[ \t*_]{0,6}(.{0,400})$")
_NAMES = {
    "from": ("from", "von", "de", "da", "van"),
    "subject": ("subject", "betreff", "objet", "asunto", "oggetto", "onderwerp"),
    "date": ("date", "datum", "fecha", "data"),
}
_NAME = {word: name for name, words in _NAMES.items() for word in words}
_PREFIX = re.compile(
    r"\s{0,4}(?:fwd?|wg|tr|rv|i|enc|vs|vb|doorst|pd|转发|転送) ?:", re.IGNORECASE
)  # of a forwarded subject
LEVELS = 3  # quotations within quotations that are taken off
FEW = 8  # quoted lines: fewer are a remark and no bounce
HEADERS = 12  # lines looked at below a mark; programs write four to six


def unquoted(text: str) -> str:
    """`text` without the "> " before its lines, where enough lines have one."""
    for _ in range(LEVELS):
        if text.count("\n>") < FEW:  # counted in no time; only many of them are worth looking at
            break
        if len(_QUOTED.findall(text)) <= FEW:
            break
        text = _LEVEL.sub("", text)
    return text


def by_person(head: Part) -> bool:
    """False for what a program sent, or sent to many: it passes nothing on."""
    automatic = head.get("auto-submitted").lower()
    bulk = head.get("precedence").lower() in ("bulk", "list", "junk")
    many = bool(head.get("list-unsubscribe") or head.get("list-id"))
    program = plain.by_program(head) or absence.automatic(head)
    return not (bulk or many or (automatic and automatic != "no") or program)


def passed_on(head: Part, text: str) -> bool:
    """True when a mail says by its subject, a mark or quoted lines that its text is another's."""
    subject = words(head.get("subject"))
    return bool(_PREFIX.match(subject) or _MARK.search(text) or _QUOTED.search(text))


def inner(text: str) -> str:
    """The mail below the first mark, with headers as RFC 5322 calls them; "" when there is no mark."""
    mark = _MARK.search(text)
    if mark is None:
        return ""
    lines = text[mark.end() :].lstrip().split("\n")
    headers: list[str] = []
    for number, line in enumerate(lines[:HEADERS]):
        found = _FIELD.match(line)
        if found is None:
            return "\n".join([*headers, "", *lines[number:]]) if headers else ""
        if name := _NAME.get(found[1].lower()):
            headers.append(f"{name}: {found[2]}")
    return ""
