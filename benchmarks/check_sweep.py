"""Asking a list about many addresses, against massdns, dnsperf, pydnsbl, aiodns and dnspython in one run.

    python benchmarks/check_sweep.py [--count 200000] [--rounds 5]

A real rbldnsd on loopback holds a million generated addresses; it has one core, whoever asks has the other.
Half of what is asked is listed. Ours must come to the right verdict for every address, or the run fails; what
the other Python clients came to is printed. The two written in C print what came (massdns) or count it
(dnsperf), so they are given less to do. The slow ones ask fewer of the same questions. massdns is asked where
it is installed. The time of the processor for a question is printed too: it bears a busy machine better than
questions a second do. Then `unlisted check RANGE`, the whole process, about the addresses of a /16 on 20
lists, for people and as JSON: how long, how many without an answer, how many wrong, the most memory; and
beside it dnsperf, which counts answers to the same questions and reads none of them.
"""

import argparse
import asyncio
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from unlisted.edge.server import Server
from unlisted.edge.sweep import Sweep
from unlisted.notice import dnsbl, lists
from unlisted.notice.packets import Answer

ZONE = "bl.example"
ENTRIES = 1_000_000
RANGE = IPv4Network("198.18.0.0/16")  # RFC 2544: for benchmarks
LISTS = 20
SHARE = {"pydnsbl": 10, "aiodns": 10, "dnspython": 40}  # asked of one in so many
GOAL_SECONDS = 15.0  # for the /16 on 20 lists
Verdicts = dict[str, int]


# ---- the server -----------------------------------------------------------------------------------


