"""Bounces in plain text, by their shape: a line that is a recipient, and what follows it.

Postfix, Exim, qmail, Sendmail, OpenSMTPD, Courier, Gmail, Yahoo, GMX, DragonFly, Exchange 5.5 and their
relatives all write an address at the start of a line and the reason beside or below it.
Sources: the default texts of those programs (bounce templates of Postfix 3.9, Exim 4.98 `transports`
and `deliver.c`, qmail 1.03 `qmail-send.c`, OpenSMTPD 7 `bounce.c`, sendmail 8.18 `savemail.c`).
"""

import re
from functools import lru_cache

import msgspec

from unlisted.notice.dialects import ADDRESS, Failure, address, before_original, reason, remote, transcript
from unlisted.notice.parts import Part, words
from unlisted.notice.phrases import Phrase

_SENDER = Phrase(
    r"mailer-daemon|microsoftexchange[0-9a-f]{8}|post_?master|mail delivery|mdaemon|mail administrator|"
    r"bounce|mail system|daemon@",
)
_SUBJECT = Phrase(
    r"undeliver|deliver(?:y|ed|able)?\b.{0,40}(?:fail|status|notif|error|problem|report|delay|unsuccess|"
    r"warning)|"
    r"returned (?:mail|message|to sender)|mail(?:er)? (?:error|failure|system error)|failure noti|"
    r"could not be delivered|"
    r"non-?deliver|mail delivery|loop alert|delay(?:ed)? mail|warning: (?:message|could)|"
    r"message (?:status|rejected|error)|"
    r"unable to deliver|failed mail|user unknown|bounce|nondeliverable|rejected|unzustellbar|rapport de non|"
    # Exchange's subjects abroad.
    r"non[ _]remis|non recapitabile|no se puede entregar|não é possível entregar|onbestelbaar|"
    r"olevererbart|kan ikke leveres|niedostarczalne|не удается доставить|недоставлено|"
    r"配信不能|配信不可|无法送达|无法传递",
)
_BODY = Phrase(
    r"(?:could|can|was|were|has) ?n(?:o|')t (?:be |been )?deliver|undeliver|fatal errors|deliver(?:y|"
    r"ed)? (?:has )?fail|"
    r"failed permanently|unable to deliver|transcript of session|delivery errors|did not reach the following|"
    r"error(?: has)? occurred while (?:attempting|trying) to deliver|had trouble delivering|"
    r"could not be sent|"
    r"error delivering your mail|delivery to the following|failed addresses|failure reasons|"
    r"delivery problems|"
    r"wasn't able to deliver|were? unable to deliver|remote host said|smtp error from remote|"
    r"returned below could not|"
    r"message is delayed|not able to post|group you tried|invalid user address|duplicated message|"
    r"rejected by a remote|possible to deliver|resolver\.(?:adr|rst)\.|"
    r"informations de diagnostic pour les administrateurs|diagnoseinformationen für administratoren|"
    r"informazioni di diagnostica per gli amministratori|diagnostisk information för|"
    r"información de diagnóstico para (?:los )?administradores|"
    r"diagnostic information for administrators",
)
_ALONE = re.compile(rf'^[ \t>*"-]{{0,12}}(?:(?:{ADDRESS} )?<({ADDRESS})>|"?({ADDRESS})"?)[ \t]*:?[ \t]*$')
_LEADS = re.compile(
    rf"^[ \t>*-]{{0,12}}(?:<({ADDRESS})>|\"?({ADDRESS})\"?)[ \t]*(?::[ \t]|\.\.\.[ \t]?|[ \t](?=\(|\[|"
    rf"on [A-Z]|Invalid)|[ \t]\.\.\.)(.{{0,1000}})$"
)
_REPLY_LEADS = re.compile(
    rf"^[ \t>]{{0,6}}[245][0-9]{{2}}[ \t](?:[245]\.[0-9]\.[0-9]{{1,3}}[ \t])?"
    rf"<?({ADDRESS})>?\.\.\.(.{{0,1000}})$"
)
_SENT_BY = re.compile(r"message (?:that was )?sent by[ \t]{0,8}$", re.IGNORECASE)
_PROSE = Phrase(
    r"(?:deliver(?:ed|y)?(?: (?:the|your) (?:mail|"
    r"message))?(?: a message)?(?: has)?(?: failed)?(?: (?:permanently|attempts))?(?: to)?|"
    r"mail(?: to)?|message to|recipients?(?: address)?(?: returned permanent errors)?|user|attempts|"
    r"not be delivered to|"
    rf"rcpt to|allowed size|directed to|addressed to|sent to|undeliverable to|"
    rf"original-recipient)[ \t]*:?[ \t]*(?:rfc822;[ \t]*)?<?({ADDRESS})>?",
)
_SAYS = re.compile(r"(?:[^\W\d_][\W\d_]*+){4}")  # four letters: more than a number and a dash
_ADDRESSES = re.compile(ADDRESS)


