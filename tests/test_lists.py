"""The catalogue of lists: sound, strict, and it can be extended from outside."""

import json
import os
import re
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest
from msgspec import structs

from unlisted.cli import doctor, main
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
        assert entry.source.startswith(("https://", "http://")) or not entry.verified, key
        assert date.fromisoformat(entry.checked) >= date(2026, 11, 1), key
        assert entry.lists, key
        assert dnsbl.hostname(entry.zone.replace("{key}", "k")) == entry.zone.replace("{key}", "k")
        assert entry.operator or entry.status == "dead", key


def test_every_living_list_can_be_judged(catalogue: Catalogue) -> None:
    for key, entry in catalogue.list.items():
        if entry.status != "live":
            assert entry.notes, f"{key}: say what became of it"
            continue
        assert entry.codes or entry.bits or entry.neutral, key
        assert entry.weight_because or not entry.weight, key
        assert entry.removal.method != "none" or entry.removal.notes or entry.parts or not entry.codes, key
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


# ---- how many, and of what ------------------------------------------------------------------------


def test_there_is_something_worth_asking_about_everything(catalogue: Catalogue) -> None:
    live = [entry for entry in catalogue.list.values() if entry.status == "live"]
    assert len(live) >= 60
    assert len(catalogue.live("ip4")) >= 45
    assert len(catalogue.live("ip6")) >= 10
    assert len(catalogue.live("domain")) >= 7
    assert len([entry for entry in live if not (entry.codes or entry.bits)]) >= 5
    assert len(catalogue.gone()) >= 30


def test_an_allow_list_never_accuses(catalogue: Catalogue) -> None:
    subject = "name.example"
    for entry in catalogue.list.values():
        if entry.status == "live" and not (entry.codes or entry.bits):
            assert entry.neutral, entry.key
            for last in range(256):
                for third in (0, 4):
                    answer = dnsbl.Answer(name="x", qtype=1, rcode=0, addresses=(f"127.0.{third}.{last}",))
                    opened = structs.replace(entry, secret="k")
                    assert dnsbl.judge(opened, subject, answer).state != "listed"


# ---- keys -----------------------------------------------------------------------------------------

KEY = "s3cretkeyofmine"


def test_a_list_with_a_key_is_asked_with_it_and_shown_without() -> None:
    opened = lists.load({"spamhaus-dqs": KEY.upper(), "abusix": KEY})
    address = ip_address("192.0.2.7")
    for key in ("spamhaus-zen", "spamhaus-authbl", "abusix"):
        entry = opened.list[key]
        assert entry.asked
        assert dnsbl.query_name(address, entry.apex).startswith(f"7.2.0.192.{KEY}.")
        code = next(iter(entry.codes))
        a = dnsbl.Answer(name="x", qtype=1, rcode=0, addresses=(code,))
        txt = dnsbl.Answer(name="x", qtype=16, rcode=0, texts=(f"see https://list.example/{KEY.upper()}/7",))
        told = dnsbl.judge(entry, address, a, txt)
        assert told.state == "listed"
        assert told.zone.startswith("{key}.")
        assert KEY not in repr(told).lower()
    assert opened.find("zen.spamhaus.org") is not None


def test_without_its_key_a_list_is_not_asked(catalogue: Catalogue) -> None:
    entry = catalogue.list["spamhaus-authbl"]
    assert not entry.asked
    told = dnsbl.judge(entry, "192.0.2.7", dnsbl.Answer(name="", qtype=1))
    assert (told.state, told.why) == (
        "unknown",
        'not asked: it wants a key: spamhaus-dqs = "…" under [keys] in the configuration',
    )
    assert catalogue.list["spamhaus-zen"].apex == "zen.spamhaus.org"


def test_the_doctor_shows_what_to_look_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor", "--lists"]) == 0
    told = capsys.readouterr().out
    assert "list abusix: not asked: it wants a key" in told
    assert re.search(r"\n\d+ lists are asked: \d+ of IPv4, ", told)
    monkeypatch.setattr(doctor, "_today", lambda: "2027-12-01")
    assert main(["doctor", "--lists", "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["state"] for row in rows} == {"wrong", "note"}
    assert "days ago" in next(row["says"] for row in rows if row["about"] == "spamcop")


def test_the_doctor_looks_on_where_one_thing_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "unlisted.toml"
    broken.write_text("colour = 1\n")
    assert main(["doctor", "--config", str(broken), "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["check"], row["state"]) for row in rows] == [
        ("settings", "wrong"),
        ("store", "fine"),
        ("lists", "fine"),
    ]
