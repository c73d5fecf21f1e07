"""The office's gateway: NAT and logging by nftables, DHCP and DNS by dnsmasq, the log by ulogd2.

    office machines --lan0 (bridge)-- [ nftables: NAT | dnsmasq | ulogd2 ] --wan0-- the line

The standing rule and the holds are not here: they are the product's, in its own table. Ours logs at an
earlier priority, so it sees what that rule then drops. A `log` statement cannot reach the kernel's ring
from a namespace (net.netfilter.nf_log_all_netns), so it goes to an NFLOG group, and ulogd2's LOGEMU writes
the line as netfilter would.
"""

import subprocess
from pathlib import Path

from unlisted.errors import UnlistedError
from unlisted.lab import places
from unlisted.lab.host import Host

RULES = f"""
table ip office {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan0" ip saddr {places.LAN} snat to {places.PUBLIC}
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "lan0" oifname "wan0" accept
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "wan0" ct state new drop
  }}
}}
"""

# Where br_netfilter is loaded, what only crosses the bridge would pass the forward hook as well.
_SWITCHES = """
echo 1 >/proc/sys/net/ipv4/ip_forward
bridged=/proc/sys/net/bridge/bridge-nf-call-iptables
[ ! -e $bridged ] || echo 0 >$bridged
"""

LOGGING = f"""
table inet lablog {{
  chain forward {{
    type filter hook forward priority -20; policy accept;
    iifname "lan0" oifname "wan0" tcp dport {{ 25, 465, 587 }} tcp flags & (fin|syn|rst|ack) == syn \
      log prefix "MAIL-OUT" group {places.LOG_GROUP} snaplen 128 queue-threshold 1
  }}
}}
"""

# ulogd.conf: from the packet to the line, each step one plugin.
_STACK = "log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,mac2str1:HWHDR,print1:PRINTPKT,emu1:LOGEMU"
_PLUGINS = (
    *("inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "filter_HWHDR"),
    *("filter_PRINTPKT", "output_LOGEMU"),
)


def route(gateway: Host) -> None:
    """Forward, translate, drop what comes in unasked."""
    gateway.run(["sh", "-c", _SWITCHES], check=True)
    gateway.run(["nft", "-f", "-"], stdin=RULES, check=True)


def serve(gateway: Host, leases: Path, log: Path) -> subprocess.Popen[bytes]:
    """DHCP for the LAN, DNS by way of the internet's resolver."""
    leases.touch()
    return gateway.spawn(
        [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
            "--pid-file=",
            "--interface=lan0",
            "--bind-interfaces",
            "--no-hosts",
            "--no-resolv",
            f"--server={places.DNS}",
            "--cache-size=0",  # list time runs thousands of times faster than a cache forgets
            "--dns-forward-max=1000",
            f"--domain={places.OFFICE_DOMAIN}",
            "--dhcp-range=192.168.50.100,192.168.50.199,12h",
            f"--dhcp-option=option:dns-server,{places.GATEWAY}",
            "--dhcp-authoritative",
            "--no-ping",  # else three seconds are spent on asking whether an address is free
            "--log-dhcp",
            f"--log-facility={log}",
            f"--dhcp-leasefile={leases}",
        ],
        name="dnsmasq",
    )


def _plugins() -> list[Path]:
    """ulogd2's plugins, wherever the distribution keeps them."""
    for folder in (*Path("/usr/lib").glob("*/ulogd"), Path("/usr/lib/ulogd"), Path("/usr/lib64/ulogd")):
        found = [folder / f"ulogd_{name}.so" for name in _PLUGINS]
        if all(path.exists() for path in found):
            return found
    raise UnlistedError("ulogd2's plugins were not found under /usr/lib", remedy="apt-get install ulogd2")


def log_mail_ports(gateway: Host, log: Path) -> subprocess.Popen[bytes]:
    """Log each new outgoing connection to a mail port; returns ulogd, which must be given a moment."""
    conf = gateway.folder / "ulogd.conf"
    lines = ["[global]", "logfile=stdout", "loglevel=3", *(f'plugin="{path}"' for path in _plugins())]
    lines += [f"stack={_STACK}", "[log1]", f"group={places.LOG_GROUP}", "[emu1]", f'file="{log}"', "sync=1"]
    conf.write_text("\n".join(lines) + "\n")
    ulogd = gateway.spawn(["ulogd", "--configfile", str(conf)], name="ulogd")

    def listens() -> bool:
        groups = gateway.run(["cat", "/proc/net/netfilter/nfnetlink_log"]).stdout
        return any(line.split()[:1] == [str(places.LOG_GROUP)] for line in groups.splitlines())

    gateway.wait("ulogd", listens, process=ulogd)
    gateway.run(["nft", "-f", "-"], stdin=LOGGING, check=True)
    return ulogd
