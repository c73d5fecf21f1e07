"""The whole study, or a quick one."""

import hashlib
import json
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from study import bots, honest, judged, measure, real
from study.judged import Verdicts
from study.measure import Caught, Exposure

QUICK = 0.02  # of the devices, and one seed


class Results(NamedTuple):
    """All that the page tells."""

    scale: float
    caught: list[Caught]
    found: list[Verdicts]  # of the same families, by `rank.judge`
    exposed: list[Exposure]
    judged: list[Verdicts]  # of the same roles
    real: real.Real | None


def study(scale: float, corpora: Path | None, say: Callable[[str], None]) -> Results:
    """Run everything, telling `say` what comes next."""
    caught, found, exposed, verdicts = [], [], [], []
    for family in bots.FAMILIES:
        say(family.name)
        caught.append(measure.caught(family, scale))
        found.append(judged.family(family, scale))
    for role in honest.ROLES:
        say(role.name)
        exposed.append(measure.exposed(role, scale))
        verdicts.append(judged.role(role, scale))
    return Results(scale, caught, found, exposed, verdicts, real.study(corpora) if corpora else None)


def fingerprint(name: str) -> str:
    """Of the numbers in data/<name>.toml: comments, sources and dates do not count."""
    table = tomllib.loads((files("unlisted") / "data" / f"{name}.toml").read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps(_bare(table), sort_keys=True).encode()).hexdigest()[:16]


def _bare(value: object) -> object:
    if isinstance(value, dict):
        return {name: _bare(one) for name, one in value.items() if name not in ("source", "checked")}
    return value
