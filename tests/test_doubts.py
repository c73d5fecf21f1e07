"""Addresses that may not belong to whom they seem to belong to."""

from ipaddress import ip_address

from test_rank import MAC, attempt, burst, judge, named
from unlisted.find.who import Who
from unlisted.messages import Lease

OTHER = "00:1b:63:00:00:01"


def office(*, count: int = 5, start: float | None = 10.0) -> Who:
    """A network whose machines are known."""
    who = Who()
    for n in range(count):
        who.add(Lease(ip_address(f"192.168.50.{n + 20}"), f"3c:5a:b4:00:00:{n:02x}", f"pc{n}", start=start))
    return who


def test_an_address_that_nobody_knows_is_shown_as_such_and_is_nobodys() -> None:
    found = judge(burst(), office())
    [one] = found.suspects
    assert (one.verdict, one.device.mac, one.flagged_after) == ("suspect", "", 3)
    assert "No lease or neighbor knows 192.168.50.9, though 5 others of its network are known" in one.because
    assert "forged" in one.because
    assert "1 address that no lease or neighbor knows: 192.168.50.9" in found.notes


def test_neighbors_without_dates_know_as_well() -> None:
    assert judge(burst(), office(start=None)).suspects[0].verdict == "suspect"


def test_without_leases_of_that_network_and_time_nothing_is_doubted() -> None:
    for who in (Who(), office(count=2), office(start=5000.0)):
        [one] = judge(burst(), who).suspects
        assert (one.verdict, "lease" in one.because) == ("rogue", False)
    elsewhere = judge(burst("192.168.51.9"), office())
    assert named(elsewhere) == ["192.168.51.9"]
    assert elsewhere.suspects[0].verdict == "rogue"


def test_who_is_answered_is_there_and_whose_mac_is_seen_is_known() -> None:
    [one] = judge(burst(outcome="answered"), office()).suspects
    assert one.verdict == "rogue"
    assert "it was answered, so somebody really has it" in one.because
    [one] = judge(burst(mac=MAC), office()).suspects
    assert (one.verdict, one.device.mac) == ("rogue", MAC)


def test_many_forged_sources_are_counted() -> None:
    forged = [attempt(200.0 + n, "198.51.100.7", f"192.168.50.{n + 100}") for n in range(30)]
    found = judge([*burst("192.168.50.20"), *forged], office())
    assert named(found) == ["3c:5a:b4:00:00:00"]
    assert [note for note in found.notes if note.startswith("30 addresses that no lease or neighbor knows")]


def test_the_owner_of_a_forged_address_is_not_meant() -> None:
    """A MAC that is not the lease's uses the address: it is named, the lease's holder is not."""
    found = judge(burst("192.168.50.20", mac=MAC), office())
    [one] = found.suspects
    assert (one.device.mac, one.device.hostname) == (MAC, "")
    assert "The lease of 192.168.50.20 was 3c:5a:b4:00:00:00's then" in one.because
    assert "1 address used by another MAC than their lease's: 192.168.50.20" in found.notes


def test_two_machines_with_one_address_are_two_and_said() -> None:
    quiet = [attempt(100.0 + n, "203.0.113.25", mac=OTHER) for n in range(3)]
    found = judge([*burst(mac=MAC, start=101.0), *quiet])
    assert named(found) == [MAC]
    assert any("192.168.50.9 by" in note and MAC in note and OTHER in note for note in found.notes)
    apart = judge([*burst(mac=MAC, start=900.0), *quiet])
    assert not any("two MACs" in note for note in apart.notes)


def test_a_lease_that_contradicts_the_neighbors_is_counted_and_said() -> None:
    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, start=10.0))
    who.add(Lease(ip_address("192.168.50.9"), OTHER))
    found = judge(burst(), who)
    [one] = found.suspects
    assert one.device.mac == MAC
    assert f"The leases give 192.168.50.9 to {MAC}, the neighbor table to {OTHER}" in one.because
    assert any("contradict each other" in note for note in found.notes)
    who.add(Lease(ip_address("192.168.50.9"), MAC))
    assert not any("contradict" in note for note in judge(burst(), who).notes)


def test_a_lease_file_of_today_does_not_know_who_was_here_last_month() -> None:
    """Of dnsmasq's leases only the end is told."""
    for days, verdict in ((1, "suspect"), (30, "rogue")):
        who = Who()
        for n in range(5):
            end = 100.0 + days * 86_400
            who.add(Lease(ip_address(f"192.168.50.{n + 20}"), f"3c:5a:b4:00:00:{n:02x}", end=end))
        assert judge(burst(), who).suspects[0].verdict == verdict
