"""The next step: the missing evidence with the greatest expected information per minute.

Information is the expected fall of the entropy of the causes, in bits (Shannon 1948; Lindley 1956).
"""

import re
from collections.abc import Mapping
from itertools import product
from math import log2

from unlisted.diagnose.causes import Causes, Remedy, Sign, weigh
from unlisted.messages import Step, Suspect

_WORD = re.compile(r" \(([A-Z]{4,}): [^()]{1,200}\)")  # "(ADDRESS: your public one)"


def entropy(probabilities: Mapping[str, float]) -> float:
    """Uncertainty in bits."""
    return -sum(p * log2(p) for p in probabilities.values() if p > 0)


def gain(reveals: tuple[str, ...], signs: list[Sign], table: Causes) -> float:
    """Bits that looking for `reveals` is expected to bring, beyond what `signs` already say."""
    now = weigh(signs, table)
    unseen = [name for name in reveals if name not in {sign.sign for sign in signs}]
    expected = 0.0
    for outcome in product((True, False), repeat=len(unseen)):
        seen = [Sign(name, present, 1.0, "") for name, present in zip(unseen, outcome, strict=True)]
        chance = sum(now[cause] * _chance(seen, cause, table) for cause in now)
        if chance > 0:
            expected += chance * entropy(weigh([*signs, *seen], table))
    return max(0.0, entropy(now) - expected)


def _chance(seen: list[Sign], cause: str, table: Causes) -> float:
    chance = 1.0
    for sign in seen:
        p = table.sign[sign.sign].under(cause)
        chance *= p if sign.present else 1 - p
    return chance


def _step(remedy: Remedy, words: Mapping[str, str], bits: float) -> Step:
    """One step; a word that its command does not hold needs no explanation."""
    command = remedy.command.format_map(words).strip()
    told = _WORD.sub(lambda found: found[0] if found[1] in command else "", remedy.step)
    return Step(told, command, round(bits, 3))


def plan(
    signs: list[Sign],
    suspects: list[Suspect],
    table: Causes,
    words: Mapping[str, str],
    done: frozenset[str] = frozenset(),
    most: int = 3,
) -> list[Step]:
    """What to do next, best first. A named culprit is held before anything else is looked up.

    `words` fills the commands' gaps: own, folder, allow. `done`: steps (by key) that were taken already.
    """
    acts = [
        Step(
            f"hold {suspect.device.hostname or suspect.device.key}: it ends by itself and can be undone",
            f"sudo unlisted hold {suspect.device.mac or suspect.device.address}",
            0.0,
        )
        for suspect in suspects
        if suspect.verdict == "rogue"
    ]
    if acts:
        acts.append(Step("when it is held, plan the removals", "unlisted delist", 0.0))
    looks = [
        (bits / remedy.minutes, _step(remedy, words, bits))
        for key, remedy in table.step.items()
        if key not in done and (bits := remedy.exists * gain(remedy.reveals, signs, table)) > 0.02
    ]
    looks.sort(key=lambda pair: -pair[0])
    return [*acts, *(step for _, step in looks)][:most]
