"""The catalogue of lists: sound, strict, and it can be extended from outside."""

import itertools
import os
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest
from msgspec import structs

from unlisted.errors import ConfigError
from unlisted.notice import dnsbl, lists, rules
from unlisted.notice.lists import KEY, Catalogue, Way
from unlisted.notice.packets import A, Answer

US = ip_address("203.0.113.7")
SOURCE = Path(lists.__file__).parent.parent / "data" / "lists.toml"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """Ours, as delivered."""
    return lists.load()


def test_every_entry_can_be_checked_by_a_person(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        assert entry.key == key
        assert entry.source.startswith(("https://", "http://")), key
        assert date.fromisoformat(entry.checked) >= date(2026, 11, 1), key
        assert entry.lists, key
        for zone in filter(None, (entry.zone, *entry.also, entry.keyed_zone)):
            named = zone.replace(KEY, "key")
            assert dnsbl.hostname(named) == named, key


def test_how_much_there_is(catalogue: Catalogue) -> None:
    live = [entry for entry in catalogue.list.values() if entry.status == "live"]
    accusing = [entry for entry in live if not entry.allows]
    assert len(live) >= 90
    assert sum("ip4" in entry.kind for entry in accusing) >= 55
    assert sum("ip6" in entry.kind for entry in accusing) >= 12
    assert sum("domain" in entry.kind for entry in accusing) >= 20
    assert sum(entry.allows for entry in live) >= 10
    assert len(catalogue.gone()) >= 35
    assert sum(entry.verified for entry in live) >= 40
    # What is asked without any key of the person's own.
    assert len({e.key for kind in ("ip4", "ip6", "domain") for e in catalogue.live(kind)}) >= 85


def test_every_living_list_says_what_a_person_must_know(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        if entry.status != "live":
            continue
        assert entry.operator, key
        assert entry.name, key
        assert entry.weight_because, key
        assert entry.weight == 0 or not entry.allows, key
        ways = [entry.removal, *(part.removal for part in entry.parts.values())]
        for way in ways[:1] if not entry.parts else ways[1:]:
            assert way.method != "none" or way.notes, f"{key}: no way out, and no word why"
        if entry.test_listed == "-" and not entry.allows:
            text = SOURCE.read_text(encoding="utf-8").split(f"[list.{key}]")[1].split("\n[list.")[0]
            assert "test point" in text, f"{key}: say who found that it has no test point"


def test_every_code_is_one_of_127(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        for code in (*entry.codes, *entry.neutral, *entry.refused):
            assert ip_address(code.replace("*", "9")).is_loopback, f"{key}: {code}"
        # What the list refuses with, or says to greet, is no accusation by another row of its table.
        for code in {*entry.neutral, *entry.refused}:
            assert not dnsbl.accusations(entry, [code.replace("*", "9")]), f"{key}: {code}"


def test_every_code_of_a_table_is_judged_as_it_says(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        if entry.status != "live" or entry.keyless:
            continue
        for table, state in ((entry.codes, "listed"), (entry.neutral, "clear"), (entry.refused, "unknown")):
            for pattern in table:
                code = pattern.replace("*", "9")
                listing = dnsbl.judge(entry, US, Answer(name="x", qtype=A, rcode=0, addresses=(code,)))
                assert listing.state == state, f"{key}: {code}"


def test_an_allow_list_never_lists(catalogue: Catalogue) -> None:
    heads = ("127.0.0", "127.0.1", "127.0.2", "127.0.4", "127.0.10", "127.3.100", "127.255.255")
    codes = [f"{head}.{last}" for head in heads for last in range(256)]
    allowing = {
        key: entry for key, entry in catalogue.list.items() if entry.status == "live" and entry.allows
    }
    assert {"dnswl", "mailspike-white", "spfbl-white", "abusix-white", "iadb"} <= set(allowing)
    for key, entry in allowing.items():
        held = structs.replace(entry, secret="key") if entry.keyless else entry
        told = {
            dnsbl.judge(held, US, Answer(name="x", qtype=A, rcode=0, addresses=(code,))).state
            for code in (*codes, "10.0.0.1")
        }
        assert told == {"clear", "unknown"}, key
        assert dnsbl.judge(held, US, Answer(name="x", qtype=A, rcode=3)).state == "clear", key


@pytest.mark.parametrize(
    ("key", "code", "state", "scope"),
    [
        ("blocklist-de", "127.0.0.15", "listed", "address"),  # what its own test point answers
        ("dronebl", "127.0.0.15", "listed", "address"),
        ("dronebl", "127.0.0.2", "clear", ""),
        ("efnet-rbl", "127.0.0.1", "listed", "address"),  # an open proxy there, white at Hostkarma
        ("hostkarma", "127.0.0.1", "clear", ""),
        ("hostkarma", "127.0.0.3", "clear", ""),
        ("hostkarma", "127.0.0.2", "listed", "address"),
        ("surbl", "127.0.0.1", "unknown", ""),
        ("mailspike", "127.0.0.14", "clear", ""),
        ("mailspike", "127.0.0.12", "listed", "address"),
        ("validity-rpbl", "127.0.0.1", "listed", "address"),
        ("validity-rpbl", "127.255.255.255", "unknown", ""),
        ("validity-score", "127.0.4.0", "clear", ""),
        ("spfbl", "127.0.0.4", "listed", "policy"),
        ("spfbl-white", "127.0.0.2", "clear", ""),
        ("fmb", "127.0.1.26", "listed", "range"),
        ("fmb", "127.0.2.2", "listed", "network"),
        ("abuse-ro-uri", "127.0.0.9", "clear", ""),
        ("dnswl", "127.0.10.3", "unknown", ""),
        ("dnswl", "127.0.5.3", "clear", ""),
        ("ircbl", "127.0.0.21", "listed", "address"),
        ("ircbl", "127.0.0.1", "unknown", ""),
        ("sem-fresh", "127.0.0.2", "listed", "policy"),
    ],
)
def test_the_same_code_means_what_its_list_says(
    catalogue: Catalogue, key: str, code: str, state: str, scope: str
) -> None:
    said = Answer(name="x", qtype=A, rcode=0, addresses=(code,))
    listing = dnsbl.judge(catalogue.list[key], US, said)
    assert (listing.state, listing.scope) == (state, scope)


def test_lists_whose_test_points_are_their_own(catalogue: Catalogue) -> None:
    points = {key: dnsbl.points(entry, entry.kind[0]) for key, entry in catalogue.list.items()}
    assert points["hetzner"][1] == ("1.2.0.192.rbl.your-server.de",)
    assert points["cymru-fullbogons"][1] == ("8.8.8.8.v4.fullbogons.cymru.com",)
    assert points["cymru-fullbogons-ip6"][0][0].startswith("1.0.0.0.")
    assert points["swinog"] == ((), ("1.0.0.127.dnsrbl.swinog.ch",))
    assert points["dnswl-domains"] == ((), ())


def test_refusals_know_their_lists_by_the_same_keys(catalogue: Catalogue) -> None:
    by_dns = {key for key in rules.table().zone if key in catalogue.list}
    assert {"efnet-rbl", "spfbl", "abusix", "validity-rpbl", "trendmicro-ers"} <= by_dns
    # What is left is asked by its vendor's own boxes only.
    assert set(rules.table().zone) - by_dns == {"cloudmark-csi", "proofpoint-pdr", "spamrl"}


def test_every_living_list_can_be_judged(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        if entry.status != "live":
            assert entry.notes, f"{key}: say what became of it"
            continue
        assert entry.codes or entry.bits or entry.neutral, key
        assert entry.weight_because, key
        for url in (
            entry.lookup_url,
            entry.removal.url,
            *(part.removal.url for part in entry.parts.values()),
        ):
            assert url == "" or url.startswith(("https://", "http://")), key


def test_every_part_is_named_by_a_code(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        assert set(entry.parts) <= set(entry.codes.values()), key


def test_nobody_is_told_to_pay(catalogue: Catalogue) -> None:
    for entry in catalogue.list.values():
        assert "pay" not in entry.removal.notes or "never pay" in entry.removal.notes


def test_zones_are_named_once(catalogue: Catalogue) -> None:
    zones = [
        zone
        for entry in catalogue.list.values()
        for zone in (entry.zone, *entry.also, entry.keyed_zone)
        if zone
    ]
    assert len(zones) == len(set(zones))


def test_look_ups(catalogue: Catalogue) -> None:
    zen = catalogue.by_zone("ZEN.spamhaus.org.")
    assert zen is not None
    assert zen is catalogue.find("spamhaus-zen")
    xbl = catalogue.find("xbl.spamhaus.org")
    assert xbl is not None
    # It holds less: that it is silent must never be remembered as ZEN's silence.
    assert (xbl.key, xbl.zone, xbl.name) == (
        "xbl.spamhaus.org",
        "xbl.spamhaus.org",
        "Spamhaus ZEN (xbl.spamhaus.org)",
    )
    assert xbl.parts == zen.parts
    assert catalogue.find(xbl.key) == xbl
    assert catalogue.find("bl.example") is None


def test_the_dead_are_known_and_never_asked(catalogue: Catalogue) -> None:
    live = {entry.key for kind in ("ip4", "ip6", "domain") for entry in catalogue.live(kind)}
    gone = {entry.key for entry in catalogue.gone()}
    assert {"sorbs", "nixspam", "cbl", "ahbl"} <= gone
    waiting = {entry.key for entry in catalogue.list.values() if entry.keyless}
    assert not live & gone
    assert live | gone | waiting == set(catalogue.list)
    assert all(not entry.asked for entry in catalogue.gone())
    assert next(entry.key for entry in catalogue.live("ip4")) == "spamhaus-zen"
    sorbs = catalogue.find("dul.dnsbl.sorbs.net")
    assert sorbs is not None
    assert not sorbs.asked


def test_the_zen_family_by_its_codes(catalogue: Catalogue) -> None:
    zen = catalogue.list["spamhaus-zen"]
    assert dnsbl.accusations(zen, ["127.0.0.2", "127.0.0.4", "127.0.0.10"]) == ("SBL", "XBL", "PBL")
    assert dnsbl.way_out(zen, ["127.0.0.4"]).method == "self"
    # While an SBL record stands, nothing else can be asked for.
    assert dnsbl.way_out(zen, ["127.0.0.4", "127.0.0.2", "127.0.0.10"]).method == "provider"


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (
            Way(method="expiry", expires_after_hours=28),
            "nothing to ask, it expires 28 hours after the last sign",
        ),
        (
            Way(method="expiry", expires_after_hours=168),
            "nothing to ask, it expires 7 days after the last sign",
        ),
        (
            Way(method="self", url="https://x.example/", expires_after_hours=72),
            "ask there, it acts at once; expires after 3 days: https://x.example/",
        ),
        (Way(method="request"), "ask its operator, a person reads it"),
        (Way(), "no way is known"),
    ],
)
def test_ways_in_words(way: Way, words: str) -> None:
    assert dnsbl.describe(way) == words


def test_codes_come_gravest_first_with_every_way_out(catalogue: Catalogue) -> None:
    zen, us = catalogue.list["spamhaus-zen"], ip_address("192.0.2.7")
    codes = ["127.0.0.10", "127.0.0.4", "127.0.0.3", "127.0.0.2"]
    for order in itertools.permutations(codes):
        made = dnsbl.judge(zen, us, dnsbl.Answer(name="x", qtype=1, rcode=0, addresses=order))
        assert made.codes == ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.10")
        assert made.meaning.startswith("SBL: ")
        assert made.removal.startswith("SBL: only the provider")
        assert "; then CSS: ask there" in made.removal
        assert "XBL, PBL: ask there" in made.removal
    made = dnsbl.judge(
        lists.stranger("x.example"), us, dnsbl.Answer(name="x", qtype=1, rcode=0, addresses=("127.0.0.2",))
    )
    assert "not in the catalogue" in made.removal
    nord = catalogue.list["nordspam"]
    made = dnsbl.judge(nord, us, dnsbl.Answer(name="x", qtype=1, rcode=0, addresses=("127.255.255.254",)))
    assert made.why == "it refused to answer this resolver (127.255.255.254)"


def test_a_list_is_found_by_the_name_that_is_shown(catalogue: Catalogue) -> None:
    zen = catalogue.list["spamhaus-zen"]
    for name in ("Spamhaus ZEN", "spamhaus zen", "SPAMHAUS-ZEN", "Zen.Spamhaus.org."):
        assert catalogue.find(name) is zen


OWN = """
[list.ours]
zone = "bl.office.example"
name = "Ours"
operator = "we"
lists = "what we saw"
kind = ["ip4"]
source = "https://office.example/"
checked = "2026-11-20"
codes = { "127.0.0.9" = "seen" }
"""


def test_a_person_adds_a_list_and_changes_a_weight() -> None:
    override = Path(os.environ["UNLISTED_ETC"], "lists.toml")
    override.write_text(OWN + "[list.dnswl]\nweight = 0.5\n")
    mine = lists.load()
    assert mine.list["ours"].codes == {"127.0.0.9": "seen"}
    assert mine.list["dnswl"].weight == 0.5
    assert mine.list["dnswl"].zone == "list.dnswl.org"
    override.unlink()


def test_a_person_s_entry_takes_the_place_of_ours_for_the_same_zone() -> None:
    """Two entries of one zone would be asked as one, and judged by the codes of whichever came first."""
    override = Path(os.environ["UNLISTED_ETC"], "lists.toml")
    override.write_text(OWN.replace('"bl.office.example"', '"zen.spamhaus.org"'))
    mine = lists.load()
    override.unlink()
    asked = [entry.key for entry in mine.live("ip4") if entry.zone == "zen.spamhaus.org"]
    assert asked == ["ours"]
    named = mine.by_zone("zen.spamhaus.org")
    assert named is not None
    assert named.key == "ours"
    assert mine.list["spamhaus-zen"].parts  # still there for the refusals that cite it


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN + "removl = 1\n", "unknown field `removl` - at"),
        (OWN.replace("127.0.0.9", "10.0.0.9"), "'10.0.0.9' is no code"),
        (OWN.replace("127.0.0.9", "127.0.9"), "'127.0.9' is no code"),
        (OWN.replace("127.0.0.9", "127.0.0.256"), "'127.0.0.256' is no code"),
        (OWN + "weight = 2\n", "between 0 and 1"),
        (OWN + 'bits = { "3" = "x" }\n', "power of two"),
        (OWN.replace("2026-11-20", "lately"), "no date"),
        (OWN.replace("2026-11-20", "2026-02-30"), "no date"),
        (OWN + "per_second = -1\n", "limits are 0 or more"),
        (OWN + "every_hours = 0\n", "limits are 0 or more"),
        (OWN + 'secret = "sesame"\n', "under [keys]"),
        (OWN + 'key_name = "ours"\n', "a zone with {key} has a key_name"),
        (OWN.replace("bl.office", "{key}.bl.office"), "a zone with {key} has a key_name"),
        (OWN.replace("bl.office", "BL.office"), "lower case"),
        (OWN + '[list.ours.parts.A]\nmeaning = "a"\nremoval = { behind = ["B"] }\n', "no part is called 'B'"),
        (OWN.replace('["ip4"]', '["ip5"]'), "Invalid enum value"),
    ],
)
def test_mistakes_name_their_place(text: str, message: str) -> None:
    override = Path(os.environ["UNLISTED_ETC"], "lists.toml")
    override.write_text(text)
    with pytest.raises(ConfigError) as caught:
        lists.load()
    assert message in caught.value.what
    assert "list" in caught.value.what
    override.unlink()
