"""The per-recipient fields of RFC 3464, wherever they stand and however badly they are set."""

import re
from calendar import timegm
from email.utils import mktime_tz, parsedate_tz

from unlisted.notice import dialects, parts
from unlisted.notice.dialects import Failure
from unlisted.notice.parts import Part
from unlisted.notice.phrases import Phrase

MAX_RECIPIENTS = 1000  # RFC 5321 §4.5.3.1.8 asks for 100; a bounce for more is a list explosion
EACH = 20  # pieces of a report for each recipient, where a blank line follows every field
_STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status", "message/delivery-report")
_TYPE = re.compile(
    r"^\s*(?:rfc822|smtp|dns|x-[\w.-]{1,40}|utf-8|lmtp|x400|unknown|internet|tcp)\s*;\s*", re.IGNORECASE
)
_ONE = re.compile(
    r"(['\"`]?)((?:\"[^\"<>\x00-\x1f]{1,64}\"|[^\s\"<>\x00-\x1f\x7f]+)@[^\s\"<>,;\x00-\x1f\x7f]+)\1"
)
_BLANK = re.compile(r"\n[ \t>]{0,80}\n")
_BLOCK = Phrase(r"^[ \t>]{0,40}(?:final|original|x-actual)-recipient[ \t]{0,8}:", words=("-recipient",))
_RECIPIENTS = frozenset(("final-recipient", "original-recipient", "x-actual-recipient"))
_BARE = re.compile(r"\s{0,8}([245][0-9]{2})([ -]|$)")
# A folded line may begin with "https:"; only what a report's own fields are called opens a field.
_QUOTED_FIELD = re.compile(
    r"^[> \t]{1,40}(?=(?:x-)?(?:final|original|actual|reporting|remote|received|diagnostic|last|arrival|will|"
    r"action|status)[a-z-]{0,24}[ \t]{0,4}:)",
    re.IGNORECASE | re.MULTILINE,
)
# The usual date of RFC 5322 §3.3; `email.utils` reads what else is called one, in thrice the time.
_DATE = re.compile(
    r"\s*(?:[A-Za-z]{3}, ?)?([0-9]{1,2}) ([A-Za-z]{3}) ([12][0-9]{3}) "
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) ([+-][0-9]{4})\b"
)
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"


def failures(leaves: list[Part], text: str) -> tuple[list[Failure], int]:
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


def _host(value: str) -> str:
    """A Remote-MTA field without its type; an address in brackets stays, a remark goes."""
    bare = _TYPE.sub("", value).strip()
    return bare.split(" (")[0].strip()[:300]


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
