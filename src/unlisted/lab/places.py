"""Who is where in the lab: names and addresses, all from the documentation and test ranges.

    192.168.50.0/24   the office (RFC 1918)
    203.0.113.0/24    the line: the office's public address .5, the provider's router .1 (RFC 5737)
    198.51.100.0/24   the provider's mail relay .25
    192.0.2.0/24      the internet's DNS and receiving mail servers
    198.18.0.0/15     everyone else: the rogue's targets (RFC 2544); the upper quarter never answers

The lists and filters carry their real names: whoever reads the bounces or runs a check sees what the
owner of such an address sees. The names lead nowhere but into the lab.
"""

from msgspec import Struct

PUBLIC = "203.0.113.5"
ROUTER = "203.0.113.1"
LAN = "192.168.50.0/24"
GATEWAY = "192.168.50.1"  # also the office's resolver
MAIL = "192.168.50.10"
ISP = "198.51.100.25"
ISP_ROUTER = "198.51.100.1"
DNS = "192.0.2.53"
CROWD = ("198.18.0.0/16", "198.19.0.0/17")  # answer on every address
SILENT = "198.19.128.0/17"

OFFICE_DOMAIN = "office.example"
MAIL_NAME = f"mail.{OFFICE_DOMAIN}"
ISP_NAME = "smtp.isp.example"
USERS = ("anna", "ben", "carla", "dmitri")
TRAP_DOMAINS = ("parked-shop.example", "old-forum.example", "never-used.example")

LOG_GROUP = 26  # NFLOG group of the lab's own logging rule; group 25 is the product's


class Receiver(Struct, frozen=True):
    """One receiving mail server: whose words it speaks and which lists it asks."""

    address: str
    host: str
    persona: str  # key in personas.PERSONAS
    domains: tuple[str, ...]
    zones: tuple[str, ...] = ()


RECEIVERS = (
    Receiver(
        "192.0.2.20",
        "cluster5.eu.messagelabs.com",
        "messagelabs",
        ("harper-lane.example", "kestrel-legal.example"),
        ("zen.spamhaus.org", "bl.spamcop.net"),
    ),
    Receiver(
        "192.0.2.21",
        "cluster5a.eu.messagelabs.com",
        "messagelabs-policy",
        ("northgate-print.example",),
        ("zen.spamhaus.org", "bl.spamcop.net"),
    ),
    Receiver(
        "192.0.2.30",
        "d104512a.ess.barracudanetworks.com",
        "barracuda",
        ("brightwater.example",),
        ("b.barracudacentral.org",),
    ),
    Receiver("192.0.2.40", "mx.oldmill.example", "postfix", ("oldmill.example",), ("zen.spamhaus.org",)),
    Receiver(
        "192.0.2.50",
        "fernhill-example.mail.protection.outlook.com",
        "microsoft",
        ("fernhill.example",),
        ("zen.spamhaus.org",),
    ),
    Receiver("192.0.2.60", "mx.customers.example", "open", ("customers.example", "friends.example")),
    Receiver("192.0.2.61", "mx1.newsdesk.example", "open", ("newsdesk.example",)),
)

# The office's server delivers to these itself, not through the provider: their filters see our address.
PARTNERS = tuple(domain for receiver in RECEIVERS if receiver.zones for domain in receiver.domains)


class Plan(Struct, frozen=True):
    """One office machine as it stands on its owner's desk."""

    name: str
    hostname: str
    mac: str
    system: str  # key in SYSTEMS
    user: str
    files: dict[str, str]


class System(Struct, frozen=True):
    """How an operating system asks for a lease: vendor class (option 60) and parameter list (option 55)."""

    vendor_class: str
    parameters: tuple[int, ...]


# Parameter lists of such systems, from memory and only for looks; udhcpc sends them in rising order.
SYSTEMS = {
    "windows": System("MSFT 5.0", (1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)),
    "mac": System("", (1, 3, 6, 15, 108, 114, 119, 121, 252)),
    "copier": System("", (1, 3, 6, 12, 15, 44, 46, 47)),
}

MACHINES = (
    Plan(
        "front-desk",
        "FRONTDESK-PC",
        "18:66:da:3b:40:7c",  # Dell
        "windows",
        "anna",
        {"Documents/visitors.txt": "Mon 09:00 courier\nMon 11:30 Mr Okafor\n"},
    ),
    Plan(
        "accounts",
        "ACCOUNTS-PC",
        "3c:52:82:6a:11:d9",  # HP
        "windows",
        "ben",
        {"Documents/ledger.csv": "date,amount\n2026-11-02,118.20\n2026-11-09,64.00\n"},
    ),
    Plan(
        "copier",
        "RNP002673A41B5E",  # Ricoh's devices name themselves after their MAC
        "00:26:73:a4:1b:5e",  # Ricoh
        "copier",
        "carla",
        {"scans/0001.txt": "scan-to-mail spool\n"},
    ),
    Plan(
        "developer",
        "Dmitris-MacBook-Pro",
        "3c:22:fb:90:52:18",  # Apple
        "mac",
        "dmitri",
        {"src/hello.c": "int main(void) { return 0; }\n", "notes.txt": "rotate the keys on Friday\n"},
    ),
)

LAPTOP = Plan(
    "laptop",
    "LT-0417",
    "8c:16:45:5d:0e:92",  # LCFC, who make Lenovo's laptops
    "windows",
    "visitor",
    {"Documents/slides.txt": "Q3 review\n"},
)

MAIL_MAC = "ac:1f:6b:04:77:20"  # Super Micro
GATEWAY_MAC = "24:a4:3c:8e:01:10"  # Ubiquiti


def submission_servers() -> list[tuple[str, str]]:
    """Names and addresses of the submission servers that an Emotet-like rogue resolves first.

    Every fourth stands in the silent quarter: about 26 % of Emotet's first contacts got no answer.
    """
    found = []
    for number in range(240):
        second, third = (19, 128 + number // 2) if number % 4 == 3 else (18, 7 + number)
        found.append((f"smtp.host{number:03d}.example", f"198.{second}.{third}.{20 + number % 200}"))
    return found
