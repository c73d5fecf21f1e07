"""Asking a list about many addresses, against massdns, dnsperf, pydnsbl, aiodns and dnspython in one run.

    python benchmarks/check_sweep.py [--count 200000] [--rounds 5]

A real rbldnsd on loopback holds a million generated addresses; it has one core, whoever asks has the other.
Half of what is asked is listed. Ours must come to the right verdict for every address, or the run fails; what
the other Python clients came to is printed. The two written in C print what came (massdns) or count it
(dnsperf), so they are given less to do. The slow ones ask fewer of the same questions. Then the addresses of
a /16 on 20 lists: how long, how many without an answer, how many wrong, and the most memory. massdns is asked
where it is installed. The time of the processor for a question is printed too: it bears a busy machine better
than questions a second do.
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
from unlisted.edge.sweep import Sweep, judged
from unlisted.notice import lists

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
    """The sweep, each answer checked and judged."""
    sweep = Sweep(addresses, [lists.stranger(ZONE)], [Server("127.0.0.1", port)])
    told: Verdicts = {}
    for listing in judged(sweep):
        told[listing.state] = told.get(listing.state, 0) + 1
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


def memory() -> int:
    """The most megabytes that this process held; getrusage would count what its parent held at the fork."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) >> 10


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


def whole_range(folder: Path, port: int) -> bool:
    """The /16 on 20 lists, every verdict compared with what the lists were made of."""
    entries = [lists.stranger(f"r{number}.example") for number in range(LISTS)]
    listed = {
        (entry.zone, address)
        for number, entry in enumerate(entries)
        for address in (folder / f"range{number}").read_text().split()[1:]
    }
    before = memory()
    sweep = Sweep(RANGE, entries, [Server("127.0.0.1", port)])
    count = lost = wrong = 0
    began = time.perf_counter()
    for one in judged(sweep):
        count += 1
        if one.state == "unknown":
            lost += 1
        elif (one.state == "listed") != ((one.zone, one.address) in listed):
            wrong += 1
    seconds = time.perf_counter() - began
    sys.stdout.write(
        f"a /16 on {LISTS} lists: {count:,} questions in {seconds:.1f} s (goal {GOAL_SECONDS:g}),"
        f" {count / seconds:,.0f}/s, {lost} without an answer, {wrong} wrong,"
        f" {sweep.asker.repeated} repeated; peak memory {memory()} MB ({before} MB before)\n"
    )
    return count == RANGE.num_addresses * LISTS and not lost and not wrong


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
        if name == "range":
            return 0 if whole_range(Path(folder), int(port)) else 1
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
            command = [sys.executable, __file__, "--client", "range", str(folder), str(port), "0"]
            return subprocess.run(command, timeout=600, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
