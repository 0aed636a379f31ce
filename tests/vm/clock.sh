#!/bin/sh
# settings: root
# The clock of the day is set while sandboxes run: times are measured by clocks that nobody sets.
set -eu

HOME=$(mktemp -d)
export HOME
cd "$HOME"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "only root sets the clock"
day=86400
shift_clock() {
    date -s "@$(($(date +%s) + $1))" >/dev/null
}
up_seconds() {
    cut -d. -f1 /proc/uptime
}
field() {
    "$SANDBOX" ps --all --json | sed -n "s/^ *\"$1\": \(.*\),\$/\1/p"
}
# age BETWEEN AND: the age of the one sandbox lies there.
age() {
    now=$(field age_seconds)
    awk "BEGIN { exit !($now >= $1 && $now <= $2) }" || fail "an age of $now s, not $1 to $2"
}

cat >run.toml <<'PROFILE'
version = 1
name = "run"
rootfs = { writes = "deny", source = [ { programs = ["sh", "sleep"] } ] }
env.set.PATH = "/usr/bin:/bin"
limits.wall_time = "15s"
supervise.stop_timeout = "2s"
PROFILE

# A day forward ends nobody, a year back lets nobody live longer, and nobody is younger than nothing.
begin=$(up_seconds)
"$SANDBOX" up --detach run.toml -- sleep 1000 >/dev/null
told=$(field started_unix)
shift_clock $day
[ "$(field state)" = '"running"' ] || fail "the clock of the day ended it"
age 0 15
shift_clock -$((365 * day))
[ "$(field state)" = '"running"' ] || fail "the clock of the day ended it"
age 0 15
[ "$(field started_unix)" = "$told" ] || fail "its start is told anew: $(field started_unix)"
"$SANDBOX" ps | grep -q ' [0-9]* s ' || fail "$("$SANDBOX" ps)"
status=0
"$SANDBOX" wait run || status=$?
took=$(($(up_seconds) - begin))
[ $status = 124 ] || fail "the wall time ended it with $status"
{ [ $took -ge 14 ] && [ $took -le 60 ]; } || fail "15 s took $took"

# The same for the patience behind a signal, with the clock where the kernel lets it be at the earliest, in 1970.
date -s "@$(($(up_seconds) + 100))" >/dev/null
"$SANDBOX" up --detach run.toml -- sh -c 'trap "" TERM; while :; do sleep 0.1; done' >/dev/null
[ "$(field started_unix)" -lt $((30 * day)) ] || fail "$(field started_unix)"
age 0 15
begin=$(up_seconds)
"$SANDBOX" down run &
sleep 0.5
shift_clock $((20 * 365 * day))
wait $!
took=$(($(up_seconds) - begin))
{ [ $took -ge 1 ] && [ $took -le 12 ]; } || fail "2 s took $took"

# A report measures the run by the same clock, and a tree that was built in the future is taken.
"$SANDBOX" up --report report.json run.toml -- sh -c 'sleep 1' &
sleep 0.3
shift_clock -$((10 * 365 * day))
wait $!
wall=$(sed -n 's/.*"wall_seconds": \([0-9.]*\).*/\1/p' report.json)
awk "BEGIN { exit !($wall >= 0.9 && $wall <= 15) }" || fail "1 s took $wall"
echo "no clock of the day is asked"
