"""Structs to JSON and back: the one place that teaches msgspec about addresses."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeVar

import msgspec

from unlisted import net

T = TypeVar("T")

_SPELLED = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)


def _spell(value: object) -> object:
    if isinstance(value, _SPELLED):
        return str(value)
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def read_spelled(kind: type, value: object) -> object:
    """msgspec's dec_hook: an address or network from its text; ValueError names what was wrong."""
    if not isinstance(value, str):
        raise NotImplementedError(f"no reader for {kind}")
    noun = kind.__name__.lower()
    made = net.network(value) if noun.endswith("network") else net.ip(value)
    if made is None:
        raise ValueError(f"{value!r} is not an IP {noun}")
    return made


_ENCODER = msgspec.json.Encoder(enc_hook=_spell)


def encode(value: object) -> bytes:
    """One JSON document without a newline.

    Half a UTF-16 pair, from a file's name or a stranger's mail, has no UTF-8 form: U+FFFD stands for it.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_whole(builtins(value)))


def _whole(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list | tuple) else value


def decode(data: bytes | str, kind: type[T]) -> T:
    """The value that `data` spells; msgspec.ValidationError with the path when it does not fit."""
    return msgspec.json.decode(data, type=kind, dec_hook=read_spelled)


def builtins(value: object) -> Any:
    """Plain dicts, lists and strings, for what JSON lines are made of."""
    return msgspec.to_builtins(value, enc_hook=_spell)
