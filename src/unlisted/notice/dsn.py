"""The per-recipient fields of RFC 3464, wherever they stand and however badly they are set."""

import re
from calendar import timegm
from collections.abc import Sequence
from email.utils import mktime_tz, parsedate_tz

from unlisted import net
from unlisted.notice import dialects, parts
from unlisted.notice.dialects import Failure
from unlisted.notice.parts import Part
from unlisted.notice.phrases import Phrase

MAX_RECIPIENTS = 1000  # RFC 5321 §4.5.3.1.8 asks for 100; a bounce for more is a list explosion
VALUE = 16_384  # characters of a field: twice what is read of a Diagnostic-Code
EACH = 20  # pieces of a report for each recipient, where a blank line follows every field
_STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status", "message/delivery-report")
_TYPE = re.compile(
    r"^\s*(?:rfc822|smtp|dns|x-[\w.-]{1,40}|utf-8|lmtp|x400|unknown|internet|tcp)\s*;\s*", re.IGNORECASE
)
_ONE = re.compile(
    r"(['\"`]?)((?:\"[^\"<>\x00-\x1f]{1,64}\"|[^\s\"<>\x00-\x1f\x7f]+)@[^\s\"<>,;\x00-\x1f\x7f]+)\1"
)
_FIRST = re.compile(r"\[?(?:IPv6:)?([0-9A-Fa-f:.]{3,45})(?![\w:.])")  # Gmail: "(192.0.2.1, the server for …)"
_ACTION = re.compile(r"[A-Za-z]{1,20}")
_BLANK = re.compile(r"\n[ \t>]{0,80}\n")
_BLOCK = Phrase(r"^[ \t>]{0,40}(?:final|original|x-actual)-recipient[ \t]{0,8}:", words=("-recipient",))
_RECIPIENTS = frozenset(("final-recipient", "original-recipient", "x-actual-recipient"))
_MESSAGE = frozenset(("reporting-mta", "arrival-date", "received-from-mta"))
_PLAIN = frozenset(("action", "status", "from", "to", "cc", "subject", "date", "received"))
_BARE = re.compile(r"\s{0,8}([245][0-9]{2})([ -]|$)")
_NAMES = (
    r"(?:(?:x-)?(?:final|original|actual)-recipient|(?:reporting|remote|received-from)-mta|diagnostic-code|"
    r"action|status|(?:last-attempt|arrival)-date|will-retry-until|final-log-id|original-envelope-id|"
    r"dsn-gateway)"
)
_SET_IN = re.compile(rf"^[> \t]{{0,40}}(?={_NAMES}[ \t]{{0,8}}:)", re.IGNORECASE | re.MULTILINE)
_INDENTED = re.compile(rf"\n[> \t]{{1,40}}(?={_NAMES}[ \t]{{0,8}}:)", re.IGNORECASE)  # no "^": it is slow
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60})[ \t]{0,8}:(.*)")
# A folded line may begin with "Status:": set in, a field must also say what such a field says.
_SET_IN_FIELD = re.compile(
    rf"[> \t]{{1,40}}(?=(?:[a-z-]{{1,20}}-recipient[ \t]{{0,4}}:[^;@]{{0,80}}[;@]|"
    r"action[ \t]{0,4}:[ \t]{0,8}(?:failed|delayed|delivered|relayed|expanded)\b|"
    r"status[ \t]{0,4}:[ \t]{0,8}[245]\.[0-9]{1,3}\.[0-9]|"
    r"(?:[a-z-]{1,20}-mta|diagnostic-code)[ \t]{0,4}:[ \t]{0,8}[a-z0-9-]{1,20}[ \t]?;|"
    rf"(?:[a-z-]{{1,20}}-date|will-retry-until)[ \t]{{0,4}}:.{{0,20}}[0-9])){_NAMES}",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")  # RFC 6533 §3, utf-8-addr-xtext
# The usual date of RFC 5322 §3.3; `email.utils` reads what else is called one, in thrice the time.
_DATE = re.compile(
    r"\s*(?:[A-Za-z]{3}, ?)?([0-9]{1,2}) ([A-Za-z]{3}) ([12][0-9]{3}) "
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) ([+-][0-9]{4})\b"
)
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"


def failures(leaves: list[Part], text: str) -> tuple[list[Failure], int]:
    """Per-recipient blocks of the report, or of a text that holds one where none should be; how many more."""
    found, more = _all_blocks([leaf.text for leaf in leaves if leaf.kind in _STATUS_KINDS])
    if not found and _BLOCK.occurs(text):
        found, more = _all_blocks([dialects.before_original(text)])
    return found, more


def reported(leaves: list[Part]) -> bool:
    """True when a mail holds the fields of a report where they should be."""
    return any(_BLOCK.occurs(leaf.text) for leaf in leaves if leaf.kind in _STATUS_KINDS)


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
    pieces = [piece for piece in _BLANK.split(text.strip("\n")) if ":" in piece or piece[:1] in (" ", "\t")]
    last = ""
    for piece in pieces[: EACH * MAX_RECIPIENTS]:
        above, fields = _fields(piece)
        if above and last == "diagnostic-code":
            _go_on(pending or (found[-1] if found else {}), above)
        for name, value in fields:
            if (name == "final-recipient" and name in pending) or (name == "reporting-mta" and pending):
                _keep(found, pending)
                pending = {}
            target = message if name in _MESSAGE else pending
            if name not in target or (name == "diagnostic-code" and _better(value, target[name])):
                target[name] = value[:VALUE]
        last = fields[-1][0] if fields else last
        if found and found[-1].keys() == {"original-recipient"} and "original-recipient" not in pending:
            found[-1].update(pending)  # the same recipient: he was named twice, a blank line between
            pending = {}
        elif _named(pending):
            _keep(found, pending)
            pending = {}
        elif found and pending and not found[-1].get("diagnostic-code"):
            found[-1].update({k: v for k, v in pending.items() if k not in found[-1]})
            pending = {}
    unread = _recipients(pieces[EACH * MAX_RECIPIENTS :])
    more = max(0, len(found) - MAX_RECIPIENTS) + unread
    return [_failure(block, message) for block in found[:MAX_RECIPIENTS]], more


