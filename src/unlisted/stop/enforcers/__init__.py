"""What can carry out a hold: a module for each kind, found by walking this folder.

An enforcer has `ABOUT: str` (one line) and pure functions `hold(decision, now)` and `release(decision)`
that render what is to be done. Adding one is adding a file here; nothing registers it.
"""

import pkgutil
from importlib import import_module
from types import ModuleType


def names() -> list[str]:
    """Every enforcer that there is, in the order of the alphabet."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))


def load(name: str) -> ModuleType:
    """The module of one enforcer; ValueError when there is none of that name."""
    if name not in names():
        raise ValueError(f"no enforcer {name!r}; there are {', '.join(names())}")
    return import_module(f"{__name__}.{name}")
