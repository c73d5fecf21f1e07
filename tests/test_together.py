"""What many refusals share, in numbers and as a sentence."""

from hypothesis import given
from hypothesis import strategies as st

from unlisted.messages import Refusal
from unlisted.net import ip
from unlisted.notice import together


def _refusal(number: int, **kinds: object) -> Refusal:
    base = {
        "recipient": f"p{number}@d{number}.example",
        "verdict": "our-address",
        "reason": "blocked",
        "vendor": "messagelabs",
        "cited_ip": ip("203.0.113.5"),
        "at": 1000.0 + number,
    }
    return Refusal("x", **{**base, **kinds})  # type: ignore[arg-type]


def test_all_share_filter_and_address() -> None:
    found = together.common([_refusal(n) for n in range(12)], delivered=228)
    assert (found.count, found.ours, found.domains, found.first, found.last) == (12, 12, 12, 1000.0, 1011.0)
    assert found.share == 12 / 240
    assert together.sentence(found) == (
        "all 12 refusals come from servers behind MessageLabs and cite 203.0.113.5; "
        "228 other messages went through"
    )


def test_refusals_that_concern_us_are_looked_at_alone() -> None:
    mixed = [
        _refusal(1),
        _refusal(2, list="spamcop"),
        _refusal(3, verdict="recipient", vendor="google", cited_ip=None),
    ]
    text = together.sentence(together.common(mixed))
    assert text.startswith("2 of 3 refusals concern us; of these, all come from servers behind MessageLabs")
    assert "spamcop" not in text  # what one says of two is nothing that they have in common
    more = together.sentence(together.common([*mixed, _refusal(4, list="spamcop")]))
    assert "2 name the list spamcop" in more


def test_nothing_in_common_and_nothing_at_all() -> None:
    alone = [_refusal(1, vendor="", cited_ip=None), _refusal(2, vendor="", cited_ip=None)]
    assert together.sentence(together.common(alone)) == (
        "2 refusals; no filter, list or address is recognized in them"
    )
    assert together.sentence(together.common([])) == "no refusal was found"


def test_reports_and_absences_are_no_refusals() -> None:
    found = together.common([_refusal(1, reason="feedback"), _refusal(2, reason="vacation")])
    assert (found.count, found.reports) == (0, 1)
    assert together.sentence(found) == "1 abuse report, no refusal among them"


def test_what_they_do_not_share() -> None:
    told = [_refusal(n, list="spamcop" if n else "psbl") for n in range(4)] + [_refusal(9, vendor="")]
    found = together.common(told, delivered=95)
    assert (found.domains, found.vendors, found.lists, found.addresses) == (5, 1, 2, 1)
    assert together.apart(found) == (
        "not shared: 5 recipient domains, 2 lists, 1 without a known filter; 5.0% of all mail was refused"
    )
    same = [_refusal(1), _refusal(1)]
    assert together.apart(together.common(same)) == ""


@given(
    st.lists(
        st.tuples(st.sampled_from(["our-address", "recipient", "other"]), st.text(max_size=8)), max_size=20
    )
)
def test_a_sentence_for_anything(kinds: list[tuple[str, str]]) -> None:
    told = [_refusal(n, verdict=verdict, vendor=vendor) for n, (verdict, vendor) in enumerate(kinds)]
    assert together.sentence(together.common(told))
    assert isinstance(together.apart(together.common(told, delivered=3)), str)
