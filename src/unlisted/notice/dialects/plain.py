"""Bounces in plain text, by their shape: a line that is a recipient, and what follows it.

Postfix, Exim, qmail, Sendmail, OpenSMTPD, Courier, Gmail, Yahoo, GMX, DragonFly, Exchange 5.5 and their
relatives all write an address at the start of a line and the reason beside or below it.
Sources: the default texts of those programs (bounce templates of Postfix 3.9, Exim 4.98 `transports`
and `deliver.c`, qmail 1.03 `qmail-send.c`, OpenSMTPD 7 `bounce.c`, sendmail 8.18 `savemail.c`).
"""

import re
from functools import lru_cache

import msgspec

from unlisted.notice import absence, session
from unlisted.notice.dialects import (
    ADDRESS,
    LOOSE,
    Failure,
    address,
    before_original,
    reason,
    remote,
    transcript,
)
from unlisted.notice.parts import Part, words
from unlisted.notice.phrases import Phrase

HINTS: tuple[str, ...] = ()
# Who sends nothing but notices of mail; postmaster is a person as well (RFC 2142 §5).
_DAEMON = (
    r"mailer-daemon|microsoftexchange[0-9a-f]{8}|mail delivery (?:sub)?system|mdaemon|mail system|\bdaemon@"
)
_ONLY = Phrase(_DAEMON)
_SENDER = Phrase(rf"{_DAEMON}|post_?master|mail delivery|mail administrator|(?:^|<)bounces?@")
_SUBJECT = Phrase(
    r"undeliver|deliver(?:y|ed|able)?\b.{0,40}(?:fail|status (?:notif|report)|notif|error|problem|report|"
    r"unsuccess|warning)|delivery (?:is |has been )?delayed|delayed delivery|"
    r"returned (?:mail|message|to sender)|mail(?:er)? (?:error|failure|system error)|failure noti|"
    r"could not be delivered|"
    r"non-?deliver|mail delivery|loop alert|delay(?:ed)? mail|warning: (?:message|could)|"
    r"message (?:status|rejected|error)|"
    r"unable to deliver|failed mail|user unknown|bounced?\b|nondeliverable|rejected:|"
    r"(?:mail|message) (?:was |has been )?rejected|unzustellbar|rapport de non|"
    # Exchange's subjects abroad.
    r"non[ _]remis|non recapitabile|no se puede entregar|não é possível entregar|onbestelbaar|"
    r"olevererbart|kan ikke leveres|niedostarczalne|не удается доставить|недоставлено|"
    r"配信不能|配信不可|无法送达|无法传递|"
    # … and of others: "could not be delivered", "returned".
    r"zugestellt|chec de remise|chec d.envoi|fallo en la entrega|error de entrega|mancata consegna|"
    r"falha na entrega|ошибка доставки|не доставлен|退信|退回|"
    r"送信エラー|送信失敗|配送エラー|配信エラー|不達|エラーメール",
)
# Said of parcels and candidates as well: a sign only from who sends notices.
_VAGUE = Phrase(r"deliver(?:y|ed|able)?\b.{0,40}(?:status|delay)|rejected|bounce")
_BODY = Phrase(
    r"(?:could|can|was|were|has) ?n(?:o|')t (?:be |been )?deliver|undeliver|fatal errors|deliver(?:y|"
    r"ed)? (?:has )?fail|"
    r"failed permanently|unable to deliver|transcript of session|delivery errors|did not reach the following|"
    r"error(?: has)? occurred while (?:attempting|trying) to deliver|had trouble delivering|"
    r"could not be sent|"
    r"(?:rejected|refused|blocked|stopped|quarantined) by (?:our|the|this) "
    r"(?:mail |content |spam |virus |own ){0,2}"
    r"(?:server|filter|scanner|gateway)|(?:server|filter|scanner) (?:has )?(?:refused|rejected|blocked) your|"
    r"error delivering your mail|delivery to the following|failed addresses|failure reasons|"
    r"delivery problems|"
    r"wasn't able to deliver|were? unable to deliver|remote host said|smtp error from remote|"
    r"\bsaid: [45][0-9]{2}[ -]|was considered unsolicited|content checker found|"
    r"returned below could not|"
    r"message is delayed|not able to post|group you tried|invalid user address|duplicated message|"
    r"rejected by a remote|possible to deliver|resolver\.(?:adr|rst)\.|"
    r"informations de diagnostic pour les administrateurs|diagnoseinformationen für administratoren|"
    r"informazioni di diagnostica per gli amministratori|diagnostisk information för|"
    r"información de diagnóstico para (?:los )?administradores|"
    r"diagnostic information for administrators",
)
# What may lead an address is in its letters as well: taken once, else twelve times the work.
_ALONE = re.compile(
    rf'^[ \t>*-]{{0,12}}+(?:\w{{1,12}}\uff1a)?"{{0,2}}?'
    rf'(?:(?:{ADDRESS} )?<({ADDRESS})>|({ADDRESS})"?)[ \t]*:?[ \t]*$'
)
_LEADS = re.compile(
    rf"^[ \t>*-]{{0,12}}+(?:<({ADDRESS})>|\"?({ADDRESS})\"?)[ \t]*(?::[ \t]|\.\.\.[ \t]?|[ \t](?=\(|\[|"
    rf"on [A-Z0-9]|Invalid)|[ \t]\.\.\.)(.{{0,1000}})$"
)
_REPLY_LEADS = re.compile(
    rf"^[ \t>]{{0,6}}[245][0-9]{{2}}[ \t](?:[245]\.[0-9]\.[0-9]{{1,3}}[ \t])?"
    rf"<?({ADDRESS})>?\.\.\.(?!.{{0,40}}\bsender\b)(.{{0,1000}})$"
)
_SENT_BY = re.compile(r"message (?:that was )?sent by[ \t]{0,8}$", re.IGNORECASE)
_SPEAKS = (
    r"(?:deliver(?:ed|y)?(?: (?:the|your) (?:mail|"
    r"message))?(?: a message)?(?: has)?(?: failed)?(?: (?:permanently|attempts))?(?: to)?|"
    r"mail(?: to)?|message to|recipients?(?: address)?(?: returned permanent errors)?|user|attempts|"
    r"not be delivered to|"
    r"rcpt to|allowed size|directed to|addressed to|sent to|undeliverable to|"
    r"original-recipient)[ \t]{0,8}(?::[ \t]{0,8})?(?:rfc822;[ \t]{0,8})?[<*]{0,2}"
)
_PROSE = Phrase(rf"{_SPEAKS}({ADDRESS})>?", gate=_SPEAKS + LOOSE)
LONGEST = 400_000  # characters of a notification
NEAR = 400  # characters, a short paragraph
_SAYS = re.compile(r"(?:[^\W\d_][\W\d_]*+){4}")  # four letters: more than a number and a dash
_ADDRESSES = re.compile(ADDRESS)
_BETWEEN = re.compile(r"[\s,;]+")


