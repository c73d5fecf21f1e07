"""What Zeek's logs share: TSV under `#fields`, JSON, and the names in either.

Source: Zeek 6 base/frameworks/logging/writers/ascii.zeek, base/protocols/conn/main.zeek; names with a
dot, with an underscore (as many databases want them) or nested (`{"id": {"orig_h": …}}`, zed); Kafka's
writer puts the record under its log's name.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.flows._json import Record, child, load, text

Fields: TypeAlias = Callable[[str], str]  # a field by its name, "" where it is unset
Made: TypeAlias = Callable[[Fields, float], Parsed]
_SEPARATORS = "\t,;|"
_UNSET = ("-", "(empty)")


def spelled(name: str) -> str:
    """A name as all writers have it."""
    return name.replace(".", "_")


def fields(line: str) -> tuple[str, list[str]] | None:
    """Separator and names of a `#fields` line of a log of connections; None for any other line."""
    separator = line[7:8]
    if not line.startswith("#fields") or not separator or separator not in _SEPARATORS:
        return None
    names = [spelled(name) for name in line[8:].rstrip("\r\n").split(separator)]
    return (separator, names) if "id_orig_h" in names else None


def table(first: tuple[str, list[str]], made: Made) -> Parse:
    """The reader of a TSV log. Logs put one behind the other have a `#fields` line each."""
    separator, names = first
    places = {name: place for place, name in enumerate(names)}

    def read(line: str, near: float) -> Parsed:
        nonlocal separator, names, places
        if line.startswith("#"):
            if again := fields(line):
                separator, names = again
                places = {name: place for place, name in enumerate(names)}
            return OTHER
        values = line.split(separator)
        if len(values) != len(names):
            return None  # cut off

        def field(name: str) -> str:
            place = places.get(name, -1)
            value = values[place] if place >= 0 else ""
            return "" if value in _UNSET else value

        return made(field, near)

    return read


def rows(names: Sequence[str], made: Made, sign: str) -> Callable[[Sequence[str], float], Parsed] | None:
    """What reads the rows of a table that has the column `sign`; None when it is another's."""
    places = {spelled(name): place for place, name in enumerate(names)}
    if "id_orig_h" not in places or sign not in places:
        return None

    def read(values: Sequence[str], near: float) -> Parsed:
        def field(name: str) -> str:
            place = places.get(name, -1)
            value = values[place] if place >= 0 else ""
            return "" if value in _UNSET else value

        return made(field, near)

    return read


def record(line: str, log: str) -> Fields | None:
    """The fields of a JSON line; None when it is none of Zeek's."""
    whole = load(line)
    if whole is None:
        return None
    inner = child(whole, log) if len(whole) == 1 else {}
    found: Record = inner or whole
    ends = child(found, "id")
    plain = {spelled(name): value for name, value in found.items()}
    plain |= {f"id_{name}": value for name, value in ends.items()}
    if "id_orig_h" not in plain:
        return None
    return lambda name: text(plain.get(name))
