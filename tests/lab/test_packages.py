"""Installing the lab's packages: nothing is started, nothing starts at the next boot, no policy stays.

In a mount namespace with made-up apt, dpkg, systemctl and update-rc.d; this machine's files are not touched.
"""

import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ready")]

ROOT = Path(__file__).resolve().parents[2]
POLICY = "/usr/sbin/policy-rc.d"

# What apt does here: a service appears, and it is said whether the policy would have held it back.
APT = """#!/bin/sh
[ "$1" = install ] || exit 0
[ -x /usr/sbin/policy-rc.d ] && { /usr/sbin/policy-rc.d; echo "policy $?" >>"$SAID"; }
: >/lib/systemd/system/postfix.service
: >/etc/init.d/postfix
[ -z "$BREAK" ] || kill -"$BREAK" $PPID
exit "$CODE"
"""
TELL = '#!/bin/sh\necho "${0##*/} $*" >>"$SAID"\n'


def install(
    tmp_path: Path, *, code: int = 0, signal: str = "", policy: str = ""
) -> tuple[int, list[str], str]:
    """Exit code, what was said to the tools, and the policy that is left."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {
        "apt-get": APT,
        "dpkg-query": "#!/bin/sh\nexit 1\n",
        "systemctl": TELL,
        "update-rc.d": TELL,
    }.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    said, left, given = tmp_path / "said", tmp_path / "left", tmp_path / "given"
    said.write_text("")
    given.write_text(policy)
    script = f"""
    for place in /usr/sbin /lib/systemd/system /etc/init.d; do mount -t tmpfs none $place; done
    : >/lib/systemd/system/ssh.service
    if [ -s {given} ]; then cp {given} {POLICY}; chmod 755 {POLICY}; fi
    sh tools/packages.sh; code=$?
    [ ! -e {POLICY} ] || cp {POLICY} {left}
    exit $code
    """
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        cwd=ROOT,
        env={
            "PATH": f"{tools}:/usr/bin:/bin",
            "SAID": str(said),
            "CODE": str(code),
            "BREAK": signal,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, said.read_text().splitlines(), left.read_text() if left.exists() else ""


OFF = ["policy 101", "systemctl disable --quiet postfix.service", "update-rc.d postfix disable"]


@pytest.mark.parametrize(("code", "signal"), [(0, ""), (100, ""), (0, "INT"), (0, "TERM"), (0, "HUP")])
def test_however_it_ends_nothing_of_it_stays_on(tmp_path: Path, code: int, signal: str) -> None:
    ended, said, left = install(tmp_path, code=code, signal=signal)
    assert (ended == 0) == (not code and not signal)
    assert said == OFF
    assert left == ""


def test_a_policy_that_a_killed_run_left_behind_goes(tmp_path: Path) -> None:
    _, _, left = install(tmp_path, signal="KILL")
    assert "unlisted" in left
    again = tmp_path / "again"
    again.mkdir()
    ended, said, after = install(again, policy=left)
    assert (ended, said, after) == (0, OFF, "")


def test_a_policy_of_somebody_else_stays(tmp_path: Path) -> None:
    theirs = "#!/bin/sh\nexit 101\n"
    assert install(tmp_path, policy=theirs) == (0, OFF, theirs)
