"""What refusals say about lists: hearsay, marked as such."""

from ipaddress import ip_address

from unlisted.diagnose import cited, signs
from unlisted.diagnose.signs import Findings
from unlisted.messages import Refusal
from unlisted.notice import lists

OURS, OTHER = ip_address("203.0.113.5"), ip_address("198.51.100.9")


def refusal(**changes: object) -> Refusal:
    return Refusal("a.eml", verdict="our-address", **changes)  # type: ignore[arg-type]


def test_the_address_that_most_refusals_cite_is_ours() -> None:
    many = [refusal(cited_ip=OURS)] * 3 + [refusal(cited_ip=OTHER)]
    assert cited.own(many) == (OURS,)
    assert cited.own([refusal(cited_ip=OURS), refusal(cited_ip=OTHER)]) == ()
    assert cited.own([Refusal("a", verdict="recipient", cited_ip=OTHER)]) == ()
    assert cited.own([]) == ()


def test_a_named_list_is_a_listing_by_hearsay() -> None:
    said = [
        refusal(cited_ip=OURS, list="spamhaus-zen", sublist="XBL", at=2.0, quote="new"),
        refusal(cited_ip=OURS, list="spamhaus-zen", sublist="XBL", at=1.0, quote="old"),
        refusal(cited_ip=OURS, list="no-such-list"),
        refusal(cited_ip=OURS),
    ]
    [listing] = cited.listings(said, (OURS,), lists.load())
    assert listing.state == "listed"
    assert listing.address == "203.0.113.5"
    assert listing.why == cited.HEARSAY
    assert listing.codes == ("127.0.0.4",)
    assert listing.meaning.startswith("XBL: ")
    assert listing.at == 2.0


def test_a_refusal_without_an_address_counts_only_when_we_have_one() -> None:
    said = [refusal(list="spamhaus-zen")]
    assert cited.listings(said, (), lists.load()) == []
    assert len(cited.listings(said, (OURS,), lists.load())) == 1


def test_a_dead_list_accuses_nobody() -> None:
    [listing] = cited.listings([refusal(list="sorbs", cited_ip=OURS)], (OURS,), lists.load())
    assert listing.state == "unknown"
    assert listing.why == cited.DEAD


def test_a_list_of_lists_without_its_part_is_no_word_about_infection() -> None:
    [listing] = cited.listings([refusal(list="spamhaus-zen", cited_ip=OURS)], (OURS,), lists.load())
    seen = {sign.sign: sign.present for sign in signs.read(Findings(listings=(listing,)))}
    assert seen["infection-list"] is False
    assert seen["spam-seen"] is False
    assert listing.removal == ""


def test_every_list_that_a_refusal_names_is_a_listing() -> None:
    said = [refusal(cited_ip=OURS, list="spamhaus-zen", sublist="XBL", also=("spamcop", "no-such-list"))]
    found = cited.listings(said, (OURS,), lists.load())
    assert [(one.list, one.codes) for one in found] == [("spamhaus-zen", ("127.0.0.4",)), ("spamcop", ())]
