#!/bin/sh
# Installs the Debian packages that the lab drives; without root or apt it lists what is missing.
# Nothing is started or enabled on this machine: the lab runs its own copies in network namespaces.
set -eu
list=src/unlisted/lab/packages.txt
wanted=$(sed 's/#.*//' "$list" | tr -s ' \n' '\n' | sed '/^$/d')
missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "for the real lab these Debian packages are missing:$missing"
    echo "  as root: apt-get install$missing   (without them the story is played simulated)"
    exit 0
fi
echo "installing for the lab:$missing"
policy=/usr/sbin/policy-rc.d
ours=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=yes
fi
trap '[ -z "$ours" ] || rm -f "$policy"' EXIT INT TERM
before=$(ls /lib/systemd/system 2>/dev/null || true)
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    for unit in $(ls /lib/systemd/system); do
        echo "$before" | grep -qxF "$unit" || systemctl disable --quiet "$unit" 2>/dev/null || true
    done
fi