def read(head: Part, text: str) -> list[Failure]:
    """The recipients and their reasons; [] when the mail does not look like a bounce."""
    if not _bounce(head, text):
        return []
    plain = before_original(text)[:100_000]
    spans = _spans(plain)
    named = _listed(head)
    if not spans:
        return _without_lines(head, plain, named)
    merged: dict[str, list[str]] = {}
    for recipient, chunk in spans:
        merged.setdefault(recipient.lower(), [recipient]).append(chunk)
    rest = plain.strip()
    intro = plain[: plain.find(spans[0][0])][:4000]
    made = [failure(chunks[0], "\n".join(chunks[1:]), rest, intro) for chunks in merged.values()]
    if len(made) > 1:
        made = [
            msgspec.structs.replace(one, near="\n".join(chunks[1:]))
            for one, chunks in zip(made, merged.values(), strict=True)
        ]
    return made + [failure(name, "", rest) for name in named if name.lower() not in merged]


@lru_cache(maxsize=8)  # a thousand recipients share one notification
def beside(text: str) -> dict[str, str]:
    """What a notification says of each recipient, lower case, where a line is his."""
    found: dict[str, str] = {}
    for recipient, chunk in _spans(before_original(text)[:100_000]):
        found[recipient.lower()] = f"{found.get(recipient.lower(), '')}\n{chunk}".strip()
    return found


def leads(line: str) -> tuple[str, str] | None:
    """The recipient with whom a line opens, and what the line says of him; None when with none."""
    found = (_ALONE.match(line) or _LEADS.match(line)) if "@" in line and len(line) <= 2000 else None
    return (found[1] or found[2], found[3] if found.lastindex == 3 else "") if found else None


def spoken_of(text: str) -> str:
    """The recipient of whom a sentence speaks; "" when it names none."""
    found = _PROSE.search(text)
    return found[1] if found else ""


def by_program(head: Part) -> bool:
    """True when a mail server wrote a mail itself: by its sender's name, or by having none."""
    return _SENDER.occurs(words(head.get("from"))) or head.get("return-path").replace(" ", "") == "<>"


def _bounce(head: Part, text: str) -> bool:
    sender = words(head.get("from"))
    signs = _SENDER.occurs(sender) + _SUBJECT.occurs(words(head.get("subject"))[:400])
    signs += head.get("return-path").replace(" ", "") == "<>" or bool(head.get("x-failed-recipients"))
    automatic = head.get("auto-submitted").lower()
    signs += automatic.startswith("auto-replied") and bool(signs)
    says = " ".join(text[:20_000].split())
    return signs + _BODY.occurs(says) >= 2 or "permanent fatal errors" in says


def _listed(head: Part) -> list[str]:
    if not head.get("x-failed-recipients"):
        return []
    value = ",".join(head.all("x-failed-recipients"))[:20_000]
    return list(dict.fromkeys(m[0] for m in _ADDRESSES.finditer(value)))


def _spans(text: str) -> list[tuple[str, str]]:
    """Each line that opens with a recipient, and the text that belongs to it."""
    lines = text.split("\n")[:5000]
    opened: list[tuple[str, int, str]] = []
    before: dict[int, str] = {}  # sendmail 5 writes the session first and the recipient below it
    for number, line in enumerate(lines):
        if "@" not in line or len(line) > 2000:
            continue
        if (found := _ALONE.match(line) or _LEADS.match(line)) and _opens(lines, number, opened):
            rest = found[3] if found.lastindex == 3 else ""
            opened.append((found[1] or found[2], number, rest))
        elif (found := _REPLY_LEADS.match(line)) and not (opened and opened[-1][0] == found[1]):
            start = opened[-1][1] + 1 if opened else 0
            before[len(opened)] = _session("\n".join(lines[start : number + 1]))
            opened.append((found[1], number, ""))
    spans: list[tuple[str, str]] = []
    for place, (recipient, number, rest) in enumerate(opened):
        end = opened[place + 1][1] if place + 1 < len(opened) else len(lines)
        chunk = "\n".join([rest, *lines[number + 1 : end]]).strip()
        if len(rest) > 8:  # the reason stands beside the recipient: it ends with its paragraph
            chunk = chunk.partition("\n\n")[0]
        spans.append((recipient, before.get(place, chunk)))
    return spans


def _opens(lines: list[str], number: int, opened: list[tuple[str, int, str]]) -> bool:
    """False for an address that is no recipient: a folded line of the last reason, or Exim's "sent by"."""
    line = lines[number]
    if opened:
        first = lines[opened[0][1]]
        return len(line) - len(line.lstrip()) <= len(first) - len(first.lstrip()) + 1
    before = next((above for above in reversed(lines[max(0, number - 3) : number]) if above.strip()), "")
    return not _SENT_BY.search(before)


def _session(text: str) -> str:
    """The last session of several."""
    return text[max(0, text.rfind("\n>>> ")) :]


def _without_lines(head: Part, text: str, named: list[str]) -> list[Failure]:
    """No line is a recipient: take the header's list, else the address that the prose speaks of."""
    found = None if named else _PROSE.search(text)
    if found:
        return [failure(found[1], text.strip(), "")]
    named = named or [address(head.get("x-original-to"))]
    return [msgspec.structs.replace(failure(name, text.strip(), ""), named=False) for name in named]


def failure(recipient: str, chunk: str, rest: str, intro: str = "") -> Failure:
    """A recipient and his chunk of a notification whose other text is `rest`."""
    told = reason(chunk) or transcript(chunk)[0]
    return Failure(
        recipient.rstrip("."),
        text=told or (chunk if _SAYS.search(chunk) else rest),
        remote_mta=remote(chunk) or remote(rest),
        context=f"{chunk}\n{rest}" if told else f"{chunk}\n{intro}",
    )
