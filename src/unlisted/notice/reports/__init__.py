"""Abuse reports about us, one file a kind: what each reporter writes, as `Report`.

A kind is a module with `read(head, leaves) -> list[Report]`, [] for what is not its own. A new kind is one
new file: this package walks its own folder. Plain ARF is asked last, because others wrap themselves in it.
A report is a stranger's word: it may open a case and never moves a hold.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from unlisted.messages import Report
from unlisted.notice.parts import Part

LAST = "arf"
MOST = 1000  # lines of one mail; RFC 5321 §4.5.3.1.8 asks for 100 recipients


class Kind(Protocol):
    def read(self, head: Part, leaves: list[Part]) -> list[Report]: ...


def kinds() -> dict[str, Kind]:
    """Every kind by name, in the order in which they are asked."""
    if not _KINDS:
        names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
        names.sort(key=lambda name: name == LAST)
        _KINDS.update({name: import_module(f"{__name__}.{name}") for name in names})
    return _KINDS


_KINDS: dict[str, Kind] = {}


def read(head: Part, leaves: list[Part]) -> list[Report]:
    """What the first kind that knows the mail makes of it. Never raises."""
    if any(leaf.kind.endswith(("delivery-status", "/delivery-report")) for leaf in leaves):
        return []  # a bounce, whatever it returns
    return next((found for kind in kinds().values() if (found := kind.read(head, leaves))), [])
