"""Hostile mail for the reader of bounces: nothing raises, all is bounded, every answer can be written down.

    python tools/fuzz.py [--seconds 60] [--corpus FOLDER]

With atheris (the group `fuzz`) guided by coverage, else drawn by Hypothesis. What was tried is kept in
.fuzz for the next time, and what breaks as a file there whose name is printed; `python tools/fuzz.py FILE`
plays it again. Seeds are the bounces below and, where they are, those of the corpora.
"""

import argparse
import io
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO, cast

from unlisted import codec
from unlisted.edge import mail, mbox
from unlisted.net import ip
from unlisted.notice import bounce, parts

SLOWEST = 1.0  # seconds of the processor a megabyte
LEAST = 1.0  # seconds that any input may take: what atheris counts makes everything ten times as slow
LONGEST = 1 << 16  # bytes of an input
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "bounces"
OWN = tuple(address for address in (ip("203.0.113.5"), ip("2001:db8::5")) if address)

_BOUNCE = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n"
_REPORT = b"From: x@x.example\nContent-Type: multipart/report; boundary=b\n\n--b\n"
_MANY = b"X-Failed-Recipients: " + b",".join(b"%d@b" % number for number in range(1800)) + b"\n"
_LINES = b"".join(b"a%d@b.c: 550 5.1.1 said %d\n" % (number, number) for number in range(900))
SEEDS = (
    _BOUNCE + b"Date: Thu, 19 Nov 2026 10:00:00 +0000\n\n<b@y.example>: host mx[198.51.100.7] said: "
    b"550-5.7.1 [203.0.113.5]\n550 5.7.1 blocked using bl.spamcop.net\n",
    _REPORT + b"Content-Type: text/html\n\n<p>no</p>\n--b\nContent-Type: message/delivery-status\n\n"
    b"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; b@y\nAction: failed\nStatus: 5.7.1\n"
    b"Diagnostic-Code: smtp; 554 5.7.1 listed at zen.spamhaus.org\n\n--b\nContent-Type: message/rfc822\n"
    b"Content-Transfer-Encoding: base64\n\nRnJvbTogYQo=\n--b--\n",
    _REPORT + b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nSource-IP: 203.0.113.5\n"
    b"Original-Rcpt-To: b@y.example\n\n--b--\n",
    b"From MAILER-DAEMON Thu Nov 19 10:00:00 2026\nSubject: =?iso-2022-jp?B?GyRCJCIbKEI=?=\n"
    b"Content-Length: 9\nContent-Type: text/plain; charset=utf-7\n\n>From x +AGE-\n\n"
    b"From a@b Thu Nov 19 10:00:00 2026\nA: b\n\nx\n",
    b"From: no-reply@amazonses.example\nSubject: x\n\n"
    b'{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"a@b.c"}]}}',
    _BOUNCE + _MANY + b"\n550 5.1.1" * 4000,
    _BOUNCE + b"\n" + _LINES + b">>> RCPT TO:<b@y>\n<<< 550 5.1.1 x\n" * 800,
    _BOUNCE
    + b"\nno\n\nto:\n\nto: a\nfrom: postmaster\n\n"
    + _BOUNCE
    + b"\n--b--\n"
    + _REPORT
    + b"--b--\n"
    + _BOUNCE,
    b"From a@b Thu Nov 19 10:00:00 2026\nContent-Length: 90\n\nx\n\n"
    b"From c@d Thu Nov 19 10:00:00 2026\nA: b\n\ny\n",
    b"   ----- Transcript of session follows -----\n>>> RCPT To:<b@y>\n<<< 550 5.1.1 unknown\n",
)


def one(raw: bytes) -> None:
    """Everything that reads a stranger's bytes; AssertionError for what must not be."""
    started = time.process_time()
    told = bounce.refusals(raw, "x", OWN) + bounce.pasted(raw.decode("utf-8", "replace"), "x", OWN)
    assert len(told) <= 2 * bounce.MAX_RECIPIENTS
    for refusal in told:
        codec.encode(refusal)
    head, leaves = parts.split(raw)
    assert len(leaves) <= parts.MAX_PARTS + 1, len(leaves)  # and a preamble
    assert len(head.headers) <= parts.MAX_HEADERS, len(head.headers)
    for part in leaves:
        part.text.encode()
        assert part.get("content-type") == next((v for k, v in part.headers if k == "content-type"), "")
    how = mail._How(2000, named=True, log=lambda *_: False)
    for found in mail._stream("x", cast(BinaryIO, io.BytesIO(raw)), how):
        assert isinstance(found, mail.Unread) or len(found.raw) <= max(2000, mail.PASTE)
    for taken, cut in mbox.split(mbox.Rewound(raw[:100], cast(BinaryIO, io.BytesIO(raw[100:]))), 2000):
        assert len(taken) <= 2000
        assert cut >= 0
    seconds = time.process_time() - started
    assert seconds < max(LEAST, SLOWEST * len(raw) / 1e6), f"{seconds:.2f} s for {len(raw)} bytes"


