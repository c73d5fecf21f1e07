"""JSON and back: addresses survive, nonsense is named."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import codec, net
from unlisted.messages import Attempt, Event


@given(st.ip_addresses(), st.ip_addresses(), st.sampled_from(net.MAIL_PORTS), st.text(max_size=20))
def test_round_trip(src: net.Address, dst: net.Address, port: int, mac: str) -> None:
    # IPv4 mapped into IPv6 comes back as the IPv4 address that it is.
    attempt = Attempt(1.5, net.ip(str(src)) or src, net.ip(str(dst)) or dst, port, mac=mac)
    assert codec.decode(codec.encode(attempt), Event) == attempt  # type: ignore[arg-type]


def test_a_wrong_address_is_named_with_its_path() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"'1.2.3' is not an IP address.*\$.src"):
        codec.decode('{"kind":"attempt","at":1,"src":"1.2.3","dst":"192.0.2.1","dport":25}', Attempt)


def test_half_a_utf_16_pair_is_still_json() -> None:
    # A file's name that is no UTF-8, and a stranger's text: one of them must not end the whole answer.
    made = codec.encode({"source": "bounce\udcff.eml", "\ud800": ["\ud83d\ude00", 1, None]})
    assert codec.decode(made, dict) == {"source": "bounce\ufffd.eml", "\ufffd": ["\U0001f600", 1, None]}
