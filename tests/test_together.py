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
    assert text.startswith("2 of 3 refusals concern us; of these, both come from servers behind MessageLabs")
    assert "spamcop" not in text  # what one says of two is nothing that they have in common
    more = together.sentence(together.common([*mixed, _refusal(4, list="spamcop")]))
    assert "2 name the list spamcop" in more


def test_nothing_in_common_and_nothing_at_all() -> None:
    alone = [_refusal(1, vendor="", cited_ip=None), _refusal(2, vendor="", cited_ip=None)]
    assert together.sentence(together.common(alone)) == ("2 refusals")
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
        "not shared: 5 recipient domains, 2 lists (spamcop, psbl), 1 without a known filter; "
        "5.0% of all mail was refused"
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


def test_what_names_nothing_and_what_has_nothing_in_common_are_told_apart() -> None:
    mixed = [_refusal(n, vendor="", cited_ip=None, list=name) for n, name in enumerate(("psbl", "spamcop"))]
    assert together.sentence(together.common(mixed)) == (
        "2 refusals, with no filter, list or address in common"
    )
    many = [_refusal(n, vendor="", cited_ip=None, list="psbl" if n == 0 else "") for n in range(9)]
    assert "in common" in together.sentence(together.common(many))


def test_of_all_is_not_said_where_something_was_not_read() -> None:
    counted = together.Together()
    for number in range(12):
        counted.add(_refusal(number, list="spamcop" if number else ""))
    assert together.sentence(counted.common(partial=True)) == (
        "of those read, 12 refusals: 12 come from servers behind MessageLabs, 11 name the list spamcop "
        "and 12 cite 203.0.113.5"
    )
    counted.add(_refusal(99, verdict="recipient"))
    for found in (counted.common(3, partial=True), together.Together().common(partial=True)):
        assert together.sentence(found).startswith("of those read, ")
        assert "all" not in together.sentence(found)


def test_a_house_and_its_own_list_have_their_names() -> None:
    one = together.sentence(together.common([_refusal(1, vendor="cox", list="cox")]))
    assert one == "the one refusal comes from servers behind Cox, names Cox's own list and cites 203.0.113.5"
    assert "the list Cisco Talos" in together.sentence(together.common([_refusal(1, list="cisco-talos")]))


def test_one_of_many_is_told_as_one() -> None:
    told = [_refusal(1), _refusal(2, verdict="recipient")]
    assert together.sentence(together.common(told)) == (
        "1 of 2 refusals concerns us: it comes from servers behind MessageLabs and cites 203.0.113.5"
    )


def test_the_state_is_bounded_and_the_count_is_not() -> None:
    counted = together.Together()
    number = together.KEPT + 500
    for n in range(number):
        counted.add(_refusal(n, list=f"list{n}.example"))
    found = counted.common()
    assert (found.count, found.vendor) == (number, together.Share("messagelabs", number))
    assert found.lists == found.domains == together.KEPT
    assert "10,000 or more lists" in together.apart(found)


def test_the_one_domain_of_all_is_known() -> None:
    same = [_refusal(n, recipient=f"p{n}@one.example") for n in range(3)]
    assert together.common(same).domain == "one.example"
    assert together.common([*same, _refusal(9)]).domain == ""


def test_the_share_of_all_mail_is_that_of_the_log_alone() -> None:
    counted = together.Together()
    for number in range(50):
        counted.add(_refusal(number))
    assert counted.common(90, 10).share == 0.1
    assert "10.0% of all mail was refused" in together.apart(counted.common(90, 10))
    assert counted.common(0, 0).share is None
