"""Two real Postfix: the office's mail server and the provider's relay.

    office machines --25--> mail.office.example --25--> smtp.isp.example --MX--> everybody
                                   `--MX--> business partners (their filters see our address)

Each has its configuration, queue and data in the lab's folder, laid over /etc/postfix, /var/spool/postfix
and /var/lib/postfix in its own mount namespace: the machine's Postfix, if it runs one, is never touched.
`master` is started directly: `postfix start` spends a second on mending permissions.
"""

import shutil
import subprocess
from pathlib import Path

from unlisted.lab import places
from unlisted.lab.host import Host

_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush"),
    *("hold", "incoming", "private", "saved", "trace"),
)

_MASTER = """
smtp      inet  n  -  n  -  -  smtpd
pickup    unix  n  -  n  60  1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
verify    unix  -  -  n  -  1  verify
flush     unix  n  -  n  1000?  0  flush
proxymap  unix  -  -  n  -  -  proxymap
smtp      unix  -  -  n  -  -  smtp
relay     unix  -  -  n  -  -  smtp
showq     unix  n  -  n  -  -  showq
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
virtual   unix  -  n  n  -  -  virtual
anvil     unix  -  -  n  -  1  anvil
scache    unix  -  -  n  -  1  scache
postlog   unix-dgram n  -  n  -  1  postlogd
"""

_COMMON = """
compatibility_level = 3.6
inet_interfaces = all
inet_protocols = ipv4
mydestination =
local_transport = error:no local users
local_recipient_maps =
alias_maps =
alias_database =
smtputf8_enable = no
notify_classes =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
# A filter that refuses at its greeting means this sender: tell him now, not in five days.
smtp_skip_5xx_greeting = no
smtp_connect_timeout = 5s
smtp_helo_timeout = 10s
minimal_backoff_time = 10s
maximal_backoff_time = 60s
queue_run_delay = 10s
"""


class Server:
    """One Postfix: the folder that it lives in, and what has to lie over the system's own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.log = folder / "mail.log"
        self.maildirs = folder / "maildirs"
        self.etc, self.spool, self.lib = folder / "etc", folder / "spool", folder / "lib"
        self.process: subprocess.Popen[bytes] | None = None

    def binds(self) -> dict[Path, str]:
        """Private folder -> path that it covers."""
        return {self.etc: "/etc/postfix", self.spool: "/var/spool/postfix", self.lib: "/var/lib/postfix"}

    def prepare(self, settings: str, tables: dict[str, str]) -> None:
        """Write configuration and an empty queue."""
        for path in (self.etc, self.spool, self.lib, self.maildirs):
            path.mkdir(parents=True)
        shutil.chown(self.lib, "postfix", "root")
        for name in _QUEUES:
            (self.spool / name).mkdir(mode=0o700)
            shutil.chown(self.spool / name, "postfix", "root")
        (self.spool / "pid").mkdir()
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            (self.spool / name).mkdir()
            shutil.chown(self.spool / name, "postfix", "postdrop")
            (self.spool / name).chmod(mode)
        shutil.chown(self.maildirs, "nobody", "nogroup")
        main = [_COMMON, f"myhostname = {self.name}", f"maillog_file = {self.log}"]
        main += [f"maillog_file_prefixes = {self.folder}", settings]
        (self.etc / "main.cf").write_text("\n".join(main))
        (self.etc / "master.cf").write_text(_MASTER)
        for name, text in tables.items():
            (self.etc / name).write_text(text)

    def start(self, host: Host) -> None:
        """Start it; `ready` says when it answers."""
        where = host.run(["postconf", "-h", "daemon_directory"], check=True).stdout.strip()
        self.process = host.spawn([f"{where}/master", "-d"], name="postfix")

    def said(self) -> str:
        """The last of its log."""
        return self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""


def office(folder: Path) -> Server:
    """The office's server: local Maildirs, partners directly, all the rest through the provider."""
    server = Server(folder, places.MAIL_NAME)
    server.prepare(
        f"""
mynetworks = 127.0.0.0/8, {places.LAN}
relayhost = [{places.ISP_NAME}]
transport_maps = texthash:/etc/postfix/transport
virtual_mailbox_domains = {places.OFFICE_DOMAIN}
virtual_mailbox_base = {server.maildirs}
virtual_mailbox_maps = texthash:/etc/postfix/users
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
""",
        {
            "transport": "".join(f"{domain} smtp:\n" for domain in places.PARTNERS),
            "users": "".join(
                f"{user}@{places.OFFICE_DOMAIN} {user}/\n" for user in (*places.USERS, "postmaster")
            ),
        },
    )
    return server


def provider(folder: Path) -> Server:
    """The provider's relay: takes mail from its customer's line, looks up everybody's MX."""
    server = Server(folder, places.ISP_NAME)
    server.prepare(f"mynetworks = 127.0.0.0/8, {places.PUBLIC}/32\nrelayhost =\n", {})
    return server
