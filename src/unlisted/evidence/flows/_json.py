"""JSON records of flow recorders: a line as an object, its names flat, its values as in a table."""

import re
from typing import TypeAlias

import msgspec

from unlisted.evidence.framing import stamp, tagged

Value: TypeAlias = "str | int | float | bool | dict[str, Value] | list[Value] | None"
Record: TypeAlias = dict[str, Value]

DEEP = 4  # levels of objects whose names are read
WIDE = 400  # names read of one record
_TAG = re.compile(r"[\w./-]{1,64}(?:\[\d{1,10}\])?:[ ]{1,3}(?:@cee:[ ]?)?")
_FRONT = 300  # characters in which a line's syslog front must end
_DECODE = msgspec.json.Decoder()


def load(line: str) -> Record | None:
    """The object that a line is, behind nothing but a program's syslog tag; None for any other line.

    A line that was cut off is no object, and none that another program wrote around somebody's text is.
    """
    start = line.find("{", 0, _FRONT)
    if start < 0 or (start and not _framed(line, start)):
        return None
    try:
        made = _DECODE.decode(line[start:] if start else line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    if not isinstance(made, dict):
        return None
    raw = child(made, "result").get("_raw")  # Splunk's export: the line as it came
    return load(raw) if isinstance(raw, str) and raw.startswith("{") else made


def _framed(line: str, start: int) -> bool:
    if not line[:start].strip("\ufeff \t\x1e"):
        return True
    when = stamp(line, 0.0)
    tag = _TAG.search(line, when.end if when else start)
    return when is not None and tag is not None and tag.end() == start and tagged(line, when, tag.start())


def child(record: Value, name: str) -> Record:
    """An object inside; an empty one where there is none."""
    made = record.get(name) if isinstance(record, dict) else None
    return made if isinstance(made, dict) else {}


def text(value: Value) -> str:
    """As a table would spell it; the first of a list; "" for none."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (bool, dict)):
        return ""
    if isinstance(value, list):
        return text(value[0]) if value and not isinstance(value[0], list) else ""
    return repr(value)


def count(value: Value) -> int:
    """A number of packets, 0 for none."""
    digits = text(value)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


def flat(record: Record) -> dict[str, str]:
    """Every value by its path, `source.ip`; what Elastic hands out stands in `_source`."""
    found: dict[str, str] = {}
    inner = child(record, "_source") or child(record, "fields")
    _flatten(inner or record, "", 0, found)
    return found


def _flatten(record: Record, front: str, level: int, found: dict[str, str]) -> None:
    for name, value in record.items():
        if len(found) > WIDE:
            return
        if isinstance(value, dict):
            if level < DEEP:
                _flatten(value, f"{front}{name}.", level + 1, found)
        else:
            found[f"{front}{name}"] = text(value)