def generate(folder: Path, seed: int, count: int) -> None:
    """A list of a million addresses, what to ask (half of it listed), and 20 lists of the /16."""
    rng = random.Random(seed)
    listed = rng.sample(range(0x01000000, 0xDF000000), ENTRIES)
    head = ":127.0.0.2:listed\n127.0.0.2\n"
    (folder / "list").write_text(head + "".join(f"{IPv4Address(value)}\n" for value in listed))
    known = set(listed)
    free = [value for _ in range(count) if (value := rng.randrange(0x01000000, 0xDF000000)) not in known]
    asked = [IPv4Address(value) for value in listed[: count // 2] + free[: count - count // 2]]
    rng.shuffle(asked)
    (folder / "asked").write_text("".join(f"{address}\n" for address in asked))
    reversed_names = [".".join(reversed(str(address).split("."))) for address in asked]
    (folder / "names").write_text("".join(f"{name}.{ZONE} A\n" for name in reversed_names))
    (folder / "bare").write_text("".join(f"{name}.{ZONE}\n" for name in reversed_names))
    for number in range(LISTS):
        some = rng.sample(range(RANGE.num_addresses), 2000)
        (folder / f"range{number}").write_text(head + "".join(f"{RANGE[value]}\n" for value in sorted(some)))


@contextmanager
def rbldnsd(folder: Path, core: int) -> Iterator[int]:
    """The port of a server that holds all of it, on a core of its own."""
    program = shutil.which("rbldnsd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        raise SystemExit("rbldnsd is not installed (apt install rbldnsd)")
    port = 5300 + random.SystemRandom().randrange(400)
    zones = [f"{ZONE}:ip4set:list", *(f"r{number}.example:ip4set:range{number}" for number in range(LISTS))]
    command = [program, "-n", "-q", "-b", f"127.0.0.1/{port}", "-w", str(folder), *zones]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            if not any("started" in line for line in process.stdout):
                raise SystemExit("rbldnsd did not start")
            yield port
        finally:
            process.terminate()


# ---- who asks -------------------------------------------------------------------------------------


def ours(addresses: list[IPv4Address], port: int) -> Verdicts:
    """The sweep, each answer checked and judged; what the same answer means is judged once."""
    sweep = Sweep(addresses, [lists.stranger(ZONE)], [Server("127.0.0.1", port)])
    told: Verdicts = {}
    states: dict[Answer, str] = {}
    for (subject, entry), answer in sweep:
        state = states.get(answer)
        if state is None:
            state = states[answer] = dnsbl.judge(entry, subject, answer).state
        told[state] = told.get(state, 0) + 1
    return told | {"repeated": sweep.asker.repeated}


def pydnsbl(addresses: list[str], port: int) -> Verdicts:
    """Its bulk check, at its own concurrency."""
    import aiodns
    from pydnsbl import DNSBLIpChecker
    from pydnsbl.providers import Provider

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    checker = DNSBLIpChecker(providers=[Provider(ZONE)], loop=loop)
    checker._resolver = aiodns.DNSResolver(["127.0.0.1"], loop=loop, udp_port=port, timeout=5, tries=2)
    results = checker.bulk_check(addresses)
    failed = sum(bool(one.failed_providers) for one in results)
    listed = sum(one.blacklisted for one in results)
    return {"listed": listed, "clear": len(results) - listed - failed, "unknown": failed}


def aiodns(addresses: list[str], port: int) -> Verdicts:
    """A hundred at once, as we do."""
    import aiodns

    told = {"listed": 0, "clear": 0, "unknown": 0}

    async def one(resolver: Any, room: asyncio.Semaphore, address: str) -> None:
        name = ".".join(reversed(address.split("."))) + "." + ZONE
        async with room:
            try:
                found = await resolver.query(name, "A")
                told["listed" if all(a.host.startswith("127.") for a in found) else "unknown"] += 1
            except aiodns.error.DNSError as error:
                told["clear" if error.args[0] in (1, 4) else "unknown"] += 1

    async def all_of_them() -> None:
        resolver = aiodns.DNSResolver(["127.0.0.1"], udp_port=port, timeout=5, tries=2)
        room = asyncio.Semaphore(100)
        await asyncio.gather(*(one(resolver, room, address) for address in addresses))

    asyncio.run(all_of_them())
    return told


def dnspython(addresses: list[str], port: int) -> Verdicts:
    """One after the other, its plain way."""
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    told = {"listed": 0, "clear": 0, "unknown": 0}
    for address in addresses:
        name = ".".join(reversed(address.split("."))) + "." + ZONE + "."
        try:
            found = resolver.resolve(name, "A")
            told["listed" if all(str(a).startswith("127.") for a in found) else "unknown"] += 1
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            told["clear"] += 1
    return told


CLIENTS: dict[str, Callable[[list[Any], int], Verdicts]] = {
    "ours": ours, "pydnsbl": pydnsbl, "aiodns": aiodns, "dnspython": dnspython,
}  # fmt: skip


def memory(process: int | str = "self") -> int:
    """The most megabytes that a process held; getrusage would count what its parent held at the fork."""
    found = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[0]) >> 10 if found else 0


def child(name: str, folder: Path, port: int, count: int) -> None:
    """One client in a process of its own: prints seconds, verdicts and memory."""
    addresses: list[Any] = (folder / "asked").read_text().split()[:count]
    if name == "ours":
        addresses = [IPv4Address(text) for text in addresses]  # the C ones have their names made as well
    began, busy = time.perf_counter(), time.process_time()
    told = CLIENTS[name](addresses, port)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    peak = memory()
    sys.stdout.write(json.dumps({"seconds": seconds, "busy": busy, "told": told, "peak": peak}))


def python(name: str, folder: Path, port: int, count: int) -> float:
    """Questions a second of a Python client; SystemExit when a verdict is wrong."""
    done = subprocess.run(
        [sys.executable, __file__, "--client", name, str(folder), str(port), str(count)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    listed = set((folder / "list").read_text().split())
    expected = sum(address in listed for address in (folder / "asked").read_text().split()[:count])
    told = found["told"]
    if name == "ours" and (told.get("listed"), told.get("clear")) != (expected, count - expected):
        raise SystemExit(f"{name}: {told}, but {expected} of {count} are listed")
    rate: float = count / found["seconds"]
    each = found["busy"] / count * 1e6
    each_one = f"{each:.1f} us of processor each, {found['peak']} MB"
    sys.stdout.write(f"  {name}: {rate:,.0f}/s, {each_one}, {told}; {expected} are listed\n")
    return rate


def processor() -> float:
    """Seconds that ended children used of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def dnsperf(folder: Path, port: int, count: int) -> float:
    """Counts answers, checks ids."""
    command = ["dnsperf", "-p", str(port), "-d", str(folder / "names"), "-n", "1", "-c", "1", "-T", "1"]
    busy = processor()
    text = subprocess.run(
        [*command, "-q", "100"], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    each = (processor() - busy) / count * 1e6
    completed = int(re.findall(r"Queries completed: +(\d+)", text)[0])
    rate = float(re.findall(r"Queries per second: +([\d.]+)", text)[0])
    sys.stdout.write(
        f"  dnsperf: {rate:,.0f}/s, {each:.1f} us of processor each, {count - completed} without an answer\n"
    )
    return rate


def massdns(folder: Path, port: int, count: int) -> float:
    """Prints a line for each answer."""
    (folder / "resolvers").write_text(f"127.0.0.1:{port}\n")
    command = ["massdns", "--root", "-q", "-s", "100", "-t", "A", "-o", "S", "-w", str(folder / "told")]
    began, busy = time.perf_counter(), processor()
    subprocess.run(
        [*command, "-r", str(folder / "resolvers"), str(folder / "bare")],
        capture_output=True, timeout=300, check=True,
    )  # fmt: skip
    rate = count / (time.perf_counter() - began)
    each = (processor() - busy) / count * 1e6
    sys.stdout.write(f"  massdns: {rate:,.0f}/s, {each:.1f} us of processor each\n")
    return rate


# ---- the range ------------------------------------------------------------------------------------


def whole_range(folder: Path, port: int) -> float:
    """`unlisted check` about the /16 on 20 lists; seconds for people. SystemExit when a verdict is wrong."""
    zones = [f"r{number}.example" for number in range(LISTS)]
    listed = {
        (zone, address)
        for number, zone in enumerate(zones)
        for address in (folder / f"range{number}").read_text().split()[1:]
    } - {(zone, "127.0.0.2") for zone in zones}
    words = [word for zone in zones for word in ("--zone", zone)]
    command = [sys.executable, "-m", "unlisted", "check", str(RANGE), *words, "--no-save"]
    command += ["--resolver", f"127.0.0.1:{port}"]
    every, took = RANGE.num_addresses * LISTS, 0.0
    for form in ("", "--json"):
        told = folder / "answer"
        began, peak = time.perf_counter(), 0
        with told.open("wb") as out, subprocess.Popen(command + [form] * bool(form), stdout=out) as asking:
            while (ended := os.wait4(asking.pid, os.WNOHANG))[0] == 0:
                peak = memory(asking.pid) or peak
                time.sleep(0.05)
        _, status, used = ended
        asking.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        took = took or seconds
        lost, wrong = verdicts(told, listed, every) if form else summary(told, listed, every)
        sys.stdout.write(
            f"check {RANGE} on {LISTS} lists {form or 'for people'}: {every:,} questions in {seconds:.1f} s"
            f" (goal {GOAL_SECONDS:g}), {every / seconds:,.0f}/s,"
            f" {(used.ru_utime + used.ru_stime) / every * 1e6:.1f} us of processor each,"
            f" {lost} without an answer, {wrong} wrong; peak memory {peak} MB\n"
        )
        if asking.returncode != 1 or lost or wrong:
            raise SystemExit("check came to a wrong verdict, or lost one")
    return took


def summary(told: Path, listed: set[tuple[str, str]], every: int) -> tuple[int, int]:
    """Without an answer, and wrong, by the last lines for people."""
    last = re.findall(r"([\d,]+) listed, ([\d,]+) clear, ([\d,]+) unknown of ([\d,]+)", told.read_text())[-1]
    found, clear, unknown, of = (int(number.replace(",", "")) for number in last)
    return unknown + every - of, abs(found - len(listed)) + abs(every - found - clear - unknown)


def verdicts(told: Path, listed: set[tuple[str, str]], every: int) -> tuple[int, int]:
    """The same by the JSON lines, each compared with what the lists were made of."""
    lost, wrong, seen = 0, 0, set[tuple[str, str]]()
    with told.open() as lines:
        for row in map(json.loads, lines):
            place = row["zone"], row["address"]
            lost += row["state"] == "unknown"
            wrong += row["state"] != ("listed" if place in listed else "clear")
            seen.add(place)
    return lost + every - len(seen), wrong - lost


def range_counted(folder: Path, port: int) -> float:
    """The same questions through dnsperf; seconds."""
    with (folder / "names").open("w") as names:
        for address in RANGE:
            name = ".".join(reversed(str(address).split(".")))
            names.writelines(f"{name}.r{number}.example A\n" for number in range(LISTS))
    return RANGE.num_addresses * LISTS / dnsperf(folder, port, RANGE.num_addresses * LISTS)


def main() -> int:
    """Serve, ask in turn, print medians and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        name, folder, port, count = args.client
        child(name, Path(folder), int(port), int(count))
        return 0
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        generate(folder, random.SystemRandom().getrandbits(32), args.count)
        os.sched_setaffinity(0, {cores[0]})
        with rbldnsd(folder, cores[-1]) as port:
            rates: dict[str, list[float]] = {}
            fast = {"dnsperf": dnsperf, "massdns": massdns}
            here = {key: run for key, run in fast.items() if shutil.which(key)}
            for _ in range(args.rounds):
                rates.setdefault("ours", []).append(python("ours", folder, port, args.count))
                for key, run in here.items():
                    rates.setdefault(key, []).append(run(folder, port, args.count))
            for key, share in SHARE.items():
                try:
                    rates[key] = [python(key, folder, port, args.count // share)]
                except SystemExit as error:
                    if "ModuleNotFoundError" not in str(error):
                        raise
                    sys.stdout.write(f"  {key} is not installed\n")
            middle = {key: statistics.median(found) for key, found in rates.items()}
            for key in (*fast, *SHARE):
                if key in middle:
                    sys.stdout.write(
                        f"sweep, rbldnsd with {ENTRIES:,} entries: ours {middle['ours']:,.0f}/s,"
                        f" {key} {middle[key]:,.0f}/s, ratio {middle['ours'] / middle[key]:.2f}"
                        f"{' (no goal: it only counts)' if key == 'dnsperf' else ' (goal 1.00)'}\n"
                    )
                elif key in fast:
                    sys.stdout.write(f"{key} is not installed\n")
            sys.stdout.flush()
            took = whole_range(folder, port)
            if "dnsperf" in here:
                beside = range_counted(folder, port)
                sys.stdout.write(
                    f"check {RANGE} on {LISTS} lists: ours {took:.1f} s with start and verdicts, dnsperf"
                    f" {beside:.1f} s to count answers, ratio {took / beside:.2f} (goal {GOAL_SECONDS:g} s)\n"
                )
            return 0 if took <= GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
