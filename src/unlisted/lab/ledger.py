"""What the internet's receivers write down: each message, refusal and trap hit a line of JSON."""

from msgspec import Struct


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the ledger."""

    at: float
    event: str  # delivered, refused, trapped
    server: str
    client: str
    helo: str = ""
    sender: str = ""
    recipient: str = ""
    said: str = ""
    subject: str = ""