def _fields(piece: str) -> tuple[str, Sequence[tuple[str, str]]]:
    """The folded lines with which a piece goes on, and its fields, whatever was not folded as it should be.

    A line that is no field belongs to the field above it, set in or not: replies are copied as they came.
    """
    folded = piece[0] in " \t>" or "\n " in piece or "\n\t" in piece
    if not (folded and _INDENTED.search(f"\n{piece}")):
        found = parts.fields_only(piece)
        if found is not None and not [1 for name, _ in found if "-" not in name and name not in _PLAIN]:
            return "", found  # as it should be
    set_in = _SET_IN.search(piece)
    prefix = set_in[0] if set_in else ""
    above: list[str] = []
    fields: list[tuple[str, list[str]]] = []
    seen: set[str] = set()
    for line in piece.split("\n"):
        whole = line.removeprefix(prefix)
        if opened := _opened(whole, seen, fields[-1][0] if fields else ""):
            name = opened[1].lower()
            seen = {name} if name in _RECIPIENTS else seen | {name}
            fields.append((name, [opened[2].strip()]))
        elif fields:
            fields[-1][1].append(whole.strip())
        elif whole[:1] in (" ", "\t"):
            above.append(whole.strip())
    return " ".join(above), [(name, " ".join(lines)) for name, lines in fields]


def _opened(line: str, seen: set[str], last: str) -> re.Match[str] | None:
    """The field that a line opens; None for a line that goes on."""
    if line[:1] in (" ", "\t", ">"):
        found = _FIELD.match(line.lstrip(" \t>")) if _SET_IN_FIELD.match(line) else None
        return found if found and (found[1].lower() not in seen or found[1].lower() in _RECIPIENTS) else None
    found = _FIELD.match(line)
    # "https://…" or "Reason: …" below a reply is the reply's.
    told = found and (last != "diagnostic-code" or "-" in found[1] or found[1].lower() in _PLAIN)
    return found if told else None


def _better(value: str, known: str) -> bool:
    """Of two Diagnostic-Codes, the first with a reply in it counts."""
    return _replied(value) and not _replied(known)


def _replied(diagnostic: str) -> bool:
    return bool(_BARE.match(_TYPE.sub("", diagnostic)))


def _go_on(block: dict[str, str], above: str) -> None:
    """A blank line within a reply: the lines below it are his who has none yet, or begin as a reply does."""
    said = block.get("diagnostic-code")
    if said is not None and (not _TYPE.sub("", f"{said} ").strip() or _BARE.match(above)):
        block["diagnostic-code"] = f"{said} {above}"[:VALUE]


def _recipients(pieces: list[str]) -> int:
    """How many recipients fields name that are not read."""
    low = [piece.lower() for piece in pieces]
    return max(sum(piece.count(name) for piece in low) for name in ("final-recipient", "original-recipient"))


def _named(block: dict[str, str]) -> bool:
    return bool(_RECIPIENTS & block.keys())


def _keep(found: list[dict[str, str]], block: dict[str, str]) -> None:
    """Another recipient; the same one where all that was known of him is his other names."""
    if found and found[-1].keys() <= _RECIPIENTS and not found[-1].keys() & block.keys():
        found[-1].update(block)
    elif _named(block):
        found.append(block)


def _failure(block: dict[str, str], message: dict[str, str]) -> Failure:
    final = _spelled(block.get("final-recipient", ""))
    named = _whole(final) or dialects.address(_TYPE.sub("", final))
    if "@" not in named:
        named = dialects.address(_TYPE.sub("", _spelled(block.get("original-recipient", "")))) or named
    diagnostic = block.get("diagnostic-code", "")
    kind = diagnostic.partition(";")[0].strip().lower() if ";" in diagnostic[:40] else ""
    words = _TYPE.sub("", diagnostic) or _remark(block.get("status", ""))
    return Failure(
        recipient=named or _TYPE.sub("", final)[:320],
        text=f"x-unix; {words}" if kind == "x-unix" and words else words,
        status=block.get("status", ""),
        action=found[0].lower() if (found := _ACTION.match(block.get("action", ""))) else "",
        remote_mta=_host(block.get("remote-mta", "")),
        at=moment(block.get("last-attempt-date", "")) or moment(message.get("arrival-date", "")),
        structured=True,
    )


def _spelled(field: str) -> str:
    """An address of the type utf-8 with its letters, where a program without them wrote their numbers."""
    if "\\x{" not in field or not field.lower().startswith("utf-8"):
        return field
    return parts.whole(_ESCAPED.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), field))


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


def _host(value: str) -> str:
    """A Remote-MTA field without its type, "HOST [ADDRESS]"; of a remark no more than the address stays."""
    if " (" not in value:
        return _TYPE.sub("", value).strip()[:300].removesuffix(".")
    bare, _, remark = _TYPE.sub("", value).strip()[:1000].partition(" (")
    host = bare.strip()[:300].removesuffix(".")
    if "[" in host or not (found := _FIRST.match(remark)) or (address := net.ip(found[1])) is None:
        return host
    return host if net.ip(host) == address else f"{host} [{address}]"


def moment(value: str) -> float | None:
    """The Unix time of a mail's date; None when it has none that a calendar holds."""
    if not value:
        return None
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
