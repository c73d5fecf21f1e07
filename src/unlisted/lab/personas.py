"""The words in which the internet's receivers refuse, after their vendors."""

from msgspec import Struct


class Persona(Struct, frozen=True):
    """A vendor's words: when in the dialogue they fall, and what they say.

    {ip} is the client, {zone} the list that has it.
    """

    stage: str  # connect, mail, rcpt, data
    words: str
    source: str


PERSONAS = {
    "messagelabs": Persona(
        "rcpt",
        "553-Sorry, your IP address ({ip}) has been blocked.\r\n"
        "553 Please visit www.messagelabs.com/support for more details about this error message.",
        "knowledge.broadcom.com/external/article/173082; multi-line as its filter's other 553",
    ),
    "messagelabs-policy": Persona(
        "connect",
        "501 Connection rejected by policy [7.7] 38403, please visit www.messagelabs.com/support "
        "for more details about this error message.",
        "knowledge.broadcom.com/external/article/164955",
    ),
    "barracuda": Persona(
        "rcpt",
        "554 5.7.1 Service unavailable; Client host [{ip}] blocked using Barracuda Reputation; "
        "https://www.barracudanetworks.com/reputation/?pr=1&ip={ip}",
        "barracudacentral.org/rbl, as Barracuda's appliances word it",
    ),
    "postfix": Persona(
        "rcpt",
        "554 5.7.1 Service unavailable; Client host [{ip}] blocked using {zone}; "
        "https://www.spamhaus.org/query/ip/{ip}",
        "postconf(5) default_rbl_reply",
    ),
    "microsoft": Persona(
        "rcpt",
        "550 5.7.1 Service unavailable, Client host [{ip}] blocked using Spamhaus. To request removal from "
        "this list see https://www.spamhaus.org/query/ip/{ip} (AS16012611)",
        "learn.microsoft.com, non-delivery report 5.7.1",
    ),
    "open": Persona("rcpt", "", "accepts everything"),
}
