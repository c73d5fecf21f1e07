"""One kernel, two runners: an old log through the live engine names the same device at the same attempt."""

from pathlib import Path

from unlisted.config import Config
from unlisted.edge import read
from unlisted.engine import Engine
from unlisted.find import rank
from unlisted.find.who import Who
from unlisted.messages import Lease, Name
from unlisted.stop.guard import Network

OFFICE = Path(__file__).resolve().parents[2] / "examples" / "office"


def test_the_log_and_the_wire_say_the_same() -> None:
    near = 1_795_480_000.0  # November 2026, when the example was made
    leases = [event for event in read.read(OFFICE / "dnsmasq.log", near).events if isinstance(event, Lease)]
    flows = read.read(OFFICE / "gateway.log", near).flows
    assert flows is not None
    who = Who()
    engine = Engine(Config(policy="hold", warm_up=0.0), Network(senders=frozenset({"192.168.50.10"})))
    for lease in leases:
        who.add(lease)
        engine.step(lease)
    named = [
        command.suspect
        for attempt in flows.attempts()
        for command in engine.step(attempt)
        if isinstance(command, Name)
    ]
    judged = rank.judge(flows, who, rank.Setting(senders=("192.168.50.10",))).suspects
    [rogue] = [suspect for suspect in judged if suspect.verdict == "rogue"]
    assert [suspect.device for suspect in named] == [rogue.device]
    assert [suspect.flagged_after for suspect in named] == [rogue.flagged_after]
    assert [suspect.flagged_at for suspect in named] == [rogue.flagged_at]
