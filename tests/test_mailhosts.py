"""Where mail to our domains is brought: only what the person names is asked."""

from pathlib import Path

import dns.message
import pytest

from dns_server import answer, asked, serving
from test_find import folder
from unlisted.cli import main
from unlisted.edge import mailhosts
from unlisted.edge.server import Server
from unlisted.net import ip
from unlisted.notice import packets

__all__ = ["folder"]

ZONE = {
    ("example.org", "MX"): ("MX 10 mail.example.org.", "MX 20 backup.example.net."),
    ("mail.example.org", "A"): ("A 192.168.50.9",),
    ("backup.example.net", "AAAA"): ("AAAA 2001:db8::25",),
    ("nomail.example", "MX"): ("MX 0 .",),
    ("plain.example", "A"): ("A 203.0.113.9",),
}
EMPTY = {"plain.example", "mail.example.org", "backup.example.net"}


def reply(query: dns.message.Message) -> bytes:
    name, kind = asked(query)
    records = ZONE.get((name, kind), ())
    return answer(query, *records, rcode=0 if records or name in EMPTY else 3)


def test_mx_records_lead_to_addresses_and_a_domain_without_any_to_its_own() -> None:
    with serving(reply) as port:
        found, why = mailhosts.published(
            ["Example.org.", "plain.example", "nomail.example", "absent.example"], [Server("127.0.0.1", port)]
        )
    assert found == {
        ip("192.168.50.9"): "mail.example.org, for mail to example.org",
        ip("2001:db8::25"): "backup.example.net, for mail to example.org",
        ip("203.0.113.9"): "plain.example, for mail to plain.example",
    }
    assert why == [
        "nomail.example: no mail host found (it says that it takes no mail)",
        "absent.example: no mail host found (there is no such domain)",
    ]


def test_mx_is_read_as_written_and_what_is_cut_is_a_fault() -> None:
    query = dns.message.make_query("example.org", "MX", id=7)
    packet = answer(query, "MX 10 mail.example.org.")
    assert packets.read_answer(packet, 7, "example.org", packets.MX).names == ("mail.example.org",)
    for cut in range(len(packet)):
        assert packets.read_answer(packet[:cut], 7, "example.org", packets.MX).fault


def test_the_mail_server_is_known_by_its_domain(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(reply) as port:
        settings = tmp_path / "unlisted.toml"
        settings.write_text(f'resolver = "127.0.0.1:{port}"\n')
        words = ["find", str(folder), "--config", str(settings)]
        assert main(words) == 1
        assert main([*words, "--lookup", "example.org", "--all"]) == 0
        out, err = capsys.readouterr()
        assert "honest (mail server): 192.168.50.9" in out
        assert "192.168.50.9 is mail.example.org, for mail to example.org" in err
        assert main([*words, "--lookup", "absent.example"]) == 1
        assert "no such domain" in capsys.readouterr().err
    assert main([*words, "--lookup", "not a domain"]) == 2
    assert "is no domain" in capsys.readouterr().err


REVERSE = {
    "9.113.0.203.in-addr.arpa": "smtp-out.example.org",
    "10.113.0.203.in-addr.arpa": "pc17.example.org",
    "11.113.0.203.in-addr.arpa": "mail.elsewhere.example",
    "12.113.0.203.in-addr.arpa": "mail.example.org",
    "9.50.168.192.in-addr.arpa": "smtp-out.example.org",
}
FORWARD = {
    "smtp-out.example.org": "203.0.113.9",
    "pc17.example.org": "203.0.113.10",
    "mail.elsewhere.example": "203.0.113.11",
    "mail.example.org": "203.0.113.99",
}


def test_a_reverse_name_counts_when_it_is_a_mail_hosts_of_ours_and_leads_back() -> None:
    seen = []

    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        seen.append(name)
        if kind == "PTR" and name in REVERSE:
            return answer(query, f"PTR {REVERSE[name]}.")
        return answer(query, *([f"A {FORWARD[name]}"] if kind == "A" and name in FORWARD else []))

    texts = ["203.0.113.9", "203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13", "192.168.50.9"]
    with serving(handler) as port:
        found = mailhosts.named(
            [one for text in texts if (one := ip(text))], ["example.org"], [Server("127.0.0.1", port)]
        )
    assert found == {ip("203.0.113.9"): "smtp-out.example.org by its reverse name"}
    assert "9.50.168.192.in-addr.arpa" not in seen, "inside, a machine names itself"
