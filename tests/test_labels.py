"""Verdict, cited address, list and page against labels that were written before anybody compared.

tests/labels/bounces.tsv says how. A miss is printed with what was wanted and what was had.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from unlisted.edge import mail
from unlisted.messages import Refusal
from unlisted.notice import bounce

LABELS = Path(__file__).parent / "labels" / "bounces.tsv"
RECIPIENTS = 311
PRECISION, RECALL = 0.98, 0.95  # of "it is about our address"
EXACT = 0.98  # of the recipients for whom label or reader names one
AGREEMENT = 0.95  # of all verdicts, by the word

pytestmark = pytest.mark.corpus


def _labels() -> dict[tuple[str, int], list[str]]:
    lines = [line.split("\t") for line in LABELS.read_text().splitlines() if not line.startswith("#")]
    return {(line[0], int(line[1])): line[2:] for line in lines}


@pytest.fixture(scope="module")
def told(corpora: Path) -> list[tuple[str, list[str], Refusal | None]]:
    """Each recipient's name, label and what the reader says."""
    read: dict[str, list[Refusal]] = {}
    rows: list[tuple[str, list[str], Refusal | None]] = []
    for (name, index), label in _labels().items():
        if name not in read:
            found = mail.messages(str(corpora / "bounces" / name))
            read[name] = [
                r for m in found if isinstance(m, mail.Message) for r in bounce.refusals(m.raw, name)
            ]
        made = read[name]
        rows.append((f"{name}#{index}", label, made[index - 1] if index <= len(made) else None))
    return rows


def test_every_recipient_is_labeled(corpora: Path) -> None:
    expected = (corpora / "bounces" / "expected.jsonl").read_text().count("\n")
    assert len(_labels()) == RECIPIENTS == expected


def test_our_address_is_told_from_all_else(told: list[tuple[str, list[str], Refusal | None]]) -> None:
    ours = "our-address"
    wanted = {name for name, label, _ in told if label[0] == ours}
    had = {name for name, _, made in told if made is not None and made.verdict == ours}
    right = wanted & had
    precision, recall = len(right) / len(had), len(right) / len(wanted)
    print(f"\nprecision {precision:.3f} ({len(right)} of {len(had)}), recall {recall:.3f} of {len(wanted)}")
    print("accused wrongly:", *sorted(had - wanted), "\nmissed:", *sorted(wanted - had))
    assert precision >= PRECISION
    assert recall >= RECALL


def test_verdicts_agree(told: list[tuple[str, list[str], Refusal | None]]) -> None:
    misses = [
        f"{name:32} want {label[0]:12} have {made.verdict if made else None} ({made.rule if made else ''})"
        for name, label, made in told
        if made is None or made.verdict != label[0]
    ]
    print(f"\n{len(told) - len(misses)} of {len(told)} verdicts agree", *misses, sep="\n")
    assert 1 - len(misses) / len(told) >= AGREEMENT


def _cited(made: Refusal) -> str:
    return str(made.cited_ip) if made.cited_ip else ""


@pytest.mark.parametrize(
    ("column", "pick"), [(1, _cited), (2, lambda made: made.list), (3, lambda made: made.url)]
)
def test_what_the_text_names_is_exact(
    told: list[tuple[str, list[str], Refusal | None]], column: int, pick: Callable[[Refusal], str]
) -> None:
    counted: Counter[bool] = Counter()
    misses: list[str] = []
    for name, label, made in told:
        want, have = label[column].removeprefix("."), pick(made) if made else ""
        if want == "-" or not (want or have):
            continue
        counted[want == have] += 1
        if want != have:
            misses.append(f"{name:32} want {want!r} have {have!r}")
    print(f"\n{counted[True]} of {counted.total()} exact", *misses, sep="\n")
    assert counted[True] / counted.total() >= EXACT
