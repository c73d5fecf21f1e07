"""A page of the browser as text: saved as HTML or copied, wrapped, quoted, indented; on lines or on one."""

import re
from html import unescape

from unlisted.net import Address
from unlisted.notice.reports import _facts

ADDR = r"(?<![\w.:])\[?((?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:.]{2,45})\]?(?![\w])"

_HTML = re.compile(
    r"\s{0,200}(?:<\?xml[^<>]{0,200}>\s{0,20})?(?:<!--[^<>]{0,400}-->\s{0,20}){0,4}"
    r"<(?:!doctype html|html|head|body|title|meta|div|table|p|span|h[1-6]|ul|font|center|section|main)\b",
    re.IGNORECASE,
)
# A value may hold ">"; none of these reaches past the next "<", so that no letter is read twice.
_TAG = re.compile(r"""<[A-Za-z/!?](?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+>|<[^<>]{0,4000}>""")
_BREAK = re.compile(r"</?(?:br|p|div|tr|li|h[1-6]|pre|table|ul|title|section)\b", re.IGNORECASE)
_HIDDEN = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"), ("<noscript", "</noscript"))
_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")  # ECMA-48: colors and the like
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SMALL = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
# What a person's program puts before a line that he quotes or lists.
_MARK = re.compile(r"^[ \t]{0,20}(?:[>|*\u2022\u00b7\u2013#-][ \t]{1,4}|>){0,8}", re.MULTILINE)


def plain(text: str) -> str:
    """`text` without tags, marks and whatever does not show."""
    if _HTML.match(text):
        text = _untagged(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _MARK.sub("", shown(_CONTROL.sub(" ", _ESCAPE.sub("", text))))


def shown(text: str) -> str:
    """`text` without the letters that nobody sees."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def is_html(text: str) -> bool:
    """True when it begins as a saved page of the browser does."""
    return _HTML.match(text) is not None


def flat(text: str) -> str:
    """The words of `text` with one space between them, however it was wrapped."""
    return " ".join(text.split())


def lower(text: str) -> str:
    """`text` in lower case and of the same length, as far as its letters are ASCII."""
    low = text.lower()
    return low if len(low) == len(text) else text.translate(_SMALL)


def address(text: str | None) -> Address | None:
    """The address that `text` spells; None where it was blacked out."""
    return _facts.address(text) if text else None


def _untagged(page: str) -> str:
    for opening, closing in _HIDDEN:
        page = _without(page, opening, closing)
    return unescape(_TAG.sub(lambda tag: "\n" if _BREAK.match(tag[0]) else " ", page))


def _without(page: str, opening: str, closing: str) -> str:
    """`page` without what stands between the two marks; what never closes goes to the end."""
    low = lower(page)
    kept: list[str] = []
    at = 0
    while (start := low.find(opening, at)) >= 0:
        kept.append(page[at:start])
        end = low.find(closing, start + len(opening))
        if end < 0:
            return " ".join(kept)
        at = end + len(closing)
    return " ".join([*kept, page[at:]])
