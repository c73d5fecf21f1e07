"""Keys of lists: part of the question, and of nothing that anybody is shown."""

import json
from collections import defaultdict
from ipaddress import ip_address
from pathlib import Path

import dns.message
import pytest
from msgspec import structs

from dns_server import answer, asked, serving
from unlisted import config
from unlisted.cli import main
from unlisted.errors import ConfigError
from unlisted.notice import dnsbl, lists
from unlisted.notice.packets import TXT, A, Answer

SESAME = "Abr4kadabra-0x5e5ame"
US = ip_address("203.0.113.7")


def settings(tmp_path: Path, text: str) -> str:
    path = tmp_path / "unlisted.toml"
    path.write_text(text)
    return str(path)


def test_without_a_key_nobody_is_asked_by_key() -> None:
    catalogue = lists.load()
    waiting = {entry.key: entry for entry in catalogue.list.values() if entry.keyless}
    assert {"spamhaus-authbl", "spamhaus-zrd", "abusix", "abusix-white"} <= set(waiting)
    for kind in ("ip4", "ip6", "domain"):
        assert not {entry.key for entry in catalogue.live(kind)} & set(waiting)
    listing = dnsbl.judge(waiting["abusix"], US, Answer(name="x", qtype=A, rcode=0, addresses=("127.0.0.2",)))
    assert (listing.state, listing.codes) == ("unknown", ())
    assert "`abusix`" in listing.why


def test_a_key_opens_its_lists_and_takes_the_place_of_the_open_zone() -> None:
    catalogue = lists.load().with_keys({"dqs": SESAME})
    asked_now = {entry.key: entry for entry in catalogue.live("ip4")}
    assert "spamhaus-authbl" in asked_now
    assert "abusix" not in asked_now
    zen = asked_now["spamhaus-zen"]
    assert zen.zone == "{key}.zen.dq.spamhaus.net"
    assert zen.asked_zone == f"{SESAME}.zen.dq.spamhaus.net"
    assert dnsbl.points(zen, "ip4")[0] == (f"2.0.0.127.{SESAME}.zen.dq.spamhaus.net",)
    # The open zone can still be named, and is the same list.
    named = catalogue.by_zone("zen.spamhaus.org")
    assert named is not None
    assert (named.key, named.asked_zone) == ("spamhaus-zen", "zen.spamhaus.org")
    assert sum(entry.key == "spamhaus-zen" for entry in catalogue.live("ip4")) == 1


def test_a_zone_that_was_written_out_with_its_key_is_known_and_veiled() -> None:
    for zone, key in (("zen.dq.spamhaus.net", "spamhaus-zen"), ("combined.mail.abusix.zone", "abusix")):
        entry = lists.load().find(f"{SESAME}.{zone}")
        assert entry is not None
        assert entry.key == key
        assert entry.asked
        assert entry.zone == "{key}." + zone
        assert entry.asked_zone == f"{SESAME.lower()}.{zone}"
    # Not in the catalogue, and the same key opens it: it stood in every line that was told.
    sister = lists.load().find(f"{SESAME}.xbl.dq.spamhaus.net")
    assert sister is not None
    assert (sister.status, sister.zone) == ("stranger", "{key}.xbl.dq.spamhaus.net")
    assert sister.asked_zone == f"{SESAME.lower()}.xbl.dq.spamhaus.net"
    assert SESAME.lower() not in repr(sister)
    assert lists.load().find("a.b.zen.dq.spamhaus.net") is None
    assert lists.load().find(".zen.dq.spamhaus.net") is None


def test_a_list_that_repeats_the_key_is_not_repeated() -> None:
    entry = lists.load().with_keys({"abusix": SESAME}).list["abusix"]
    txt = Answer(name="x", qtype=TXT, rcode=0, texts=(f"see https://x.example/?k={SESAME.upper()}",))
    said = Answer(name="x", qtype=A, rcode=0, addresses=("127.0.0.4",))
    listing = dnsbl.judge(entry, US, said, txt)
    assert listing.state == "listed"
    assert listing.reason == "see https://x.example/?k={key}"
    failed = dnsbl.judge(entry, US, Answer(name="x", qtype=A, why=f"no answer for {SESAME}"))
    assert failed.why == "no answer for {key}"
    assert SESAME not in repr(entry)
    assert SESAME not in repr(structs.replace(entry, zone="x.example"))


@pytest.mark.parametrize("words", [["--json"], []])
def test_no_line_and_no_file_of_a_check_holds_the_key(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions: dict[str, int] = defaultdict(int)

    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        if SESAME.lower() in name:
            questions[kind] += 1
            if name.startswith(("7.113.0.203.", "2.0.0.127.")):
                record = f'TXT "your key {SESAME} says so"' if kind == "TXT" else "A 127.0.0.4"
                return answer(query, record)
        return answer(query, rcode=3)

    keys = f'[keys]\ndqs = "{SESAME}"\nabusix = "{SESAME}"\n'
    text = f'own = ["203.0.113.7"]\nstore = "{tmp_path}/store.db"\n{keys}'
    with serving(handler) as port:
        resolver = f"127.0.0.1:{port}"
        code = main(["check", "--config", settings(tmp_path, text), "--resolver", resolver, *words])
    shown = capsys.readouterr()
    assert code == 1
    assert questions["A"] >= 6  # ZEN, AuthBL, Abusix: the address and the test points
    assert questions["TXT"] >= 2
    assert SESAME.lower() not in (shown.out + shown.err).lower()
    assert "{key}" in shown.out
    if words:
        rows = [json.loads(line) for line in shown.out.splitlines()]
        [zen] = [row for row in rows if row["list"] == "spamhaus-zen"]
        assert (zen["state"], zen["zone"]) == ("listed", "{key}.zen.dq.spamhaus.net")
        assert zen["reason"] == "your key {key} says so"
    kept = [path for path in tmp_path.iterdir() if path.name.startswith("store.db")]
    assert kept
    assert all(SESAME.lower().encode() not in path.read_bytes().lower() for path in kept)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'dqs = "{SESAME}.zen"', "`$.keys.dqs`"),
        (f'dqs = "{SESAME}{"x" * 64}"', "`$.keys.dqs`"),
        (f'dqs = "-{SESAME}"', "`$.keys.dqs`"),
        (f'dqs = "{SESAME} "', "`$.keys.dqs`"),
        ("dqs = ''", "`$.keys.dqs`"),
        ('dqs = "ключ"', "`$.keys.dqs`"),
        ("dqs = 5", "$.keys"),
        (f"dqs = {SESAME}", "not TOML"),
    ],
)
def test_what_is_no_key_is_a_sentence_without_it(tmp_path: Path, text: str, told: str) -> None:
    path = settings(tmp_path, f"[keys]\n{text}\n")
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert told in error.value.what
    assert path in error.value.what
    assert error.value.remedy
    assert SESAME not in error.value.what + error.value.remedy


def test_a_key_that_no_list_takes_names_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no list takes a key called 'dsq'") as error:
        lists.load().with_keys({"dsq": SESAME})
    assert "dqs" in error.value.remedy
    assert SESAME not in error.value.what + error.value.remedy
