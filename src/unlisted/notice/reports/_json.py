"""JSON that strangers wrote: never raises, and reads what it can of what is cut off or broken.

A report whose evidence made it too long to be read whole still tells its source and its time.
"""

import json
import re
from collections.abc import Iterator

from unlisted.notice import parts

DEEP = 4  # levels of a broken document that are looked into; XARF v3 needs two
MOST = 1000  # documents of one text
PAIRS = 500  # members of one broken object; XARF has some thirty

_KEY = re.compile(r'[\s,]{0,200}"([^"\\\n]{1,100})"\s{0,200}:\s{0,200}')
_GAP = re.compile(r"[\s,\[\]]{0,200}")


def _tidy(value: object) -> object:
    """JSON's \\u escapes can spell half a UTF-16 pair, which nothing behind us can hold."""
    if isinstance(value, list):
        return [_tidy(one) for one in value]
    return parts.whole(value) if isinstance(value, str) else value


_DECODER = json.JSONDecoder(object_pairs_hook=lambda pairs: {parts.whole(k): _tidy(v) for k, v in pairs})


def documents(text: str) -> list[dict[str, object]]:
    """The JSON objects that a text begins with: one, several, or a list of them; [] when it has none."""
    text = text.replace("!\n ", "").lstrip("\ufeff \t\r\n")  # sendmail breaks long lines so
    if not text.startswith(("{", "[")):
        return []
    return list(_each(text))


def _each(text: str) -> Iterator[dict[str, object]]:
    at, count = 0, 0
    while count < MOST:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if not text.startswith("{", at):
            return
        count += 1
        try:
            found, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            if broken := _broken(text, at, 1):
                yield broken
            return
        yield found


def _broken(text: str, at: int, depth: int) -> dict[str, object]:
    """The members of an object, up to the first that cannot be read; that one as far as it goes."""
    found: dict[str, object] = {}
    at += 1
    while len(found) < PAIRS and (key := _KEY.match(text, at)):
        try:
            value, at = _DECODER.raw_decode(text, key.end())
            value = _tidy(value)
        except (ValueError, RecursionError):
            if text.startswith("{", key.end()) and depth < DEEP:
                found[key[1]] = _broken(text, key.end(), depth + 1)
            return found
        found[key[1]] = value
    return found


def branch(document: dict[str, object], name: str) -> dict[str, object]:
    """The object under a name; an empty one when there is none."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def text(document: dict[str, object], *names: str) -> str:
    """The first of the named members that is a text that says something; "" when none does."""
    for name in names:
        value = document.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
