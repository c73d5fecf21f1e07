"""The resolver against servers that are slow, silent, lying, closed or cut off. Loopback only."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dns.flags
import dns.message
import pytest

from dns_server import Handler, answer, asked, serving
from unlisted.edge import asker, resolver
from unlisted.edge.resolver import Server, look
from unlisted.errors import ConfigError, UnlistedError
from unlisted.notice.dnsbl import Question
from unlisted.notice.packets import PTR, TXT, A, Answer

Q = Question("2.0.0.127.bl.example", A)
TC = int(dns.flags.TC)


def at(port: int) -> list[Server]:
    """Loopback."""
    return [Server("127.0.0.1", port)]


def test_all_are_asked_and_each_gets_its_own_answer() -> None:
    def handler(query: dns.message.Message) -> bytes:
        name, _ = asked(query)
        number = int(name.split(".")[0])
        return (
            answer(query, rcode=3) if number % 3 else answer(query, f"A 127.0.{number // 250}.{number % 250}")
        )

    questions = [Question(f"{n}.bl.example", A) for n in range(1000)]
    with serving(handler) as port:
        report = look(questions, at(port), 10)
    assert list(report.answers) == questions
    for n, question in enumerate(questions):
        expected = () if n % 3 else (f"127.0.{n // 250}.{n % 250}",)
        assert report.answers[question].addresses == expected
        assert report.answers[question].rcode == (3 if n % 3 else 0)


def test_ids_and_ports_differ() -> None:
    seen = []

    def handler(query: dns.message.Message) -> bytes:
        seen.append(query.id)
        return answer(query)

    with serving(handler) as port:
        look([Question(f"{n}.bl.example", A) for n in range(200)], at(port), 5)
    assert len(set(seen)) > 190
    assert seen != sorted(seen)


def test_a_lost_question_is_asked_again() -> None:
    lost: list[int] = []

    def handler(query: dns.message.Message) -> bytes | None:
        if not lost:
            lost.append(query.id)
            return None
        return answer(query, "A 127.0.0.2")

    with serving(handler) as port:
        report = look([Q], at(port), 5)
    assert report.answers[Q].addresses == ("127.0.0.2",)
    assert report.repeated == 1


def test_what_answers_another_question_is_not_believed() -> None:
    def handler(query: dns.message.Message) -> list[bytes]:
        good = answer(query, "A 127.0.0.2")
        other = dns.message.make_query("other.example", "A", id=query.id)
        forged = dns.message.make_query(query.question[0].name, "A", id=query.id ^ 1)
        return [
            answer(forged, "A 127.0.0.66"),
            answer(other, "A 127.0.0.66"),
            query.to_wire(),  # our own question back
            good[:-3],
            b"",
            b"\xff" * 40,
            good,
        ]

    with serving(handler) as port:
        report = look([Q], at(port), 5)
    assert report.answers[Q].addresses == ("127.0.0.2",)
    assert report.doubtful == 6


def test_only_forgeries_end_at_the_deadline_with_what_was_wrong() -> None:
    def handler(query: dns.message.Message) -> bytes:
        return answer(dns.message.make_query("other.example", "A", id=query.id), "A 127.0.0.66")

    with serving(handler) as port:
        told = look([Q], at(port), 0.3).answers[Q]
    assert told.rcode is None
    assert told.why == "no answer within 0.3 s; what came did not fit (another question)"


def test_silence_ends_at_the_deadline() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        report = look([Q, Question("x.example", TXT)], at(silent.getsockname()[1]), 0.2)
    assert [one.why for one in report.answers.values()] == ["no answer within 0.2 s"] * 2


def test_a_time_is_told_as_people_say_it() -> None:
    """5 s and a millisecond for each list were "no answer within 5.0325 s"."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        report = look([Q], at(silent.getsockname()[1]), 0.2004)
    assert report.answers[Q].why == "no answer within 0.2 s"


def test_the_silent_do_not_stop_the_rest() -> None:
    def handler(query: dns.message.Message) -> bytes | None:
        return None if asked(query)[0].startswith("silent") else answer(query, "A 127.0.0.2")

    questions = [Question(f"silent{n}.example", A) for n in range(150)]
    questions += [Question(f"good{n}.example", A) for n in range(150)]
    with serving(handler) as port:
        report = look(questions, at(port), 1.5)
    assert sum(bool(one.addresses) for one in report.answers.values()) == 150


