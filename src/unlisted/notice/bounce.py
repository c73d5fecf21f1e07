"""One mail to its refusals: RFC 3464 reports with all their defects, plain-text bounces, abuse reports.

`refusals` gives one Refusal for each recipient in the message's order, and nothing for a mail that is no
bounce. It reads the bytes that it is given and no more; the caller bounds them. Never raises.
"""

import re
from calendar import timegm
from email.utils import mktime_tz, parsedate_tz
from functools import lru_cache
from html import unescape

import msgspec

from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import dialects, forwarded, parts, refusal, report
from unlisted.notice.dialects import Failure, plain
from unlisted.notice.parts import Part
from unlisted.notice.phrases import Phrase

MAX_RECIPIENTS = 1000  # RFC 5321 §4.5.3.1.8 asks for 100; a bounce for more is a list explosion
EACH = 20  # pieces of a report for each recipient, where a blank line follows every field
NEST = 3  # bounces forwarded inside bounces

_STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status", "message/delivery-report")
_ORIGINAL = (
    "message/rfc822",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/global",
    "message/partial",
)
_TYPE = re.compile(
    r"^\s*(?:rfc822|smtp|dns|x-[\w.-]{1,40}|utf-8|lmtp|x400|unknown|internet|tcp)\s*;\s*", re.IGNORECASE
)
# Every piece stops at the next "<": linear, and a style sheet without its end cannot swallow the rest.
_TAG = re.compile(r"<(?:style|script)\b[^<>]{0,400}>[^<]{0,50000}|<[^<>]{0,2000}>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/pre)\b[^<>]{0,400}>", re.IGNORECASE)
_ONE = re.compile(
    r"(['\"`]?)((?:\"[^\"<>\x00-\x1f]{1,64}\"|[^\s\"<>\x00-\x1f\x7f]+)@[^\s\"<>,;\x00-\x1f\x7f]+)\1"
)
_BLANK = re.compile(r"\n[ \t>]{0,80}\n")
_BLOCK = Phrase(r"^[ \t>]{0,40}(?:final|original|x-actual)-recipient[ \t]{0,8}:", words=("-recipient",))
_RECIPIENTS = frozenset(("final-recipient", "original-recipient", "x-actual-recipient"))
# A folded line may begin with "https:"; only what a report's own fields are called opens a field.
_QUOTED_FIELD = re.compile(
    r"^[> \t]{1,40}(?=(?:x-)?(?:final|original|actual|reporting|remote|received|diagnostic|last|arrival|will|"
    r"action|status)[a-z-]{0,24}[ \t]{0,4}:)",
    re.IGNORECASE | re.MULTILINE,
)
LINE = 16_384  # characters of one pasted reply or log line
_BARE = re.compile(r"\s{0,8}([245][0-9]{2})([ -]|$)")
# Postfix and Exim of what a receiver said. Never NOQUEUE: there our own server turns a stranger away.
_LOGGED = re.compile(r"\bstatus=(?:bounced|deferred|undeliverable) \(|\bSMTP error from remote mail server ")
_TO = re.compile(rf"\bto=<({dialects.ADDRESS})>")
_OWN_SERVER = re.compile(
    r"\bNOQUEUE: (?:milter-)?reject|\bpostfix/(?:[a-z-]{1,20}/)?(?:smtpd|postscreen)\[|"
    r"\brejected (?:RCPT|EHLO|HELO|MAIL|connection)\b|\bruleset=check_"
)
_MARKS = re.compile(r"^(?:> ?){1,8}(?=\S)", re.MULTILINE)
_PAIR = re.compile(r"\b([45][0-9]{2})[ -]#?([45]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_SECOND = re.compile(r"[;|/] {1,4}([45][0-9]{2}) #?([45]\.[0-9]{1,3}\.[0-9]{1,3}) ")
_INLINE = re.compile(
    r"^(?:From MAILER-DAEMON.{0,200}\n)?Return-Path: ?<(?:MAILER-DAEMON[^>]{0,100})?>\n",
    re.MULTILINE | re.IGNORECASE,
)
# The usual date of RFC 5322 §3.3; `email.utils` reads what else is called one, in thrice the time.
_DATE = re.compile(
    r"\s*(?:[A-Za-z]{3}, ?)?([0-9]{1,2}) ([A-Za-z]{3}) ([12][0-9]{3}) "
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) ([+-][0-9]{4})\b"
)
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_OPENSMTPD = "This is the MAILER-DAEMON, please DO NOT REPLY"  # smtpd/bounce.c
_WEAK = ("undefined", "onhold", "systemerror", "networkerror", "securityerror", "expired")


