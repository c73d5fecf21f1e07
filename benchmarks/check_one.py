"""One address on 80 lists, the whole process from its start, honest lists and then a third of them silent.

    python benchmarks/check_one.py [--rounds 5]

The lists are 80 zones of one server on loopback, which is also the resolver that `unlisted check --json` is
given. Every fourth list has the address. Printed: when the first row came, when the last, when it ended.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from unlisted.notice import packets

LISTS = 80
ADDRESS = "203.0.113.7"
GOAL = 1.0  # seconds, start-up included, where all lists are honest
DEADLINE = 5.0  # seconds, the default of `check`


class Run(Struct):
    """One run of `unlisted check`; seconds from the start of the process."""

    first: float
    last: float
    ended: float
    states: dict[str, int]


def answer(query: bytes, silent: bool) -> bytes | None:
    """What an honest list says; None from every third list where some are silent."""
    section = query[12 : query.index(b"\0", 12) + 5]
    name, qtype = packets.asked(section)
    number = name.rpartition(".l")[2].partition(".")[0]
    if silent and number.isdigit() and int(number) % 3 == 0:
        return None
    listed = name.startswith("2.0.0.127.") or (
        name.startswith("7.113.0.203.l") and number.isdigit() and int(number) % 4 == 0
    )
    data = {packets.A: b"\x7f\0\0\2", packets.TXT: b"\x06listed"}.get(qtype, b"")
    flags, count = (b"\x85\x80", b"\0\1") if listed and data else (b"\x85\x83", b"\0\0")
    record = b"\xc0\x0c" + qtype.to_bytes(2) + b"\0\1\0\0\1\0" + len(data).to_bytes(2) + data
    return query[:2] + flags + b"\0\1" + count + b"\0\0\0\0" + section + (record if count[1] else b"")


@contextmanager
def serving(silent: bool) -> Iterator[int]:
    """The port of the lists."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    query, peer = udp.recvfrom(4096)
                except TimeoutError:
                    continue
                if (made := answer(query, silent)) is not None:
                    udp.sendto(made, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(udp.getsockname()[1])
        finally:
            stop.set()
            thread.join()


def check(port: int) -> Run:
    """The program, as a person calls it."""
    zones = [word for number in range(LISTS) for word in ("--zone", f"l{number}.example")]
    command = [sys.executable, "-m", "unlisted", "check", ADDRESS, *zones]
    times, states = [], dict.fromkeys(("listed", "clear", "unknown"), 0)
    began = time.perf_counter()
    with subprocess.Popen(
        [*command, "--resolver", f"127.0.0.1:{port}", "--json", "--no-save"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            times.append(time.perf_counter() - began)
            states[json.loads(line)["state"]] += 1
    return Run(times[0], times[-1], time.perf_counter() - began, states)


def main() -> int:
    """Both runs, medians; 1 when a verdict is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    right = True
    for silent, goal in ((False, GOAL), (True, DEADLINE)):
        dead = {number for number in range(LISTS) if silent and number % 3 == 0}
        listed = sum(number % 4 == 0 for number in range(LISTS) if number not in dead)
        expected = {"listed": listed, "clear": LISTS - len(dead) - listed, "unknown": len(dead)}
        with serving(silent) as port:
            runs = [check(port) for _ in range(args.rounds)]
        right &= all(run.states == expected for run in runs)
        first, last, ended = (
            statistics.median(getattr(run, field) for run in runs) for field in ("first", "last", "ended")
        )
        what = f"{len(dead)} of {LISTS} lists silent" if silent else f"{LISTS} honest lists"
        sys.stdout.write(
            f"one address, {what}: first row after {first:.2f} s, last {last:.2f} s, end {ended:.2f} s"
            f" (goal {goal:g} s); {runs[0].states}{'' if right else f', not {expected}'}\n"
        )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