def test_a_closed_port_is_said_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    report = look([Question(f"{n}.example", A) for n in range(5)], at(port), 60)
    for one in report.answers.values():
        assert one.why.startswith(f"nobody answers DNS at 127.0.0.1:{port} (")


def test_a_second_resolver_takes_over() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
        serving(lambda query: answer(query, "A 127.0.0.2")) as port,
    ):
        silent.bind(("127.0.0.1", 0))
        report = look([Q], [*at(silent.getsockname()[1]), *at(port)], 5)
    assert report.answers[Q].addresses == ("127.0.0.2",)


def test_servfail_is_an_answer() -> None:
    with serving(lambda query: answer(query, rcode=2)) as port:
        assert look([Q], at(port), 5).answers[Q].rcode == 2


@pytest.mark.parametrize("rcode", [2, 5])
def test_what_one_resolver_will_not_answer_the_next_one_may(rcode: int) -> None:
    """As the system's own resolver does: the address was called unknown, and the second one knew."""
    with (
        serving(lambda query: answer(query, rcode=rcode)) as deaf,
        serving(lambda query: answer(query, "A 127.0.0.2")) as port,
    ):
        questions = [Question(f"{n}.example", A) for n in range(50)]
        report = look(questions, [*at(deaf), *at(port)], 5)
        assert {one.addresses for one in report.answers.values()} == {("127.0.0.2",)}
        both = look([Q], [*at(deaf), *at(deaf)], 5)  # named twice: there is nobody else
    assert (both.answers[Q].rcode, both.sent) == (rcode, 1)
    assert report.seconds < 0.5


def test_the_first_refusal_stands_where_the_next_one_is_silent() -> None:
    with (
        serving(lambda query: answer(query, rcode=5)) as deaf,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
    ):
        silent.bind(("127.0.0.1", 0))
        report = look([Q], [*at(deaf), *at(silent.getsockname()[1])], 0.3)
    assert report.answers[Q].rcode == 5


def test_a_late_failure_does_not_end_what_another_is_asked_already() -> None:
    """The first fails after 0.8 s; since 0.6 s the second one is asked, and answers after 0.5 s."""

    def after(seconds: float, made: Callable[[dns.message.Message], bytes]) -> Handler:
        def handler(query: dns.message.Message) -> bytes:
            time.sleep(seconds)
            return made(query)

        return handler

    with (
        serving(after(0.8, lambda query: answer(query, rcode=2))) as slow,
        serving(after(0.5, lambda query: answer(query, "A 127.0.0.2"))) as port,
    ):
        assert look([Q], [*at(slow), *at(port)], 4).answers[Q].addresses == ("127.0.0.2",)


def test_cut_off_answers_come_whole_over_tcp() -> None:
    question = Question("long.example", TXT)
    text = "x" * 250

    def whole(query: dns.message.Message) -> bytes:
        return answer(query, "TXT " + " ".join([f'"{text}"'] * 30))

    with serving(lambda query: answer(query, flags=TC), whole) as port:
        assert look([question], at(port), 5).answers[question].texts == (text * 30,)


def test_cut_off_without_tcp_is_no_answer() -> None:
    with serving(lambda query: answer(query, flags=TC), lambda _: b"") as port:
        told = look([Q], at(port), 5).answers[Q]
    assert told.rcode is None
    assert "TCP" in told.why


