#!/bin/sh
# settings: root delegated hybrid v1
# The classic experiments on every layout of control groups: a root of its own, a host name of its own, a limit that holds.
set -eu

# The checkout is read-only here and its owner another; the profiles are read from it.
profiles=$PWD/profiles
HOME=$(mktemp -d)
export HOME
cd "$HOME"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# In the delegated setting limits need a group of the user's own.
limited() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        systemd-run --user --scope --quiet --property=Delegate=yes "$@"
    fi
}

# 1. The root is the tree.
inside=$("$SANDBOX" up "$profiles/minimal.toml" -- pwd)
[ "$inside" = / ] || fail "pwd printed \`$inside\`"
"$SANDBOX" up "$profiles/minimal.toml" -- bash -c '
    [ ! -e /home ] && [ ! -e /root ] && [ -e /proc/self ] && [ -d /dev/shm ] && [ -d /dev/pts ] &&
    [ -s /etc/hosts ] && [ -e /etc/resolv.conf ] && [ "$(cat /etc/mtab | head -n 1)" ]' ||
    fail "the tree is not what it should be"

# 2. A host name set inside is not seen outside, and the first process is the sandbox's own.
before=$(uname -n)
cat >name.toml <<'PROFILE'
version = 1
rootfs = { writes = "deny", source = [ { programs = ["sh", "hostname"] } ] }
security.capabilities = ["CAP_SYS_ADMIN"]
PROFILE
inside=$("$SANDBOX" up name.toml -- sh -c 'hostname changed && hostname && echo $$ && echo /proc/[0-9]*')
[ "$inside" = "changed
2
/proc/2" ] || fail "inside is seen: $inside"
[ "$(uname -n)" = "$before" ] || fail "the host's name changed"

# 3. 100 MiB at a time below 300M: killed at the third block, and the report says memory.
cat >memory.toml <<'PROFILE'
version = 1
rootfs = { writes = "deny", source = [ { programs = ["perl"] } ] }
limits = { memory = "300M", swap = "0" }
PROFILE
program='$| = 1; for my $n (1 .. 5) { vec($blocks[$n], (100 << 20) - 1, 8) = 1; print "$n\n" }'
set +e
printed=$(limited "$SANDBOX" up --report report.json memory.toml -- perl -e "$program")
code=$?
set -e
[ "$code" = 137 ] || fail "the memory hog ended with $code"
[ "$printed" = "1
2" ] || fail "the memory hog printed: $printed"
grep -q '"limit": "memory"' report.json || fail "the report says: $(cat report.json)"

# Nothing is left.
left=$(find /sys/fs/cgroup -name 'sandbox-*' 2>/dev/null || true)
[ -z "$left" ] || fail "groups are left: $left"
