"""The one real bot: CTU-13 scenario 6 (DonBot), where the corpora are beside the project."""

import csv
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import numpy as np

from study import REPORTED, measure
from study.measure import Runs
from study.traces import ANSWERED, SILENT, Trace, columns, randomness, rows, thinned
from unlisted import net
from unlisted.find.trip import Attempts

NAME = "flows/ctu13_sc6_outbound_smtp_4878.csv"  # Garcia et al. 2014; outbound SMTP flows of two hours
BOT = "147.32.84.165"
RUNS = 200
SHARES = (1, 10, 100, 440)


class Real(NamedTuple):
    """What the detectors did on the real trace."""

    runs: dict[int, dict[str, Runs]]  # by 1/share of the attempts kept
    others: int  # honest hosts of the trace
    hours: float
    accused: dict[str, int]  # of those


def load(corpora: Path) -> tuple[Attempts, list[str]]:
    """The flows in order of device and time, and the devices' addresses."""
    with (corpora / NAME).open(encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["Dport"] in ("25", "465", "587")]
    hosts = sorted({line["SrcAddr"] for line in lines})
    place = {host: number for number, host in enumerate(hosts)}
    clock = [
        datetime.strptime(line["StartTime"], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC) for line in lines
    ]
    begin = min(clock)
    made = columns(
        [place[line["SrcAddr"]] for line in lines],
        [round((moment - begin).total_seconds() * 1e6) for moment in clock],
        [net.prefix(ip_address(line["DstAddr"])) for line in lines],
        [net.MAIL_PORTS.index(int(line["Dport"])) for line in lines],
        # Argus names the flags of both sides; only the initiator's are there when nobody answered.
        [ANSWERED if line["State"].partition("_")[2] else SILENT for line in lines],
    )
    order = np.lexsort((made.at, made.device))
    return rows(made, order), hosts


def study(corpora: Path) -> Real:
    """DonBot whole and thinned, and the hosts beside it."""
    made, hosts = load(corpora)
    bot = made.device == hosts.index(BOT)
    spam = rows(made, bot)._replace(device=np.zeros(int(bot.sum()), np.int32))
    whole = Trace(spam, np.ones(len(spam.at), np.bool_), 1, 1.0)
    runs: dict[int, dict[str, Runs]] = {}
    for part in SHARES:
        many = [
            thinned(whole, 1 / part, randomness(f"real 1/{part}", REPORTED + run))
            for run in range(RUNS if part > 1 else 1)
        ]
        found = [
            {name: measure.delays(one, rows) for name, rows in measure.alarms(one).items()} for one in many
        ]
        runs[part] = {
            name: Runs(*map(np.concatenate, zip(*(one[name] for one in found), strict=True)))
            for name in measure.DETECTORS
        }
    rest = rows(made, ~bot)
    honest = Trace(rest, np.zeros(len(rest.at), np.bool_), len(hosts), 1.0)
    accused = {name: len(np.unique(rest.device[at])) for name, at in measure.alarms(honest).items()}
    hours = float((made.at.max() - made.at.min()) / 3600e6)
    return Real(runs, len(hosts) - 1, hours, accused)
