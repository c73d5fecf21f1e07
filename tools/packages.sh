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
mark='# unlisted: nothing is started while the lab is installed; may be deleted'
units=/lib/systemd/system
scripts=/etc/init.d
before=$(ls "$units" "$scripts" 2>/dev/null || true)

# Whatever ends this script: what came with the packages stays off at the next boot too, and the
# policy goes. One that an earlier, killed run left behind has our mark and goes as well.
finish() {
    code=$?
    trap - EXIT
    for unit in $(ls "$units" 2>/dev/null); do
        case $unit in *.service | *.socket | *.timer | *.path) ;; *) continue ;; esac
        echo "$before" | grep -qxF "$unit" || systemctl disable --quiet "$unit" >/dev/null 2>&1 || true
    done
    for script in $(ls "$scripts" 2>/dev/null); do
        echo "$before" | grep -qxF "$script" || update-rc.d "$script" disable >/dev/null 2>&1 || true
    done
    if grep -qsxF "$mark" "$policy"; then rm -f "$policy"; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
