"""The main job on good, missing and bad evidence: a sentence, the rest still done, no traceback."""

import gzip
import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from unlisted import cli
from unlisted.edge.store import Store

LAPTOP = "8c:16:45:5d:0e:92"
LEASE = f"1795492861 {LAPTOP} 192.168.50.146 LT-0417 01:{LAPTOP}\n"
BOUNCE = """\
From: MAILER-DAEMON@mail.office.example
To: anna@office.example
Subject: Undelivered Mail Returned to Sender
Date: Tue, 24 Nov 2026 00:11:12 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.office.example

Final-Recipient: rfc822; sales{number}@partner.example
Action: failed
Status: 5.0.0
Remote-MTA: dns; cluster5.eu.messagelabs.com
Diagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host [203.0.113.5] blocked
 using zen.spamhaus.org; https://www.spamhaus.org/query/ip/203.0.113.5
--b--
"""
OFFICE = Path(__file__).parent.parent / "examples" / "office"


def line(number: int, destination: str, *, second: int = 16) -> str:
    return (
        f"Nov 24 00:11:{second:02d} gateway kernel: MAIL-OUT IN=lan0 OUT=wan0 "
        f"MAC=24:a4:3c:8e:01:10:{LAPTOP}:08:00 SRC=192.168.50.146 DST={destination} LEN=60 TOS=00 PREC=0x00 "
        f"TTL=63 ID=1 DF PROTO=TCP SPT={40000 + number} DPT=25 SEQ=1 ACK=0 WINDOW=64240 SYN URGP=0\n"
    )


