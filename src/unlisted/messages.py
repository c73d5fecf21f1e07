"""The vocabulary on one page: what can happen (events), what is decided (commands), and their nouns.

All are frozen values. Times are Unix seconds, UTC. Absent is None or "", never a magic number.
`at` is when the thing happened in the world, not when we read it.
"""

from typing import TypeAlias

from msgspec import Struct

from unlisted.net import Address

MOMENT = 60.0  # seconds: a clock that is off by more tells a period, not a moment


class Evidence(Struct, frozen=True, gc=False):
    """Where a fact was read, so that a person can look it up."""

    source: str  # file, or "nflog:5"
    line: int  # 1-based; 0 where the source has no lines
    text: str  # the line as it stood, untrusted; "" until quoted


# ---- nouns ----------------------------------------------------------------------------------------


class Device(Struct, frozen=True, gc=False):
    """A machine inside: what is known of it at one moment."""

    address: Address | None
    mac: str = ""
    vendor: str = ""
    hostname: str = ""
    first_seen: float | None = None

    @property
    def key(self) -> str:
        """What identifies it: the MAC where known, else the address."""
        return self.mac or str(self.address)


class Suspect(Struct, frozen=True):
    """A device with the score that speaks against it. Score in nats, from `find/trip.py`."""

    device: Device
    verdict: str  # rogue, suspect, honest
    score: float
    attempts: int
    destinations: int
    flagged_at: float | None  # when the threshold was crossed
    flagged_after: int | None  # how many attempts that took
    role: str
    because: str
    evidence: tuple[Evidence, ...] = ()


class Decision(Struct, frozen=True):
    """Hold a device: what, why, until when, and how it is undone."""

    id: str
    device: Device
    reason: str
    by: str  # "policy" or the person
    made_at: float
    expires_at: float
    state: str  # proposed, applied, verified, failed, expired, released
    undo: str  # the command that takes it back
    applied_at: float | None = None  # None: it was never carried out
    refused: str = ""  # why the guard will not have it held
    waits: str = ""  # why it is not held at once, though it may be


class Cause(Struct, frozen=True, gc=False):
    """One explanation of why we are listed, 0 <= probability <= 1."""

    cause: str
    probability: float
    because: str


class Step(Struct, frozen=True, gc=False):
    """What to do next: a command to type and the information it is expected to bring (bits)."""

    step: str
    command: str
    gain: float


# ---- events: what happened ------------------------------------------------------------------------


class Attempt(Struct, frozen=True, gc=False, tag="attempt", tag_field="kind"):
    """One outbound connection attempt to a mail port."""

    at: float
    src: Address  # inside address, before NAT
    dst: Address
    dport: int  # 25, 465, 587
    sport: int = 0
    mac: str = ""  # "" when the source cannot know it
    action: str = ""  # "", pass, block, held
    outcome: str = ""  # "", answered, refused, silent
    nat: Address | None = None  # the translated source
    nat_port: int = 0
    account: str = ""  # whose session it was, where the gateway knows its users
    seen: Evidence | None = None
    local: bool = False  # the machine that logs it sent it itself: it came in by no interface


class Contact(Struct, frozen=True, gc=False, tag="contact", tag_field="kind"):
    """Somebody spoke to somebody: a connection that is no attempt on a mail port. Fields as Attempt's.

    Nobody is accused of it; it answers who had a translated port, and who spoke to an address.
    """

    at: float
    src: Address  # who opened it, before NAT
    dst: Address
    dport: int = 0  # 0: the protocol has no ports, or the source does not say
    sport: int = 0
    protocol: str = "tcp"  # tcp, udp, icmp, … in lower case; "" unknown
    mac: str = ""
    action: str = ""  # "", pass, block, held
    outcome: str = ""
    nat: Address | None = None
    nat_port: int = 0
    account: str = ""
    end: float | None = None  # when it was last seen, where the source tells
    seen: Evidence | None = None


class Translation(Struct, frozen=True, gc=False, tag="translation", tag_field="kind"):
    """Inside addresses had outside ports for a while: a NAT's session, port block or map."""

    inside: Address
    outside: Address
    start: float | None = None  # None: the source does not say
    end: float | None = None
    inside_port: int = 0  # 0: all
    port: int = 0  # the first outside port; 0: all
    ports: int = 1  # how many from there
    protocol: str = ""  # "": any
    dst: Address | None = None  # None: whoever was spoken to
    dport: int = 0
    account: str = ""
    seen: Evidence | None = None


