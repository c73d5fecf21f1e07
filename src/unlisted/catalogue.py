"""What the world changes without asking us: zones, phrases, causes, parameters, kept as TOML.

Ours stand in `unlisted/data/NAME.toml` and are never edited; a person's own stand in
`/etc/unlisted/NAME.toml` (or the folder that `UNLISTED_ETC` names) and are merged over ours.
Unknown keys are errors that name the path.
"""

import os
import tomllib
from importlib.resources import files
from typing import Any, TypeVar

import msgspec

from unlisted.codec import read_spelled
from unlisted.errors import ConfigError

T = TypeVar("T")


def decode(text: str, kind: type[T], name: str) -> T:
    """TOML into a struct; ConfigError with file and path when it does not fit."""
    return _convert(_parse(text, name), kind, name)


def read(name: str, kind: type[T]) -> T:
    """Our table `name` with the person's own merged over it."""
    ours = files("unlisted").joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    table = _parse(ours, f"data/{name}.toml")
    override = os.path.join(os.environ.get("UNLISTED_ETC", "/etc/unlisted"), f"{name}.toml")
    try:
        with open(override, encoding="utf-8") as file:
            table = _merge(table, _parse(file.read(), override))
    except FileNotFoundError:
        return _convert(table, kind, f"data/{name}.toml")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {override}: {error}", remedy=f"mend or remove {override}") from None
    return _convert(table, kind, f"data/{name}.toml merged with {override}")


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not TOML: {error}", remedy=f"mend that place in {name}") from None


def _convert(table: dict[str, Any], kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(table, kind, dec_hook=read_spelled)
    except msgspec.ValidationError as error:
        remedy = "correct that entry or take it out"
        if str(error).startswith("Object contains unknown field") and "- at" not in str(error):
            kinds = " or ".join(f"[{field}.KEY]" for field in kind.__struct_fields__)  # type: ignore[attr-defined]
            remedy = f"an entry is a table of its kind: {kinds}"
        raise ConfigError(f"{name}: {error}", remedy=remedy) from None


def _merge(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Tables merge key by key; everything else is replaced."""
    merged = dict(ours)
    for key, value in theirs.items():
        mine = merged.get(key)
        merged[key] = _merge(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return merged
