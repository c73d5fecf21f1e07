"""A folder of evidence: what is in it is sorted, and what nobody can have written is not believed."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from unlisted.edge import folder

GOOD = {"address": "203.0.113.5", "list": "spamhaus-zen", "zone": "zen.spamhaus.org", "state": "listed"}
SAMPLES = Path(__file__).parent / "samples"


def gather(path: Path) -> folder.Gathered:
    return folder.gather([str(path)], lambda _name: nullcontext(None), mails=True)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "weird"},
        {"address": "203.0.113.5\x1b[31m"},
        {"list": "x\x1b[31m"},
        {"zone": "a b"},
        {"scope": "galaxy"},
        {"weight": 7.0},
        {"reason": "\ud800"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_saved_answers_that_check_never_wrote_are_not_believed(
    tmp_path: Path, change: dict[str, object]
) -> None:
    (tmp_path / "check.json").write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD | change)}\n")
    gathered = gather(tmp_path)
    assert [one.state for one in gathered.listings] == ["listed"]
    assert [(one.understood, one.unknown) for one in gathered.readings] == [(1, 1)]


def test_a_syslog_that_holds_several_kinds_is_all_of_them(tmp_path: Path) -> None:
    # Mostly leases: still a gateway log, which must not be said to be missing.
    leases = (SAMPLES / "dnsmasq_log" / "dnsmasq-2.90.log").read_text()
    (tmp_path / "syslog").write_text(leases * 20 + (SAMPLES / "netfilter" / "ulogd-2.0.8.log").read_text())
    gathered = gather(tmp_path)
    assert gathered.has("gateway")
    assert gathered.has("leases")
    assert not gathered.has("maillogs")
    assert gathered.flows.size
    assert gathered.leases
