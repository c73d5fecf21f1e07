"""The catalogue of lists: sound, strict, and it can be extended from outside."""

import os
from datetime import date
from pathlib import Path

import pytest

from unlisted.errors import ConfigError
from unlisted.notice import dnsbl, lists
from unlisted.notice.lists import Catalogue, Way


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
        assert dnsbl.hostname(entry.zone) == entry.zone


def test_every_living_list_can_be_judged(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        if not entry.asked:
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
    zones = [zone for entry in catalogue.list.values() for zone in (entry.zone, *entry.also)]
    assert len(zones) == len(set(zones))


def test_look_ups(catalogue: Catalogue) -> None:
    zen = catalogue.by_zone("ZEN.spamhaus.org.")
    assert zen is not None
    assert zen is catalogue.find("spamhaus-zen")
    xbl = catalogue.find("xbl.spamhaus.org")
    assert xbl is not None
    assert (xbl.key, xbl.zone) == ("spamhaus-zen", "xbl.spamhaus.org")
    assert catalogue.find("bl.example") is None


def test_the_dead_are_known_and_never_asked(catalogue: Catalogue) -> None:
    live = {entry.key for kind in ("ip4", "ip6", "domain") for entry in catalogue.live(kind)}
    gone = {entry.key for entry in catalogue.gone()}
    assert {"sorbs", "nixspam", "cbl", "ahbl"} <= gone
    assert not live & gone
    assert live | gone == set(catalogue.list)
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN + "removl = 1\n", "unknown field `removl` - at"),
        (OWN.replace("127.0.0.9", "10.0.0.9"), "'10.0.0.9' is no code"),
        (OWN.replace("127.0.0.9", "127.0.9"), "'127.0.9' is no code"),
        (OWN + "weight = 2\n", "between 0 and 1"),
        (OWN + 'bits = { "3" = "x" }\n', "power of two"),
        (OWN.replace("2026-11-20", "lately"), "no date"),
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