def test_an_empty_answer_over_tcp_ends_it() -> None:
    """A length of zero, for ever: it was heard, and kept, until the deadline."""

    def zeros(query: dns.message.Message) -> bytes:
        return answer(query, flags=dns.flags.TC)

    with socket.create_server(("127.0.0.1", 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(stream.getsockname())

        def pour() -> None:
            data, peer = udp.recvfrom(4096)
            udp.sendto(zeros(dns.message.from_wire(data)), peer)
            with stream.accept()[0] as link, suppress(OSError):
                while True:
                    link.sendall(bytes(1 << 16))

        thread = threading.Thread(target=pour)
        thread.start()
        report = look([Q], at(udp.getsockname()[1]), 3)
        thread.join()
    assert report.answers[Q].why.endswith("TCP failed: an empty answer")
    assert report.seconds < 1


def test_a_server_that_knows_no_edns() -> None:
    def handler(query: dns.message.Message) -> bytes:
        return answer(query, rcode=1) if query.edns >= 0 else answer(query, "A 127.0.0.2")

    with serving(handler) as port:
        assert look([Q], at(port), 5).answers[Q].addresses == ("127.0.0.2",)


def test_what_an_answer_raises_is_asked_too() -> None:
    def follow(question: Question, told: Answer) -> list[Question]:
        return [Question(question.name, TXT)] if told.addresses else []

    with serving(lambda query: answer(query, f"{asked(query)[1]} 127.0.0.2")) as port:
        report = look([Q], at(port), 5, follow)
    assert report.answers[Question(Q.name, TXT)].texts == ("127.0.0.2",)


def test_names_that_dns_cannot_carry() -> None:
    bad = [
        Question("a..b", A),
        Question("ü.example", PTR),
        *(Question("x" * 64 + str(n), A) for n in range(2000)),
    ]
    with serving(answer) as port:
        report = look([*bad, Q], at(port), 5)
    assert report.answers[bad[0]].why == "no name that DNS can carry"
    assert report.answers[Q].rcode == 0


def test_no_question_is_no_wait() -> None:
    assert look([], at(9), 60).answers == {}


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", Server("192.0.2.53", 53)),
        ("192.0.2.53:5353", Server("192.0.2.53", 5353)),
        ("[::1]:5353", Server("::1", 5353)),
        ("[::1]", Server("::1", 53)),
        ("2001:db8::53", Server("2001:db8::53", 53)),
        ("fe80::1%eth0", Server("fe80::1%eth0", 53)),
    ],
)
def test_resolvers_as_people_write_them(text: str, server: Server) -> None:
    assert resolver.parse(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:0",
        "1.2.3.4:65536",
        "1.2.3.4:x",
        "[::1]5",
        "[::1",
        "::1]:53:",
    ],
)
def test_no_resolver(text: str) -> None:
    with pytest.raises(ConfigError, match="is no resolver"):
        resolver.parse(text)


def test_the_system_s_resolvers(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "# x\nsearch a.example\nnameserver 192.0.2.1\nnameserver junk\nnameserver\nnameserver fe80::1%eth0\n"
    )
    assert resolver.system(str(conf)) == (Server("192.0.2.1"), Server("fe80::1%eth0"))
    conf.write_text("options rotate\n")
    with pytest.raises(UnlistedError, match="names no resolver"):
        resolver.system(str(conf))
    with pytest.raises(UnlistedError, match="cannot read"):
        resolver.system(str(tmp_path / "none"))


def test_a_question_waits_for_its_time() -> None:
    """Eight questions, two of them a fifth of a second after the rest: they come last, none is lost."""
    came: list[tuple[float, str]] = []

    def handler(query: dns.message.Message) -> bytes:
        came.append((time.monotonic(), asked(query)[0]))
        return answer(query, rcode=3)

    slow = {Question("slow1.example", A): 0.2, Question("slow2.example", A): 0.25}
    questions = [*slow, *(Question(f"n{n}.example", A) for n in range(6))]
    with serving(handler) as port:
        report = look(
            questions, [Server("127.0.0.1", port)], 5.0, pace=lambda question: slow.get(question, 0.0)
        )
    assert [name for _, name in came[-2:]] == ["slow1.example", "slow2.example"]
    assert came[-2][0] - came[0][0] >= 0.19
    assert all(one.rcode == 3 for one in report.answers.values())
    assert list(report.answers) == questions
    assert report.sent == 8


def test_a_reader_who_pauses_makes_no_server_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """`check RANGE --json | less`: what was asked after the pause was called unanswered."""
    monkeypatch.setattr(asker, "PAUSE", 0.1)
    came: list[float] = []

    def handler(query: dns.message.Message) -> bytes:
        came.append(time.monotonic())
        return answer(query, rcode=3)

    def follow(question: Question, _: Answer) -> list[Question]:
        if question == first:
            time.sleep(0.5)
        return []

    first, held = Question("n0.example", A), Question("held.example", A)
    questions = [first, *(Question(f"n{n}.example", A) for n in range(1, 500)), held]
    with serving(handler) as port:
        began = time.monotonic()
        paces = {held: 0.2}
        report = look(questions, at(port), 0.4, follow, 20, lambda question: paces.get(question, 0.0))
    assert {one.rcode for one in report.answers.values()} == {3}
    assert came[-1] - began > 0.69  # what was held back waits for the rest of its time


def test_what_never_came_to_its_time_says_so() -> None:
    late = Question("late.example", A)
    with serving(lambda query: answer(query, rcode=3)) as port:
        report = look([late], [Server("127.0.0.1", port)], 0.2, pace=lambda _: 60.0)
    assert report.answers[late].rcode is None
    assert report.answers[late].why.startswith("not asked: its operator bears few questions")
    assert report.sent == 0
