"""Which list a refusal names, which of the lists within it, and which others."""

from ipaddress import ip_address

import pytest

from unlisted.cli import _lines
from unlisted.messages import Refusal
from unlisted.notice import bounce, listed, lists, rules
from unlisted.notice.advice import advise
from unlisted.notice.refusal import judge


@pytest.mark.parametrize(
    ("text", "name", "part"),
    [
        ("rejected, Listed by PBL", "spamhaus-zen", "PBL"),
        ("203.0.113.5 refused (PBL)", "spamhaus-zen", "PBL"),
        ("203.0.113.5 listed in SBL", "spamhaus-zen", "SBL"),
        ("203.0.113.5 is listed on the xbl", "spamhaus-zen", "XBL"),
        ("203.0.113.5 listed in CSS", "spamhaus-zen", "CSS"),
        ("your IP is in the CSS file", "", ""),
        ("user unknown. 203.0.113.5 is not listed in zen.spamhaus.org", "", ""),
        ("203.0.113.5 listed in RBL", "", ""),
        ("blocked using zen.spamhaus.org (PBL)", "spamhaus-zen", "PBL"),
        ("blocked using zen.spamhaus.org (SBL, XBL or PBL)", "spamhaus-zen", ""),
        ("blocked using sbl-xbl.spamhaus.org", "spamhaus-zen", ""),
        ("blocked using xbl.spamhaus.org", "spamhaus-zen", "XBL"),
        (
            "blocked using zen.spamhaus.org; https://www.spamhaus.org/sbl/query/SBL12345",
            "spamhaus-zen",
            "SBL",
        ),
        ("blocked using dyna.spamrats.com", "spamrats", "Dyna"),
        ("blocked using exploit.mail.abusix.zone", "abusix", "exploit"),
        ("blocked using bl.spamcop.net, black sheep", "spamcop", ""),
    ],
)
def test_a_part_by_its_name(text: str, name: str, part: str) -> None:
    found = judge(f"550 5.7.1 {text}")
    assert (found.list, found.sublist) == (name, part)


CODES = [
    (key, entry.zone.replace(lists.KEY, "k3y"), code, part)
    for key, entry in lists.load().list.items()
    for code, part in entry.codes.items()
    if part in entry.parts
]


@pytest.mark.parametrize(("key", "zone", "code", "part"), CODES, ids=[f"{c[0]}-{c[2]}" for c in CODES])
def test_a_part_by_the_code_behind_its_list(key: str, zone: str, code: str, part: str) -> None:
    for text in (
        f"550 5.7.1 203.0.113.5 blocked using {zone} ({code})",
        f"550 5.7.1 5.113.0.203.{zone}={code}",
        f"550 5.7.1 Client [203.0.113.5] rejected, {zone}: {code}.",
        f"550 5.7.1 code {code}, blocked using {zone}",
        f"550 5.7.1 listed in {zone} ({code}), bl.spamcop.net (127.0.0.2)",
        f"550 5.7.1 listed in bl.spamcop.net (127.0.0.77), {zone} ({code})",
    ):
        found = judge(text)
        known = rules.named(zone) or " using " in text  # a name that nothing else says to be a list is none
        assert not known or (found.list, found.sublist) in ((key, part), ("spamcop", "")), text
    assert judge(f"550 5.7.1 blocked using {zone} ({code})").sublist == part


def test_there_are_such_codes_of_several_lists() -> None:
    assert {c[0] for c in CODES} >= {"spamhaus-zen", "spamrats", "abusix", "spfbl", "fmb"}


def test_of_several_codes_the_gravest_part_is_told() -> None:
    assert judge("550 blocked using zen.spamhaus.org (127.0.0.10, 127.0.0.4)").sublist == "XBL"
    assert judge("550 blocked using zen.spamhaus.org (127.0.0.99)").sublist == ""


