#!/bin/sh
# settings: root delegated
# What a run used, on pure cgroup v2: every figure of a group with limits is there.
set -eu

HOME=$(mktemp -d)
export HOME
cd "$HOME"
trap 'test $? = 0 || cat shown >&2' EXIT
cat >used.toml <<'PROFILE'
version = 1
rootfs = { writes = "deny", source = [ { programs = ["sh", "sleep"] } ] }
limits = { memory = "64M", pids = 20, cpus = 0.05 }
PROFILE
spin='i=0; while [ $i -lt 10000 ]; do i=$((i + 1)); done'
if [ "$(id -u)" = 0 ]; then
    "$SANDBOX" up --stats --report report.json used.toml -- sh -c "$spin" 2>shown
else
    systemd-run --user --scope --quiet --property=Delegate=yes \
        "$SANDBOX" up --stats --report report.json used.toml -- sh -c "$spin" 2>shown
fi
figure() {
    sed -n "s/^ *\"$1\": \([^,]*\),\{0,1\}\$/\1/p" report.json
}
is_more_than_zero() {
    case $(figure "$1") in
    "" | null | 0 | 0.0)
        cat report.json
        echo "$1 is not counted" >&2
        exit 1
        ;;
    esac
}
for name in user_seconds throttled_periods throttled_seconds memory_peak_bytes max_rss_bytes started_unix; do
    is_more_than_zero "$name"
done
# `pids.peak` came with Linux 6.1, `psi=1` is the host's choice.
if [ -e /proc/pressure/cpu ]; then
    is_more_than_zero cpu_some_seconds
else
    test "$(figure pressure)" = null
fi
test "$(wc -l <shown)" = 4
grep -q 'iB  peak' shown