def seeds(folder: Path) -> list[bytes]:
    """What is changed to make new inputs."""
    return [*SEEDS, *(path.read_bytes()[:LONGEST] for path in sorted(folder.glob("*.eml")))]


def guided(seconds: int, folder: Path) -> None:
    """By atheris; libFuzzer ends the process."""
    import atheris

    known = Path(__file__).resolve().parents[1] / ".fuzz"
    known.mkdir(exist_ok=True)
    for number, raw in enumerate(seeds(folder)):
        (known / f"seed-{number}").write_bytes(raw)
    words = [sys.argv[0], f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-verbosity=0"]
    words.append(f"-artifact_prefix={known}{os.sep}")
    atheris.instrument_all()
    atheris.Setup([*words, "-print_final_stats=1", str(known)], one)
    atheris.Fuzz()


def drawn(seconds: int, folder: Path) -> None:
    """By Hypothesis: seeds with pieces of each other cut in, doubled, or replaced by anything."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    known = seeds(folder)
    place = st.floats(0, 1)

    @given(
        st.sampled_from(known),
        st.sampled_from(known),
        st.lists(st.tuples(place, place, place), max_size=6),
        st.binary(),
    )
    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def run(raw: bytes, other: bytes, cuts: list[tuple[float, float, float]], junk: bytes) -> None:
        for begin, end, source in cuts:
            first, last = sorted((int(begin * len(raw)), int(end * len(raw))))
            piece = other[int(source * len(other)) :][:200] if source > 0.2 else junk
            raw = (raw[:first] + piece + raw[last if source > 0.6 else first :])[:LONGEST]
        one(raw)

    until = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until:
        run()
        rounds += 1
    sys.stdout.write(f"{rounds * 500:,} mails drawn by Hypothesis, nothing broke\n")


def large() -> None:
    """Ten megabytes of what patterns and parsers like least, each within a second a megabyte."""
    units = [
        b"-",
        b"> ",
        b" ",
        b"\n",
        b"<",
        b"a@",
        b"(reason: ",
        b">>> ",
        b"status=bounced (",
        b"--b\n",
        b"<style>",
    ]
    units += [
        b"--b\nContent-Type: multipart/x; boundary=b\n\n",
        b"X: y\n",
        b"X: y\n z\n",
        b" \n\t",
        b"=?",
        b"1.2.3.4 ",
    ]
    units += [
        b"Final-Recipient: rfc822; a@b.c\n\n",
        b"\r",
        b"From x 10:00\n\n",
        b"host a.b[",
        b"550-5.1.1 ",
        b"::",
        b"\xc3",
    ]
    heads = (
        b"",
        _BOUNCE + b"\n",
        _BOUNCE + _MANY + b"\n",
        _BOUNCE + b"\n" + _LINES,
        _REPORT + b"\n",
        _BOUNCE + b"Content-Transfer-Encoding: base64\n\n",
    )
    slowest = (0.0, b"", b"")
    for head in heads:
        for unit in units:
            raw = head + unit * (10_000_000 // len(unit))
            started = time.process_time()
            bounce.refusals(raw, "x", OWN)
            slowest = max(slowest, (time.process_time() - started, head[-40:], unit))
    sys.stdout.write(
        f"{len(heads) * len(units)} mails of 10 MB: the slowest took {slowest[0]:.2f} s {slowest[1:]}\n"
    )
    assert slowest[0] < 10 * SLOWEST, slowest


def main() -> int:
    """Play files again, or fuzz for a while."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="inputs to play again")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, default=None, help="folder of .eml files to begin from")
    args = parser.parse_args()
    for path in args.files:
        one(path.read_bytes())
    if args.files:
        return 0
    named = os.environ.get("UNLISTED_CORPORA")
    folder = args.corpus or (Path(named) / "bounces" if named else CORPUS)
    large()
    try:
        import atheris  # noqa: F401
    except ImportError:
        drawn(args.seconds, folder)
    else:
        guided(args.seconds, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