class Lease(Struct, frozen=True, gc=False, tag="lease", tag_field="kind"):
    """A device had an address: from a DHCP server, a neighbour table or an access point."""

    address: Address
    mac: str
    hostname: str = ""
    client_id: str = ""
    start: float | None = None  # None: the source does not say
    end: float | None = None
    fingerprint: str = ""  # DHCP parameter request list and vendor class: the system, not the device
    account: str = ""  # who logged on with it
    seen: Evidence | None = None


class Presence(Struct, frozen=True, gc=False, tag="presence", tag_field="kind"):
    """A device was on the network, its address unknown: an access point's or a switch's word."""

    mac: str
    start: float | None = None
    end: float | None = None
    hostname: str = ""
    account: str = ""  # the identity of 802.1X
    where: str = ""  # the access point, port or interface
    fingerprint: str = ""
    seen: Evidence | None = None


class Delivery(Struct, frozen=True, gc=False, tag="delivery", tag_field="kind"):
    """What our own mail server did with one recipient of one message."""

    at: float
    queue_id: str
    sender: str  # "" where another line of the log tells it
    recipient: str
    relay: str  # host[address]:port it was handed to
    status: str  # sent, deferred, bounced
    text: str  # the reply, untrusted
    seen: Evidence | None = None


class Submission(Struct, frozen=True, gc=False, tag="submission", tag_field="kind"):
    """One message that entered our mail server, or one line about it; the queue id joins them."""

    at: float
    queue_id: str
    client: Address | None
    account: str = ""  # SASL user
    script: str = ""  # who handed it in on the machine itself: "uid 33", a path
    sender: str = ""  # envelope sender, "<>" when it is empty; "" when this line does not say
    seen: Evidence | None = None


class Report(Struct, frozen=True, gc=False, tag="report", tag_field="kind"):
    """Somebody complains of us: an abuse report in any format. A stranger's word, all of it."""

    format: str  # arf, apple, jmrp, ses, spamcop, x-arf, xarf-3, xarf-4
    type: str  # feedback type, RFC 5965 §7.3
    category: str = ""  # XARF v4's category/type, "messaging/spam", where the report tells one
    reporter: str = ""
    source: Address | None = None  # the address complained of
    source_name: str = ""  # the domain or URL, where that is what is complained of
    source_from: str = ""  # stated by the reporter, or read from the received line of what he returned
    source_port: int = 0  # 0 where the report tells none
    at: float | None = None  # when it happened
    accuracy: float | None = None  # seconds by which `at` may be off; None: only a date near it is known
    since: float | None = None  # a period, where the report tells one
    until: float | None = None
    dst: Address | None = None
    dport: int = 0
    protocol: str = ""
    incidents: int = 1
    sender: str = ""  # the envelope sender complained of
    message_id: str = ""
    id: str = ""  # the reporter's own number for it
    url: str = ""  # where the reporter wants to be answered
    recipients: tuple[str, ...] = ()

    @property
    def precision(self) -> str:
        """What it narrows down to: connection, moment, period, address or nothing.

        RFC 6302: behind a shared address only a source port with a time to the second means one subscriber;
        all else is a set of candidates. A port below 1024 was no client's (RFC 6056 §3.2): it is the service
        that was attacked or that stands open, and tells nobody apart.
        """
        if self.source is None:
            return "nothing"
        if self.at is None or self.accuracy is None:
            return "address"
        if self.accuracy > MOMENT:
            return "period"
        ours = self.category.partition("/")[0] in ("", "messaging", "connection", "infrastructure")
        exact = self.accuracy <= 1 and self.source_port >= 1024 and ours
        return "connection" if exact else "moment"