def read(head: Part, text: str) -> list[Failure]:
    """The recipients and their reasons; [] when the mail does not look like a bounce."""
    looks, sure = _bounce(head, text)
    found = _read(head, text, sure) if looks else []
    return found if sure else [msgspec.structs.replace(one, sure=False) for one in found]


def _read(head: Part, text: str, sure: bool) -> list[Failure]:
    plain = before_original(text)[:LONGEST]
    spans = _spans(plain)
    named = _listed(head)
    if not spans:
        return _without_lines(head, plain, named, sure)
    merged, rest = _merged(spans, plain)
    intro = plain[: plain.find(spans[0][0])][:4000]
    alone = len(merged) == 1
    made = [failure(name, chunk, rest, intro, alone=alone) for name, chunk in merged.values()]
    if alone:
        made = [msgspec.structs.replace(one, context=f"{one.near}\n{one.context}", near="") for one in made]
    unheard = [name for name in named if name.lower() not in merged]
    return made + (_alike(failure("", "", rest, alone=False), unheard) if unheard else [])


@lru_cache(maxsize=8)  # a thousand recipients share one notification
def beside(text: str) -> dict[str, str]:
    """What a notification says of each recipient, lower case, where a line is his."""
    plain = before_original(text)[:LONGEST]
    return {low: chunk.strip() for low, (_, chunk) in _merged(_spans(plain), plain)[0].items()}


