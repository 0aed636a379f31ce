#!/bin/sh
# settings: root delegated
# The program starts in the machine, on pure cgroup v2, and judges a shipped profile.
set -eu

test "$(cut -d: -f1 /proc/self/cgroup)" = 0 || {
    echo "this machine is not on pure cgroup v2" >&2
    exit 1
}
"$SANDBOX" --version
"$SANDBOX" check profiles/minimal.toml

# With a limit, root's group has a rule for devices; whoever is no root is told why there is none.
HOME=$(mktemp -d)
export HOME
cd "$HOME"
cat >devices.toml <<'PROFILE'
version = 1
rootfs = { writes = "deny", source = [ { programs = ["true"] } ] }
limits.pids = 20
PROFILE
if [ "$(id -u)" = 0 ]; then
    "$SANDBOX" up --report report.json devices.toml -- true
    grep -q '"mounts and control group"' report.json
else
    systemd-run --user --scope --quiet --property=Delegate=yes \
        "$SANDBOX" up --report report.json devices.toml -- true
    grep -q 'only root may say which devices a group opens' report.json
fi
