"""Causes weighed against signs: Bayes over explicit hypotheses, nothing learnt in secret.

A sign is present, or it was looked for and is absent, or nobody has looked. Silence is weighed by
coverage: a log that spans a twentieth of the time says a twentieth of what a full one would.
The table is data/causes.toml.
"""

from functools import lru_cache
from math import prod

from msgspec import Struct

from unlisted import catalogue
from unlisted.messages import Cause


class Hypothesis(Struct, frozen=True, forbid_unknown_fields=True):
    """One cause, its title in plain words and its weight before any sign."""

    title: str
    prior: float
    source: str
    checked: str


class Symptom(Struct, frozen=True, forbid_unknown_fields=True):
    """One sign: its chance under each cause, when the evidence was looked at."""

    title: str
    p: dict[str, float]
    otherwise: float
    source: str
    checked: str

    def under(self, cause: str) -> float:
        """P(sign | cause)."""
        return self.p.get(cause, self.otherwise)


class Remedy(Struct, frozen=True, forbid_unknown_fields=True):
    """A step that would show signs, with its price in minutes."""

    step: str
    command: str
    reveals: tuple[str, ...]
    minutes: float
    exists: float = 1.0  # chance that the evidence is there to be looked at


class Causes(Struct, frozen=True, forbid_unknown_fields=True):
    """data/causes.toml."""

    cause: dict[str, Hypothesis]
    sign: dict[str, Symptom]
    step: dict[str, Remedy]


class Sign(Struct, frozen=True):
    """What one kind of evidence says about one sign."""

    sign: str
    present: bool
    coverage: float  # 0..1: how much of the time in question the evidence spans
    because: str


@lru_cache(maxsize=1)
def load() -> Causes:
    """The hypotheses, ours with the person's own merged over them."""
    return catalogue.read("causes", Causes)


def likelihood(sign: Sign, cause: str, table: Causes) -> float:
    """P(what was seen | cause); 1 when nobody looked."""
    chance = table.sign[sign.sign].under(cause)
    return chance if sign.present else 1 - sign.coverage * chance


def weigh(signs: list[Sign], table: Causes) -> dict[str, float]:
    """The probability of each cause, given the signs. Sums to one."""
    raw = {
        cause: hypothesis.prior * prod(likelihood(sign, cause, table) for sign in signs)
        for cause, hypothesis in table.cause.items()
    }
    total = sum(raw.values())
    return {cause: weight / total for cause, weight in raw.items()}


def rank(signs: list[Sign], table: Causes) -> list[Cause]:
    """The causes, likeliest first, each with the signs that speak loudest for it."""
    posterior = weigh(signs, table)
    order = sorted(posterior, key=lambda cause: (-posterior[cause], cause))
    return [Cause(cause, round(posterior[cause], 4), _because(cause, signs, table)) for cause in order]


def _because(cause: str, signs: list[Sign], table: Causes) -> str:
    """The signs that make this cause likelier than the average of the others, strongest first."""

    def pull(sign: Sign) -> float:
        others = [likelihood(sign, other, table) for other in table.cause if other != cause]
        return likelihood(sign, cause, table) * len(others) / sum(others)

    telling = sorted((sign for sign in signs if sign.because and pull(sign) > 1.2), key=pull, reverse=True)
    return "; ".join(sign.because for sign in telling[:3]) or "how often it is the cause, nothing more"
