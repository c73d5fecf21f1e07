"""Public refusal texts, vendor by vendor: verdict, list, vendor, cited address; the reason of many more."""

from pathlib import Path

import pytest

from unlisted.net import ip
from unlisted.notice.refusal import judge
from unlisted.notice.rules import table

TEXTS = Path(__file__).parent / "labels" / "refusals.tsv"
ROWS = [tuple(row.split("\t")) for row in TEXTS.read_text().splitlines() if not row.startswith("#")]
OURS = tuple(address for address in map(ip, ("203.0.113.5", "2001:db8::25")) if address)


def test_there_are_many() -> None:
    texts = [row[4] for row in ROWS]
    assert len(set(texts)) == len(texts) >= 60


@pytest.mark.parametrize(("verdict", "zone", "vendor", "cited", "text"), ROWS)
def test_many_public_refusal_texts_about_blocklists(
    verdict: str, zone: str, vendor: str, cited: str, text: str
) -> None:
    found = judge(text)
    had = (found.verdict, found.list or "-", found.vendor or "-", str(found.cited_ip or "-"))
    assert had == (verdict, zone, vendor, cited), f"{found.rule} {found.quote!r}"


@pytest.mark.parametrize(("verdict", "zone", "vendor", "cited", "text"), ROWS)
def test_relayed_and_with_our_address_declared_it_is_read_alike(
    verdict: str, zone: str, vendor: str, cited: str, text: str
) -> None:
    relayed = f"host mx.example.org[198.51.100.7] said: {text} (in reply to RCPT TO command)"
    found = judge(relayed, OURS)
    had = (found.verdict, found.list or "-", found.vendor or "-", str(found.cited_ip or "-"))
    assert had == (verdict, zone, vendor, cited), f"{found.rule} {found.quote!r}"


WORDINGS = [
    row.split("\t")
    for row in (TEXTS.parent / "wordings.tsv").read_text().splitlines()
    if not row.startswith("#")
]


def test_every_word_of_the_vocabulary_is_exercised() -> None:
    told_otherwise = {"delivered", "feedback", "undefined", "vacation"}  # by a report's fields, or by silence
    assert {row[0] for row in WORDINGS} | told_otherwise == set(table().reason)


def test_reasons_of_many_wordings() -> None:
    had = [(judge(text, command=command.strip("-")).reason, text) for _, command, text in WORDINGS]
    misses = [
        f"{want} is read as {reason}: {text}"
        for (want, _, text), (reason, _) in zip(WORDINGS, had, strict=True)
        if reason != want
    ]
    assert not misses, "\n".join(misses)


def _meanings(name: str) -> list[list[str]]:
    rows = (TEXTS.parent / name).read_text().splitlines()
    return [row.split("\t") for row in rows if not row.startswith("#")]


@pytest.mark.parametrize(("name", "least"), [("languages.tsv", 300), ("meanings.tsv", 250)])
def test_reason_and_verdict_of_many_more(name: str, least: int) -> None:
    rows = _meanings(name)
    assert len(rows) >= least
    misses: list[str] = []
    for want, verdicts, text in rows:
        found = judge(text, command="RCPT")
        if found.verdict not in verdicts.split("|") or want not in ("*", found.reason):
            misses.append(f"{text}: {found.reason}, {found.verdict} by {found.rule}")
        if found.reason == "userunknown" and not found.hard:
            misses.append(f"{text}: is for good")
    assert not misses, "\n".join(misses)