class Sighting(Struct, frozen=True, gc=False):
    """What a list's own page shows of one address, as a person pasted it. Anybody can write such a text."""

    list: str  # key in data/lists.toml
    kind: str  # whose page, a module of notice/pages
    sublist: str = ""
    address: Address | None = None
    listed: bool | None = None  # None: what was pasted does not say
    at: float | None = None  # the last event that the page tells
    accuracy: float | None = None  # seconds by which `at` may be off
    since: float | None = None  # the window of that event, or the first and the last of several
    until: float | None = None
    incidents: int = 0  # 0 where the page tells no number
    source_port: int = 0  # 0 where the page tells none
    dst: Address | None = None  # who was spoken to: the sinkhole
    dport: int = 0
    protocol: str = ""  # tcp, udp
    malware: str = ""
    helo: str = ""
    host: str = ""  # the name that was looked up, the controller's
    message_id: str = ""
    subject: str = ""
    expires_at: float | None = None
    hours_left: float | None = None  # when the page was opened, and nobody knows when that was
    notes: tuple[str, ...] = ()  # what is odd about it, for people
    quote: str = ""  # the span that convinced us, on one line


class Refusal(Struct, frozen=True, gc=False, tag="refusal", tag_field="kind"):
    """A receiving server turned us away, and what its words mean. Fields as `explain --json` promises."""

    source: str
    recipient: str = ""
    remote_mta: str = ""
    code: str = ""  # SMTP reply code, "550"
    status: str = ""  # RFC 3463 enhanced status, "5.7.1"
    reason: str = ""  # Sisimai's published vocabulary
    hard: bool = False
    feedback_type: str = ""  # RFC 5965 §3.1, for a report
    verdict: str = "undecided"
    list: str = ""  # key in data/lists.toml
    sublist: str = ""
    also: tuple[str, ...] = ()  # other lists that the same words name
    vendor: str = ""
    cited_ip: Address | None = None
    url: str = ""
    rule: str = ""  # key in data/refusals.toml
    quote: str = ""  # the span that the rule matched
    at: float | None = None
    text: str = ""  # the reply, untrusted
    report: Report | None = None  # the whole report, for reason "feedback"
    sighting: Sighting | None = None  # no refusal but a list's page that says what it saw


class Listing(Struct, frozen=True, tag="listing", tag_field="kind"):
    """One list's answer about one address, three-valued. Fields as `check --json` promises."""

    address: str  # an address or, for a domain list, a name
    list: str
    zone: str
    state: str  # listed, clear, unknown
    codes: tuple[str, ...] = ()
    meaning: str = ""
    reason: str = ""  # the list's TXT, untrusted
    why: str = ""  # why unknown
    scope: str = ""  # address, range, domain, policy
    removal: str = ""
    weight: float = 0.0  # 0..1, how widely receivers use the list
    at: float | None = None


class Applied(Struct, frozen=True, tag="applied", tag_field="kind"):
    """The edge carried out, or failed to carry out, a Hold or a Release."""

    at: float
    decision: str
    ok: bool
    detail: str = ""


class Tick(Struct, frozen=True, gc=False, tag="tick", tag_field="kind"):
    """Time passed. The only way in which the engine learns of it."""

    at: float


Event: TypeAlias = Attempt | Lease | Delivery | Submission | Report | Refusal | Listing | Applied | Tick


# ---- commands: what is to be done -----------------------------------------------------------------


class Hold(Struct, frozen=True, tag="hold", tag_field="kind"):
    """Take a device off the mail ports (scope of the enforcer) until the decision expires."""

    decision: Decision


class Release(Struct, frozen=True, tag="release", tag_field="kind"):
    """Undo a hold."""

    decision: Decision
    why: str  # expired, released by …


class Propose(Struct, frozen=True, tag="propose", tag_field="kind"):
    """A hold that policy leaves to a person, or that the guard refused (`decision.refused`)."""

    decision: Decision


class Name(Struct, frozen=True, tag="name", tag_field="kind"):
    """Tell everyone: this is the device."""

    suspect: Suspect


class Say(Struct, frozen=True, gc=False, tag="say", tag_field="kind"):
    """One line for the person who watches."""

    at: float
    text: str
    about: str = ""  # device key, list, decision id


class Save(Struct, frozen=True, tag="save", tag_field="kind"):
    """Put a decision's new state into the store and the audit log."""

    at: float
    decision: Decision


Command: TypeAlias = Hold | Release | Propose | Name | Say | Save
