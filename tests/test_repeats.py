"""The same refusal is counted once, wherever it is told again."""

from unlisted.messages import Refusal
from unlisted.net import ip
from unlisted.notice import repeats
from unlisted.notice.repeats import Kind, Repeats


def _one(recipient: str = "a@x.example", at: float | None = 1000.0, code: str = "554") -> Refusal:
    return Refusal("x", recipient, code=code, rule="zone.psbl", cited_ip=ip("203.0.113.5"), at=at)


def test_a_retry_of_the_same_message_is_no_other_refusal() -> None:
    seen = Repeats()
    assert not seen.again(_one(), "log", "3AB4C")
    assert seen.again(_one(at=9000.0), "log", "3AB4C") == "same"
    assert not seen.again(_one("b@x.example"), "log", "3AB4C")
    assert not seen.again(_one(code="451"), "log", "3AB4C")  # another word of the same server
    assert not seen.again(_one(), "log", "3AB4D")


def test_a_queue_id_comes_round_again() -> None:
    seen = Repeats()
    assert not seen.again(_one(), "log", "3AB4C")
    assert seen.again(_one(at=1000.0 + 5 * 86_400), "log", "3AB4C") == "same"
    assert not seen.again(_one(at=1000.0 + 30 * 86_400), "log", "3AB4C")


def test_a_bounce_and_its_line_in_the_log_are_one_in_either_order() -> None:
    kinds: list[tuple[Kind, Kind]] = [("log", "mail"), ("mail", "log")]
    for first, second in kinds:
        seen = Repeats()
        told = [seen.again(_one(), first, f"1{n}") for n in range(3)]
        told += [seen.again(_one(at=1000.0 + 3600 * 5), second, f"2{n}") for n in range(4)]
        assert told == ["", "", "", "other", "other", "other", ""]  # the fourth stands in one of them alone


def test_another_day_or_nobody_in_particular_is_another_refusal() -> None:
    seen = Repeats()
    assert not seen.again(_one(), "log", "1")
    assert not seen.again(_one(at=1000.0 + 2 * repeats.APART), "mail", "2")
    assert not seen.again(_one(""), "log", "3")
    assert not seen.again(_one(""), "mail", "4")
    assert not seen.again(_one("", at=None), "text")
    assert not seen.again(_one("", at=None), "text")


def test_what_arrives_after_all_is_known_once() -> None:
    seen = Repeats()
    seen.again(_one(code="451"), "log", "3AB4C")
    assert seen.refused("A@x.example", "3AB4C")
    assert not seen.refused("A@x.example", "3AB4C")
    assert not seen.refused("b@x.example", "3AB4C")


def test_no_more_is_remembered_than_was_said() -> None:
    seen = Repeats()
    for number in range(repeats.KEPT + 100):
        seen.again(_one(f"p{number}@x.example"), "log", f"{number}")
    for _ in range(1000):
        seen.again(_one("same@x.example"), "text")
    kept = (seen._same, seen._refused, seen._told)
    assert all(len(one) <= repeats.KEPT for one in kept)
    assert all(len(one) <= repeats.EACH for one in seen._told.values())
