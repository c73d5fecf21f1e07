"""Notices of many programs against what a reader of them would say; tests/labels/notices.tsv says how."""

from collections import defaultdict
from pathlib import Path

import pytest

from unlisted.notice import bounce, dialects, forwarded, parts

LABELS = Path(__file__).parent / "labels"
WANTED: dict[str, list[list[str]]] = defaultdict(list)
for row in (LABELS / "notices.tsv").read_text().splitlines():
    if not row.startswith("#"):
        WANTED[row.split("\t")[0]].append(row.split("\t")[2:])


def test_every_notice_is_labeled() -> None:
    assert {path.stem for path in (LABELS / "notices").iterdir()} == set(WANTED)


@pytest.mark.parametrize("name", sorted(WANTED))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_notice(name: str, end: str) -> None:
    raw = (LABELS / "notices" / f"{name}.eml").read_text().replace("\n", end).encode()
    had = [
        [r.recipient, r.code, r.status, r.reason, r.verdict, r.list, str(r.cited_ip or "")]
        for r in bounce.refusals(raw, name)
    ]
    assert [[value or "-" for value in row] for row in had] == WANTED[name]


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_notice_that_is_cut_off_anywhere_is_still_read(name: str) -> None:
    raw = (LABELS / "notices" / f"{name}.eml").read_bytes()
    known = {row[0] for row in WANTED[name]}
    whole = bounce.refusals(raw, name)
    for end in range(0, len(raw), 53):
        assert len(bounce.refusals(raw[:end], name)) <= max(len(whole), len(known)) + 1


def _lost(raw: bytes) -> tuple[int, list[str]]:
    """How many dialects read a mail, and which of them would not have been asked for want of a hint."""
    head, leaves = parts.split(raw)
    text = forwarded.unquoted(bounce.notification(leaves))
    reading = [one for one in dialects.known() if one.HINTS and one.read(head, text)]
    return len(reading), [str(one) for one in reading if not any(hint in text.lower() for hint in one.HINTS)]


def test_no_dialect_reads_a_notice_in_which_none_of_its_hints_stands() -> None:
    had = [_lost(path.read_bytes()) for path in sorted((LABELS / "notices").iterdir())]
    assert sum(count for count, _ in had) > 0
    assert [lost for _, lost in had if lost] == []


def test_no_hint_hides_a_notice_of_the_corpus(corpora: Path) -> None:
    had = [_lost(path.read_bytes()) for path in sorted((corpora / "bounces").glob("*.eml"))]
    assert sum(count for count, _ in had) > 0
    assert [lost for _, lost in had if lost] == []


def test_every_hint_is_in_lower_case() -> None:
    assert all(hint == hint.lower() for one in dialects.known() for hint in one.HINTS)
