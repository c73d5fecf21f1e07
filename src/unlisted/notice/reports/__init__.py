"""Abuse reports about us, one file a kind: what each reporter writes, as `Report`.

A kind is a module with `read(head, leaves) -> list[Report]`, [] for what is not its own, and `EACH`, which
counts what a report holds beyond what is read of it. A new kind is one new file: this package walks its own
folder. Plain ARF is asked last, because others wrap themselves in it.
A report is a stranger's word: it may open a case and never moves a hold.
"""

import re
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from unlisted.messages import Report
from unlisted.notice.parts import Part

LAST = "arf"
MOST = 1000  # lines of one mail; RFC 5321 §4.5.3.1.8 asks for 100 recipients


class Kind(Protocol):
    EACH: re.Pattern[str]  # what stands once for each recipient or incident of a text; (?!) where one is all

    def read(self, head: Part, leaves: list[Part]) -> list[Report]: ...


def kinds() -> dict[str, Kind]:
    """Every kind by name, in the order in which they are asked."""
    if not _KINDS:
        names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
        names.sort(key=lambda name: name == LAST)
        _KINDS.update({name: import_module(f"{__name__}.{name}") for name in names})
    return _KINDS


_KINDS: dict[str, Kind] = {}


def counted(head: Part, leaves: list[Part]) -> tuple[list[Report], int]:
    """What the first kind that knows the mail makes of it, and how many lines beyond MOST it did not read.

    Never raises.
    """
    if any(leaf.kind.endswith(("delivery-status", "/delivery-report")) for leaf in leaves):
        return [], 0  # a bounce, whatever it returns
    for kind in kinds().values():
        if found := kind.read(head, leaves):
            told = sum(max(1, len(one.recipients)) for one in found)
            return found, max(0, _named(kind, leaves) - told) if told >= MOST else 0
    return [], 0


def _named(kind: Kind, leaves: list[Part]) -> int:
    return sum(1 for leaf in leaves for _ in kind.EACH.finditer(leaf.text))