def refusals(raw: bytes, source: str, own: tuple[Address, ...] = ()) -> list[Refusal]:
    """Every refusal in one mail; [] when it is no bounce and no report."""
    return counted(raw, source, own)[0]


def counted(raw: bytes, source: str, own: tuple[Address, ...] = ()) -> tuple[list[Refusal], int]:
    """The same, and how many recipients beyond MAX_RECIPIENTS were not read."""
    return _refusals(raw, source, own, NEST)


def _refusals(raw: bytes, source: str, own: tuple[Address, ...], nest: int) -> tuple[list[Refusal], int]:
    head, leaves = parts.split(raw)
    at = moment(head.get("date"))
    if found := report.feedback(head, leaves):
        made, more = found, 0
    else:
        text = forwarded.unquoted(notification(leaves))
        failures, more = _delivery_status(leaves, text)
        failures = failures or dialects.failures(head, text)
        if nest and not any(f.recipient for f in failures):
            inner = _forwarded(leaves, text)
            within = _refusals(inner, source, own, nest - 1) if inner else ([], 0)
            if within[0]:
                return within
        alone = len(failures) == 1
        more += max(0, len(failures) - MAX_RECIPIENTS)
        made = [_refusal(f, text, own, alone) for f in failures[:MAX_RECIPIENTS]]
        made = [one for one, f in zip(made, failures, strict=False) if f.sure or _stated(one)]
        if not made and (away := dialects.vacation(head, leaves)):
            made = [Refusal(source, recipient=away, reason="vacation", verdict="other")]
    made = [msgspec.structs.replace(m, source=source, at=m.at if m.at is not None else at) for m in made]
    return made, more if made else 0