SPAM = "".join(line(number, f"198.18.{number}.25") for number in range(12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text(LEASE)
    (tmp_path / "b").write_text(SPAM)
    for number in range(3):
        (tmp_path / f"c{number}").write_text(BOUNCE.format(number=number))
    return tmp_path


def investigate(
    folder: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, list[dict[str, object]]]]:
    code = cli.main(["investigate", str(folder), "--json", *more])
    answer: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return code, answer


def test_the_contract(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, case = investigate(folder, capsys)
    assert code == 1
    promised = {"causes", "gates", "suspects", "listings", "refusals", "next", "unread"}
    assert promised <= set(case)
    assert set(case["causes"][0]) == {"cause", "probability", "because"}
    assert set(case["next"][0]) == {"step", "command", "gain"}
    [rogue] = [one for one in case["suspects"] if one["verdict"] == "rogue"]
    assert rogue["device"] == {
        "address": "192.168.50.146",
        "mac": LAPTOP,
        "vendor": "LCFC(Hefei) Electronics Technology co., ltd",
        "hostname": "LT-0417",
        "first_seen": rogue["flagged_at"],
    }
    assert rogue["flagged_after"] == 3
    evidence = rogue["evidence"]
    assert isinstance(evidence, list)
    assert evidence[0]["line"] == 1
    assert "DPT=25" in evidence[0]["text"]
    assert case["listings"][0]["list"] == "spamhaus-zen"
    assert case["causes"][0]["cause"] == "lan_direct_to_mx_bot"
    assert case["next"][0]["command"] == f"sudo unlisted hold {LAPTOP}"


def test_without_the_gateway_log_it_names_the_step_that_would_settle_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b").unlink()
    code, case = investigate(folder, capsys)
    assert code == 1
    assert case["suspects"] == []
    commands = [str(step["command"]) for step in case["next"]]
    assert "sudo unlisted rule install --allow MAILSERVER" in commands
    assert float(str(case["causes"][0]["probability"])) < 0.9


def test_the_page_ends_with_the_next_step(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["investigate", str(folder)]) == 1
    page = capsys.readouterr().out
    for fact in ("203.0.113.5", "LT-0417", LAPTOP, "192.168.50.146", "spamhaus-zen", "MessageLabs"):
        assert fact in page
    assert "unlisted hold" in page.splitlines()[-3] or "unlisted" in page.splitlines()[-1]


def test_the_same_evidence_is_the_same_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert investigate(folder, capsys)[1]["id"] == investigate(folder, capsys)[1]["id"]


def test_a_case_is_kept_for_the_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, case = investigate(folder, capsys)
    assert cli.main(["report", str(case["id"]), "--out", str(tmp_path / "pack")]) == 0
    assert LAPTOP in (tmp_path / "pack" / "report.html").read_text()
    assert cli.main(["report", "nonsense"]) == 3
    with Store() as store:  # an older one; without a name the newest is meant
        store.submit(
            lambda connection: connection.execute("INSERT INTO cases VALUES ('older', 1.0, x'7b7d')")
        ).result()
    capsys.readouterr()
    assert cli.main(["report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == case["id"]


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["investigate", str(tmp_path)]) == 3
    told = capsys.readouterr()
    assert "nothing" in told.out + told.err


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["investigate", str(tmp_path / "none")]) == 2
    assert "there is no" in capsys.readouterr().err


def test_what_cannot_be_read_is_said_and_the_rest_is_done(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "binary").write_bytes(os.urandom(4096) + b"\x00")
    (folder / "nothing").touch()
    (folder / "cut.gz").write_bytes(gzip.compress(os.urandom(100_000))[:5000])
    os.mkfifo(folder / "pipe")
    code, case = investigate(folder, capsys)
    assert code == 1
    unread = {Path(str(one["source"])).name: one["why"] for one in case["unread"]}
    assert {"binary", "nothing", "cut.gz"} <= set(unread)
    assert [one["device"]["mac"] for one in case["suspects"] if one["verdict"] == "rogue"] == [LAPTOP]  # type: ignore[index]


def test_a_truncated_log_keeps_what_was_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b").write_text(SPAM[:-90])
    code, case = investigate(folder, capsys)
    assert code == 1
    assert [one["attempts"] for one in case["suspects"]] == [11]
    assert any(one["lines"] == 1 for one in case["unread"])


def test_a_mail_of_100_mb(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "large").open("w") as file:
        file.write(BOUNCE.format(number=9).replace("--b--\n", "--b\nContent-Type: text/plain\n\n"))
        for _ in range(100):
            file.write("x" * 76 + "\n" + "y" * (1024 * 1024))
    code, case = investigate(folder, capsys)
    assert code == 1
    assert len(case["refusals"]) == 4
    large = [one for one in case["unread"] if str(one["source"]).endswith("large")]
    assert "bytes at its end were not read" in str(large[0]["why"])


def test_copies_are_counted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "office"
    shutil.copytree(OFFICE, folder)
    code, before = investigate(folder, capsys)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        (folder / f"copy of {path.name}").write_bytes(data)
        lines = data.replace(b"\r\n", b"\n").splitlines()
        (folder / f"longer {path.name}").write_bytes(b"\r\n".join(lines) + b"\r\n\r\n")
    again, after = investigate(folder, capsys)
    assert again == code == 1
    assert len(after["refusals"]) == len(before["refusals"]) > 3
    for field in ("in_common", "mail_log", "causes"):
        assert after[field] == before[field]
    assert [one["attempts"] for one in after["suspects"]] == [one["attempts"] for one in before["suspects"]]
    assert any("counted once" in str(one["why"]) for one in after["unread"])


def test_a_lease_from_the_future(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a").write_text(LEASE.replace("1795492861", "4102444800"))
    code, case = investigate(folder, capsys)
    assert code == 1
    assert [one["device"]["mac"] for one in case["suspects"]] == [LAPTOP]  # type: ignore[index]


def test_hostile_names_and_lines_cannot_reach_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").write_text(LEASE.replace("LT-0417", "LT\x1b[2J\x07\u202e0417"))
    (folder / "evil\x1b[31m.log").write_text("\x1b]0;owned\x07\n")
    cli.main(["investigate", str(folder)])
    told = capsys.readouterr()
    assert "\x1b[2J" not in told.out + told.err
    assert "\x07" not in told.out + told.err
    assert "\u202e" not in told.out + told.err


def test_nul_bytes_after_a_power_cut_cost_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b").write_bytes(SPAM[:1000].encode() + b"\x00" * 100 + b"\n" + SPAM.encode())
    code, case = investigate(folder, capsys)
    assert code == 1
    assert [one["device"]["mac"] for one in case["suspects"] if one["verdict"] == "rogue"] == [LAPTOP]  # type: ignore[index]
    for name in ("c0", "c1", "c2"):
        (folder / name).write_bytes((folder / name).read_bytes() + b"\x00")
    assert len(investigate(folder, capsys)[1]["refusals"]) == 3


def test_notes_and_unknown_logs_are_no_refusals(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.md").write_text(
        "# To do\n\nThey said 550 and blocked us. Ask the provider about the PTR.\n"
    )
    (folder / "unknown.log").write_text("2026-11-24 00:00:00 thing: something 554 happened\n" * 50)
    (folder / "reply.txt").write_text("554 5.7.1 Service unavailable; Client host [203.0.113.5] blocked\n")
    _, case = investigate(folder, capsys)
    assert sorted(Path(str(one["source"])).name for one in case["refusals"]) == [
        "c0",
        "c1",
        "c2",
        "reply.txt",
    ]
    assert {"notes.md", "unknown.log"} <= {Path(str(one["source"])).name for one in case["unread"]}


def test_a_folder_that_cannot_be_opened_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may open everything, so the refusal is played: os.scandir is what both walk and read use."""
    (folder / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: str | os.PathLike[str] = ".") -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    _, case = investigate(folder, capsys)
    assert {Path(str(one["source"])).name: one["why"] for one in case["unread"]} == {
        "closed": "permission denied"
    }
    assert [one["verdict"] for one in case["suspects"]] == ["rogue"]


def test_saved_answers_of_the_lists_tell_whose_address_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        (folder / f"c{number}").unlink()
    (folder / "lists").write_text(
        '{"address":"203.0.113.5","list":"psbl","zone":"psbl.surriel.com","state":"listed","codes":["127.0.0.2"]}\n'
    )
    code, case = investigate(folder, capsys)
    assert code == 1
    assert "203.0.113.5" in str(case["own"])
    assert [one["list"] for one in case["listings"]] == ["psbl"]


def test_the_command_to_type_is_safe_to_paste(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = tmp_path / "my evi;dence $(id)"
    evil.mkdir()
    (evil / "reply").write_text("554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org\n")
    _, case = investigate(evil, capsys)
    commands = [str(step["command"]) for step in case["next"]]
    assert all(shlex.quote(str(evil)) in one for one in commands if "evi;dence" in one)
    _, case = investigate(evil / "reply", capsys)
    assert not [step for step in case["next"] if "reply" in str(step["command"])]


def test_nothing_is_not_weighed_and_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text(LEASE)  # read, but it tells nothing of any cause
    assert cli.main(["investigate", str(tmp_path)]) == 3
    shown = capsys.readouterr().out
    assert "nothing was found that would tell one cause from another" in shown
    assert "%" not in shown


def test_logs_of_public_addresses_ask_for_the_own_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = "".join(line(n, f"198.18.{n}.25").replace("192.168.50.146", f"198.51.100.{n}") for n in range(9))
    (tmp_path / "b").write_text(public)
    code, case = investigate(tmp_path, capsys)
    assert code == 3
    assert case["next"][0]["command"] == f"unlisted investigate {tmp_path} --inside NETWORK"
    code, case = investigate(tmp_path, capsys, "--inside", "198.51.100.0/24")
    assert "NETWORK" not in str(case["next"])


def test_what_was_not_read_stands_behind_the_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = folder / ("x" * 80)
    deep.mkdir()
    (deep / "strange.bin").write_bytes(b"\x00\x01" * 99)
    cli.main(["investigate", str(folder)])
    shown = capsys.readouterr().out
    assert "1 other not read, or not wholly: see below" in shown
    assert shown.index("The device") < shown.index("xx/strange.bin:") < shown.index("Next\n")
