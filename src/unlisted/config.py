"""The person's settings: one TOML file, all of it optional.

Looked for in this order: `--config FILE`, `$UNLISTED_CONFIG`, `/etc/unlisted/unlisted.toml`,
`$XDG_CONFIG_HOME/unlisted/unlisted.toml`. `docs/configuration.md` is checked against `Config`.
"""

import os
from math import inf
from typing import Literal

from msgspec import Struct, structs

from unlisted import catalogue, net
from unlisted.errors import ConfigError
from unlisted.find import roles
from unlisted.net import Address, Network

Policy = Literal["observe", "approve", "hold"]


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set. The defaults touch nothing and ask nobody."""

    own: tuple[Address, ...] = ()  # our public addresses
    own_name: str = ""  # a DNS name that leads to us, e.g. of a dynamic DNS
    stun: str = ""  # HOST[:PORT] of a STUN server; "" asks none
    inside: tuple[Network, ...] = net.INSIDE  # what counts as the own network
    resolver: str = ""  # ADDR[:PORT]; "" is the system's
    store: str = ""  # path of the SQLite file; "" is the usual place
    senders: tuple[str, ...] = ()  # declared mail senders: addresses or MACs
    roles: dict[str, str] = {}  # address or MAC -> what it is, a name of data/roles.toml
    protect: tuple[str, ...] = ()  # never held: addresses or MACs
    policy: Policy = "observe"
    hold_hours: float = 48.0  # longer than the day of quiet that most lists want to see
    warm_up: float = 900.0  # seconds of watching before policy may hold
    max_holds: int = 3  # more than this at once means that we are wrong
    lan: str = ""  # interface names of the gateway
    wan: str = ""
    keys: dict[str, str] = {}  # of lists that answer subscribers only: name in the catalogue -> key


def places() -> list[str]:
    """Where a configuration is looked for when none is named."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    named = os.environ.get("UNLISTED_CONFIG")
    return [*([named] if named else []), "/etc/unlisted/unlisted.toml", f"{home}/unlisted/unlisted.toml"]


def load(path: str | None = None) -> Config:
    """The configuration; the defaults where no file exists. ConfigError names file, path and mend."""
    for candidate in [path] if path else places():
        try:
            with open(candidate, encoding="utf-8") as file:
                return check(catalogue.decode(file.read(), Config, candidate), candidate)
        except FileNotFoundError:
            if candidate in (path, os.environ.get("UNLISTED_CONFIG")):
                raise ConfigError(
                    f"no configuration at {candidate}", remedy="name an existing file"
                ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"cannot read {candidate}: {error}", remedy="mend it, or name another"
            ) from None
    return Config()


def check(config: Config, name: str) -> Config:
    """What types cannot say: ranges and spellings. Addresses and MACs come out in their one form."""
    spelled: dict[str, tuple[str, ...]] = {}
    for field in ("senders", "protect"):
        for position, text in enumerate(getattr(config, field)):
            if net.ip(text) is None and not net.mac(text):
                raise ConfigError(
                    f"{name}: {text!r} is neither an address nor a MAC - at `$.{field}[{position}]`",
                    remedy='write it as "192.168.1.10" or "3c:5a:b4:12:34:56"',
                )
        spelled[field] = tuple(str(net.ip(text) or net.mac(text)) for text in getattr(config, field))
    for text, role in config.roles.items():
        if not roles.spelled(text):
            raise ConfigError(
                f"{name}: {text!r} is neither an address nor a MAC - at `$.roles`",
                remedy='write it as "192.168.1.10" = "newsletter"',
            )
        if role not in roles.declarable():
            raise ConfigError(
                f"{name}: {role!r} is no role - at `$.roles.{text}`",
                remedy=f"one of {', '.join(roles.declarable())}",
            )
    for list_key, secret in config.keys.items():
        if not net.label(secret):  # which is not repeated: errors end up in logs
            raise ConfigError(
                f"{name}: that is no key of a list - at `$.keys.{list_key}`",
                remedy="write it as its operator gave it: letters, digits and hyphens, at most 63",
            )
    if not 0 < config.hold_hours <= 24 * 30:
        raise ConfigError(
            f"{name}: {config.hold_hours} hours is no hold - at `$.hold_hours`",
            remedy="between 0 (excluded) and 720",
        )
    if not 0 <= config.warm_up < inf:
        raise ConfigError(f"{name}: {config.warm_up} - at `$.warm_up`", remedy="seconds, 0 or more")
    if config.max_holds < 0:
        raise ConfigError(f"{name}: {config.max_holds} - at `$.max_holds`", remedy="0 or more")
    told = {roles.spelled(text): role for text, role in config.roles.items()}
    return structs.replace(config, roles=told, **spelled)
