"""Hosts that could not be connected to. One is its own trouble; all of them are ours: port 25 is shut.

Providers and firewalls that shut outgoing port 25 drop what goes there, or refuse it in the other's name.
"""

import re

from unlisted import net
from unlisted.messages import Refusal
from unlisted.notice.together import domain

LEAST = 3  # different networks or domains; two may fail on one evening
KEPT = 1000  # that are told apart

# Postfix, Exim, Sendmail, qmail, Exchange and OpenSMTPD of a connection that never came about.
_NEVER = re.compile(
    r"connect(?:ion)?\b[^;\n]{0,90}\b(?:timed out|refused)|unable to connect|"
    r"(?:could not|cannot|failed to) connect|able to establish an smtp connection|no route to host",
    re.IGNORECASE,
)
# What these say of one that did.
_CAME_ABOUT = re.compile(
    r"conversation with|lost connection|while (?:receiving|sending|connected)|"
    r"after (?:initial|end|mail|rcpt|data)",
    re.IGNORECASE,
)
_TO = re.compile(r"\bconnect(?:ion|ing)? to ([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})", re.IGNORECASE)
_PLACE = re.compile(r"\[([0-9a-fA-F.:]{2,45})\](?::([0-9]{1,5})\b)?")


class Unreached:
    """Counts the places that a mail could not be handed to, until anybody has answered."""

    def __init__(self) -> None:
        self.answered = False  # a server spoke to us, or took a message
        self._places: set[str] = set()

    def add(self, one: Refusal) -> None:
        """Look at one refusal."""
        if never(one):
            if len(self._places) < KEPT and (place := _place(one)):
                self._places.add(place)
        elif one.code or _CAME_ABOUT.search(one.text):
            self.answered = True

    @property
    def shut(self) -> int:
        """How many places did not answer, where they are many and nobody else did; else 0."""
        return len(self._places) if len(self._places) >= LEAST and not self.answered else 0


def never(one: Refusal) -> bool:
    """True when no connection came about: no server said anything, neither yes nor no."""
    if one.reason not in ("expired", "networkerror") or one.code.startswith(("2", "5")):
        return False
    text = one.text.replace("_", " ")  # qmail's log
    port = next((found[2] for found in _PLACE.finditer(text) if found[2]), "25")
    met = one.status[1:] == ".4.2" or _CAME_ABOUT.search(text)  # RFC 3463: there was one, and it broke
    return port == "25" and not met and bool(_NEVER.search(text))


def _place(one: Refusal) -> str:
    """The network of the host where its address is told, else its name, else whose mail it takes.

    "" for one inside: what keeps us from him is no provider.
    """
    for text in (one.text, one.remote_mta):
        found = _PLACE.search(text)
        address = net.ip(found[1]) if found else None
        if address is not None and net.inside(address):
            return ""
        if address is not None:
            bits = 8 if address.version == 4 else 80  # /24 and /48: the hosts of one house
            return f"{address.version}:{int(address) >> bits}"
    named = _TO.search(one.text)
    host = named[1] if named else one.remote_mta
    return host.lower() if "." in host else domain(one.recipient)