@pytest.mark.parametrize(
    ("text", "also"),
    [
        ("554 comcast 203.0.113.5 BL000011", ("spamhaus-zen", "cloudmark-csi")),
        ("554 comcast 203.0.113.5 BL000111", ("spamhaus-zen", "cloudmark-csi", "validity-sender-score")),
        ("554 comcast 203.0.113.5 BL000100", ("validity-sender-score",)),
        ("554 cox 203.0.113.5 AUP#IPBL1001", ("spamhaus-zen", "cloudmark-csi")),
        ("554 cox 203.0.113.5 AUP#IPBL0110", ("validity-rpbl", "invaluement")),
        ("554 found in zen.spamhaus.org, bl.spamcop.net", ("spamhaus-zen", "spamcop")),
        ("554 blocked using bl.spamcop.net, see https://www.spamhaus.org/", ("spamcop",)),
        ("554 5.7.1 MailFrom domain is listed in Spamhaus (S8002); bl.spamcop.net", ("spamhaus-dbl",)),
    ],
)
def test_every_list_that_is_said_to_hold_it_is_told(text: str, also: tuple[str, ...]) -> None:
    found = judge(text)
    assert (found.list, *found.also) == also
    [told] = bounce.pasted(text, "x")
    assert told.also == found.also
    shown = " ".join(_lines.line(Refusal("x", list="a", also=("b", "c"))))
    assert "also b and c" in shown


@pytest.mark.parametrize(
    "text",
    [
        "550 5.7.1 rejected, see https://www.spamhaus.org/query/dbl?domain=example.com",
        "550 5.7.1 Client host [203.0.113.5] rejected: http://www.spamhaus.org/query/dbl?domain=example.com",
        "550 5.7.1 blocked using dbl.dq.spamhaus.net",
    ],
)
def test_a_page_of_a_list_of_domains_is_about_a_domain(text: str) -> None:
    found = judge(text, (ip_address("203.0.113.5"),))
    assert (found.list, found.verdict) == ("spamhaus-dbl", "our-domain")
    assert judge(text.replace("/dbl", "/bl").replace("dbl.", "zen.")).verdict == "our-address"


def test_the_address_on_spamhaus_page_of_resolvers_is_nobody_s_client() -> None:
    text = "554 blocked using zen.spamhaus.org; https://check.spamhaus.org/returnc/pub/198.51.100.7/"
    assert (judge(text).verdict, judge(text).cited_ip) == ("their-resolver", None)
    named = text.replace("blocked", "Client host [203.0.113.5] blocked")
    assert judge(named).cited_ip == ip_address("203.0.113.5")


def test_a_list_with_no_other_words_quotes_where_it_is_named() -> None:
    assert judge("550 192.0.2.9 is in the (PBL) of Spamhaus").quote == "(PBL) of Spamhaus"
    assert judge("550 5.7.1 rejected, Listed by PBL").quote == "Listed by PBL"


def test_an_abbreviation_that_two_lists_have_names_neither() -> None:
    assert set(listed._abbreviations()) >= {"SBL", "CSS", "XBL", "PBL"}
    assert all(part in lists.load().list[key].parts for key, part in listed._abbreviations().values())


def test_a_zone_that_only_the_catalogue_knows_is_told_by_its_list() -> None:
    assert judge("550 5.7.1 203.0.113.5 blocked using rbl.interserver.net").list == "interserver"
    known = lists.load().list
    for key in ("fmb", "abuse-ro", "oxl-risk"):
        assert judge(f"550 5.7.1 203.0.113.5 blocked using {known[key].zone}").list == key
    assert judge("550 5.7.1 203.0.113.5 blocked using rbl.nobody.example").list == "rbl.nobody.example"


def test_the_catalogue_is_read_once_for_all_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    judge("550 5.7.1 203.0.113.5 blocked using zen.spamhaus.org (127.0.0.4)")
    monkeypatch.setattr(lists, "load", lambda: pytest.fail("read again"))
    several = [judge("550 5.7.1 203.0.113.5 blocked using dyna.spamrats.com")] * 3
    told = [Refusal("x", verdict=one.verdict, list=one.list, sublist=one.sublist) for one in several]
    assert advise(told) == [
        "it is refused as a customer's line, not for spam: send through your provider's relay (smarthost)"
    ]


def test_a_name_that_is_cut_off_where_several_lists_begin_so_is_none() -> None:
    said = "554 5.7.1 Client host [203.0.113.5] blocked using"
    assert judge(f"{said} bl.spam...").list == ""
    assert judge(f"{said} zen.spamh...").list == "spamhaus-zen"
    assert judge(f"{said} rbl.example.org").list == "rbl.example.org"