def moment(value: str) -> float | None:
    """The Unix time of a mail's date; None when it has none that a calendar holds."""
    if found := _DATE.match(value):
        month = _MONTHS.find(found[2].lower())
        if month % 3 == 0:
            day, year, hour, minute, second, zone = map(int, found.group(1, 3, 4, 5, 6, 7))
            offset = (abs(zone) // 100 * 60 + abs(zone) % 100) * (60 if zone >= 0 else -60)
            return float(timegm((year, month // 3 + 1, day, hour, minute, second)) - offset)
    try:
        parsed = parsedate_tz(value[:100])
        return float(mktime_tz(parsed)) if parsed else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def notification(leaves: list[Part]) -> str:
    """What the reporting server wrote for people: the text parts in front of the returned message."""
    texts: list[str] = []
    for leaf in leaves:
        if leaf.kind in _ORIGINAL:
            break
        if leaf.kind == "text/html":
            texts.append(_untagged(leaf.text[:200_000], "" if any(texts) else "\n"))
        elif leaf.kind.startswith(("text/", "multipart/")) or leaf.kind == "application/octet-stream":
            # A multipart whose boundary never occurs was left whole: its text is what there is.
            texts.append(leaf.text)
    return "\n\n".join(texts)[:400_000]


def _untagged(page: str, end: str) -> str:
    """HTML without its tags; alone, and not beside the same in plain text, with `end` where a line ends."""
    return unescape(_TAG.sub(" ", _BREAK.sub(end, page) if end else page))


def _forwarded(leaves: list[Part], text: str) -> bytes:
    """A message inside that may itself be the bounce: somebody passed it on."""
    inner = next((leaf.text for leaf in leaves if leaf.kind == "message/rfc822"), "")
    if not inner and (found := _INLINE.search(text)):
        inner = text[found.start() :]
    inner = inner or forwarded.inner(text)
    return inner.encode("latin-1", "replace")


# ---- pasted replies and log lines -----------------------------------------------------------------


def pasted(text: str, source: str, own: tuple[Address, ...] = ()) -> list[Refusal]:
    """Refusals in a text that is no mail: bare SMTP replies, or a mail server's log lines.

    A reply of several lines (RFC 5321 §4.2.1) is one; several replies in a line are several. A text without
    any reply code is one reply when a phrase in it is known, else nothing.
    """
    found: list[Refusal] = []
    plain = _MARKS.sub("", text[:1_000_000].replace("\r\n", "\n").replace("\r", "\n"))
    for reply in _replies(plain):
        found += filter(None, (_pasted(reply, words, source, own) for words in _apart(_said(reply))))
        if len(found) >= MAX_RECIPIENTS:
            break
    return found


def _pasted(reply: str, words: str, source: str, own: tuple[Address, ...]) -> Refusal | None:
    remote = dialects.remote(reply)
    verdict = refusal.judge(words, own, remote_mta=remote, command=dialects.command(reply))
    refused = verdict.code.startswith(("4", "5"))
    if not refused and not (verdict.rule and not verdict.code):
        return None
    if _OWN_SERVER.search(reply[:LINE]):
        # Our own server turned somebody away: whom it cites is not us, and no list speaks of us.
        verdict = msgspec.structs.replace(verdict, verdict="other", list="", sublist="", cited_ip=None)
    verdict = msgspec.structs.replace(verdict, hard=verdict.hard and not _transient(verdict))
    to = _TO.search(reply)
    return _made(verdict, source, to[1] if to else "", remote, None, words)


def _apart(words: str) -> list[str]:
    """Each reply of a line that holds several: a code and status unlike the first's, behind a separator."""
    pieces: list[str] = []
    start = 0
    first = _PAIR.search(words)
    for found in _SECOND.finditer(words):
        if first and (found[1], found[2]) != (first[1], first[2]):
            pieces.append(words[start : found.start()])
            start = found.start(1)
    return [*pieces, words[start:]]


def _said(line: str) -> str:
    """The reply in a log line; the text itself when it is none."""
    found = _LOGGED.search(line)
    if not found:
        return line
    return line[found.end() :].strip().removesuffix(")") if found[0].endswith("(") else line[found.start() :]


def _replies(text: str) -> list[str]:
    lines = [line for line in text.split("\n")[:20_000] if line.strip()]
    starts = [bool(_BARE.match(line) or _LOGGED.search(line[:LINE])) for line in lines]
    if not any(starts):
        return ["\n".join(lines)[:LINE]] if lines else []
    grouped: list[list[str]] = []
    more = False
    for line, start in zip(lines, starts, strict=True):
        line = line[:LINE]
        code = _BARE.match(line)
        if more and grouped and code and code[1] == grouped[-1][-1].strip()[:3]:
            grouped[-1].append(line)
        elif start:
            grouped.append([line])
        elif grouped and not _LOGGED.search(grouped[-1][0]):
            grouped[-1].append(line)
        more = bool(code and code[2] == "-") or (more and not start)
    return ["\n".join(group) for group in grouped]


# ---- RFC 3464 -------------------------------------------------------------------------------------


def _delivery_status(leaves: list[Part], text: str) -> tuple[list[Failure], int]:
    """Per-recipient blocks of the report, or of a text that holds one where none should be; how many more."""
    texts = [leaf.text for leaf in leaves if leaf.kind in _STATUS_KINDS]
    found, more = _all_blocks(texts)
    if not found and _BLOCK.occurs(text):
        found, more = _all_blocks([dialects.before_original(text)])
    return found, more


def _all_blocks(texts: list[str]) -> tuple[list[Failure], int]:
    read = [_blocks(text) for text in texts]
    return [failure for found, _ in read for failure in found], sum(more for _, more in read)


def _blocks(text: str) -> tuple[list[Failure], int]:
    """RFC 3464 §2.1: per-message fields, a blank line, then one block for each recipient.

    Some reports have no blank line, some one after every field: a recipient field that was not seen
    before opens a block, whatever else stands around it.
    """
    found: list[dict[str, str]] = []
    message: dict[str, str] = {}
    pending: dict[str, str] = {}
    pieces = [piece for piece in _BLANK.split(text.strip("\n")) if ":" in piece]
    for piece in pieces[: EACH * MAX_RECIPIENTS]:
        fields = parts.headers_of(_QUOTED_FIELD.sub("", piece))
        for name, value in fields:
            if (name == "final-recipient" and name in pending) or (name == "reporting-mta" and pending):
                _keep(found, pending)
                pending = {}
            target = message if name in ("reporting-mta", "arrival-date", "received-from-mta") else pending
            target.setdefault(name, value)
        if found and found[-1].keys() == {"original-recipient"} and "original-recipient" not in pending:
            found[-1].update(pending)  # the same recipient: he was named twice, a blank line between
            pending = {}
        elif _named(pending):
            _keep(found, pending)
            pending = {}
        elif found and pending and not found[-1].get("diagnostic-code"):
            found[-1].update({k: v for k, v in pending.items() if k not in found[-1]})
            pending = {}
    unread = sum(piece.lower().count("final-recipient") for piece in pieces[EACH * MAX_RECIPIENTS :])
    more = max(0, len(found) - MAX_RECIPIENTS) + unread
    return [_failure(block, message) for block in found[:MAX_RECIPIENTS]], more


def _named(block: dict[str, str]) -> bool:
    return bool(_RECIPIENTS & block.keys())


def _keep(found: list[dict[str, str]], block: dict[str, str]) -> None:
    """Another recipient; the same one where all that was known of him is his other names."""
    if found and found[-1].keys() <= _RECIPIENTS and not found[-1].keys() & block.keys():
        found[-1].update(block)
    elif _named(block):
        found.append(block)


def _failure(block: dict[str, str], message: dict[str, str]) -> Failure:
    final = block.get("final-recipient", "")
    named = _whole(final) or dialects.address(_TYPE.sub("", final))
    if "@" not in named:
        named = dialects.address(_TYPE.sub("", block.get("original-recipient", ""))) or named
    diagnostic = block.get("diagnostic-code", "") or message.get("diagnostic-code", "")
    kind = diagnostic.partition(";")[0].strip().lower() if ";" in diagnostic[:40] else ""
    words = _TYPE.sub("", diagnostic) or _remark(block.get("status", ""))
    return Failure(
        recipient=named or _TYPE.sub("", final)[:320],
        text=f"x-unix; {words}" if kind == "x-unix" and words else words,
        status=block.get("status", ""),
        action=block.get("action", "").lower().split(" ")[0],
        remote_mta=_host(block.get("remote-mta", "")),
        at=moment(block.get("last-attempt-date", "")) or moment(message.get("arrival-date", "")),
        structured=True,
    )


def _whole(field: str) -> str:
    """The address of a field that holds nothing else, without what encloses it; else ""."""
    bare = _TYPE.sub("", field).strip().strip("<>").removesuffix(".")
    found = _ONE.fullmatch(bare) if len(bare) <= 320 and bare.count("@") == 1 else None
    return found[2] if found else ""


def _remark(status: str) -> str:
    """What stands in parentheses behind a status (RFC 822 §3.1.4 allows it in any such field), or a reply."""
    if _BARE.match(status):
        return status[:1000]
    return status.partition("(")[2].rpartition(")")[0].strip()[:1000]


@lru_cache(maxsize=8)  # a thousand recipients of one report are mostly told the same
def _judged(words: str, own: tuple[Address, ...], remote: str, status: str, command: str) -> refusal.Verdict:
    return refusal.judge(words, own, remote_mta=remote, status=status, command=command)


def _host(value: str) -> str:
    """A Remote-MTA field without its type; an address in brackets stays, a remark goes."""
    bare = _TYPE.sub("", value).strip()
    return bare.split(" (")[0].strip()[:300]


# ---- failures to refusals -------------------------------------------------------------------------


def _refusal(failure: Failure, text: str, own: tuple[Address, ...], alone: bool) -> Refusal:
    """One recipient's refusal. Unless he is `alone`, what the notification says at large may be another's."""
    context, near = failure.context, failure.near or failure.context
    filled = ""
    if failure.structured:
        context, his = dialects.about(text), plain.beside(text).get(failure.recipient.lower(), "")
        near = context if alone else his
        if his and not failure.text and failure.status.endswith(".0.0") and _OPENSMTPD in text[:2000]:
            # It fills in 5.0.0 or 4.0.0 for whatever happened: no more than the class is told.
            filled, failure = failure.status[:1], msgspec.structs.replace(failure, status="")
        failure = msgspec.structs.replace(failure, text=failure.text or ("" if alone else his))
    told = _told(msgspec.structs.replace(failure, recipient="", at=None, context=context, near=near), own)
    if filled and refusal.is_pseudo(told.status):
        told = msgspec.structs.replace(told, status=filled + told.status[1:])
    return msgspec.structs.replace(told, recipient=failure.recipient, at=failure.at)


def _stated(found: Refusal) -> bool:
    """A reply code, a status or a known phrase; nobody is accused by a phrase alone."""
    stated = bool(found.status) and not refusal.is_pseudo(found.status)
    return (
        bool(found.code) or stated or bool(found.rule and found.verdict in ("recipient", "other", "content"))
    )


@lru_cache(maxsize=8)  # a thousand recipients are mostly told the same
def _told(failure: Failure, own: tuple[Address, ...]) -> Refusal:
    near = failure.near
    words, command = _words(failure.text, failure.context, near)
    remote = failure.remote_mta or dialects.remote(failure.text) or dialects.remote(near)
    command = command or dialects.command(f"{near}\n{failure.status}")
    verdict = _judged(words, own, remote, failure.status, command)
    if near and near != words and (not verdict.rule or verdict.reason in _WEAK):
        verdict = _wider(verdict, near, own, remote, failure.status, command)
    if not verdict.code and (told := dialects.transcript(near)[0]):
        code = refusal.codes(refusal.fold(told))[0]
        if code[:1] == verdict.status[:1]:
            verdict = msgspec.structs.replace(verdict, code=code)
    return _made(_fate(verdict, failure, words), "", "", remote, None, words)


def _fate(verdict: refusal.Verdict, failure: Failure, words: str) -> refusal.Verdict:
    """What became of the mail, where the words alone do not say it."""
    reason, meant = verdict.reason, verdict.verdict
    arrived = failure.action in ("delivered", "relayed", "expanded", "deliverable")
    if arrived and not verdict.code.startswith(("4", "5")):
        reason, meant = "delivered", "other"
    elif reason == "undefined" and failure.action in ("delayed", "expired"):
        reason, meant = "expired", "other"
    elif reason == "undefined" and words.strip() and failure.named:
        reason = "onhold"  # Sisimai's word: one recipient was refused, in words that nobody knows
    status = verdict.status
    if refusal.is_pseudo(status) and reason != verdict.reason:
        status = refusal.pseudo(reason, verdict.code, words)
    # RFC 3464 §2.3.3: "failed" is the reporter's last word, whatever the code was that he gave up on.
    lasting = failure.action == "failed" or not _transient(verdict)
    hard = verdict.hard and reason == verdict.reason and lasting and failure.action != "delayed"
    return msgspec.structs.replace(verdict, reason=reason, verdict=meant, hard=hard, status=status)


def _transient(verdict: refusal.Verdict) -> bool:
    """True for what the receiver calls passing (RFC 5321 §4.2.1, RFC 3463 §2)."""
    return verdict.code.startswith("4") or verdict.status.startswith("4")


def _made(
    verdict: refusal.Verdict, source: str, recipient: str, remote: str, at: float | None, words: str
) -> Refusal:
    return Refusal(
        source=source,
        recipient=recipient,
        remote_mta=remote,
        code=verdict.code,
        status=verdict.status,
        reason=verdict.reason,
        hard=verdict.hard,
        verdict=verdict.verdict,
        list=verdict.list,
        sublist=verdict.sublist,
        vendor=verdict.vendor,
        cited_ip=verdict.cited_ip,
        url=verdict.url,
        rule=verdict.rule,
        quote=verdict.quote,
        at=at,
        text=refusal.fold(words)[:2000],
    )


def _words(words: str, context: str, near: str) -> tuple[str, str]:
    """The reply's own words, and the command that it answered.

    Sendmail's Diagnostic-Code holds the first line of a reply only; the transcript has all of it.
    """
    whole, answered = dialects.answered(words, near)
    if words and not whole:
        whole, answered = dialects.answered(words, context)
    if whole and (len(words) < 8 or re.match(r"[245][0-9]{2}-", words)):
        words = whole
    return words or near, dialects.command(words) or answered


def _wider(
    verdict: refusal.Verdict, context: str, own: tuple[Address, ...], remote: str, status: str, command: str
) -> refusal.Verdict:
    """Judge the whole notification where the reply alone says too little, and keep the reply's codes."""
    stated = verdict.status if not refusal.is_pseudo(verdict.status) else ""
    whole = _judged(context, own, remote, stated or status, command)
    if not whole.rule or (verdict.rule and whole.reason in _WEAK):
        return verdict
    keep_code = verdict.code or (
        whole.code if not verdict.status or whole.code[:1] == verdict.status[:1] else ""
    )
    return msgspec.structs.replace(
        whole,
        code=keep_code,
        status=stated or whole.status,
        cited_ip=verdict.cited_ip or whole.cited_ip,
        url=verdict.url or whole.url,
    )