def _merged(spans: list[tuple[str, str]], text: str) -> tuple[dict[str, tuple[str, str]], str]:
    """Each recipient, by his name in lower case, with all that is said of him, and the text for all of them.

    Of several, each is given his own part of a session's transcript.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, chunk in spans:
        known = found.get(name.lower())
        found[name.lower()] = (known[0], f"{known[1]}\n{chunk}") if known else (name, chunk)
    if len(found) > 1:
        his, rest = session.apart(text, list(found))
        if his:
            said = _merged(_spans(rest), "")[0]
            return {
                low: (name, f"{said.get(low, ('', ''))[1]}\n{his[low]}".strip())
                for low, (name, _) in found.items()
            }, rest.strip()
    return found, text.strip()


def people(text: str) -> set[str]:
    """Whom lines name, in lower case."""
    return {name.lower() for name, _ in _spans(text)}


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


def _bounce(head: Part, text: str) -> tuple[bool, bool]:
    """Whether it looks like a bounce, and whether so surely that nothing in its words need say so."""
    sender = words(head.get("from"))
    by, listed = _SENDER.occurs(sender), bool(head.get("x-failed-recipients"))
    empty = head.get("return-path").replace(" ", "") == "<>"  # RFC 5321 §4.5.5
    subject = words(head.get("subject"))[:400]
    spoken = _SUBJECT.occurs(subject) or ((by or empty) and _VAGUE.occurs(subject))
    only = by and _ONLY.occurs(sender)
    signs = by + spoken + (empty or listed)
    if signs > 1 and (listed or only):
        return True, True  # most are, and their text need not be asked
    says = " ".join(text[:20_000].split())
    told = _BODY.occurs(says)
    signs += told
    if not (only or listed or told) and absence.automatic(head):
        return False, False  # who is away answers with the subject that he was sent
    sure = listed or only or (empty and (by or told))
    return signs >= 2 or "permanent fatal errors" in says, sure


def _listed(head: Part) -> list[str]:
    if not head.get("x-failed-recipients"):
        return []
    value = ",".join(head.all("x-failed-recipients"))
    words = (word for word in _BETWEEN.split(value) if "@" in word)  # a pattern that begins anywhere is slow
    return list(dict.fromkeys(m[0] for word in words for m in _ADDRESSES.finditer(word[:1000])))


def _spans(text: str) -> list[tuple[str, str]]:
    """Each line that opens with a recipient, and the text that belongs to it."""
    if "@" not in text:
        return []
    lines = text.split("\n")
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


def _without_lines(head: Part, text: str, named: list[str], sure: bool) -> list[Failure]:
    """No line is a recipient: take the header's list, else the address that the prose speaks of."""
    found = None if named else _PROSE.search(text)
    # What is no bounce for sure speaks of many things; only what stands near the recipient is about him.
    whole = (text if sure or not found else text[max(0, found.start() - NEAR) : found.end() + NEAR]).strip()
    told = failure("", whole, "")
    if not found:
        told = msgspec.structs.replace(told, named=False)
    told = msgspec.structs.replace(told, context=f"{whole}\n", near="")
    return _alike(told, [found[1].rstrip(".")] if found else named or [address(head.get("x-original-to"))])


def _alike(told: Failure, names: list[str]) -> list[Failure]:
    """One failure for each name. They share its strings: a thousand names cost no more than one."""
    return [msgspec.structs.replace(told, recipient=name.rstrip(".")) for name in names]


def failure(recipient: str, chunk: str, rest: str, intro: str = "", *, alone: bool = True) -> Failure:
    """A recipient, his chunk of a notification, and its text, which speaks of him where he is `alone`."""
    told = reason(chunk) or transcript(chunk)[0]
    return Failure(
        recipient.rstrip("."),
        text=told or (chunk if _SAYS.search(chunk) else rest),
        remote_mta=remote(chunk) or (remote(rest) if alone else ""),
        context=rest if told else intro,
        near=chunk,
    )
