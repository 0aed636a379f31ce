#!/bin/sh
# settings: root
# /proc hides what belongs to others or may not be traced: a user's commands find the processes of a sandbox all
# the same, on a kernel that gives no process a number of its own too.
set -eu

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

if [ "$(id -u)" = 0 ]; then
    id tester >/dev/null 2>&1 || useradd --create-home tester
    for how in 1 2; do
        mount -o "remount,hidepid=$how" /proc
        setpriv --reuid tester --regid tester --init-groups env "HOME=$(getent passwd tester | cut -d: -f6)" "$0" ||
            fail "with hidepid=$how"
    done
    exit 0
fi

cd "$HOME"
cat >run.toml <<'PROFILE'
version = 1
name = "run"
rootfs = { writes = "deny", source = [ { programs = ["sh", "sleep"] } ] }
env.set.PATH = "/usr/bin:/bin"
PROFILE
start() {
    [ "$("$SANDBOX" up --detach run.toml -- sh -c "$1")" = run ] || fail "it does not start"
}

start 'trap "echo one" USR1; trap "exit 6" TERM; echo ready; while :; do sleep 0.1; done'
first=$("$SANDBOX" ps --json | sed -n 's/^ *"pid": \(.*\),$/\1/p')
[ ! -r "/proc/$first/stat" ] || fail "nothing is hidden"
until "$SANDBOX" logs run | grep -q ready; do sleep 0.1; done
# Beside an orphan that the first process adopts, the program is the one that was there first.
status=0
"$SANDBOX" exec run -- sh -c '(sleep 1000 &); exit 3' || status=$?
[ $status = 3 ] || fail "exec: $status"
"$SANDBOX" kill --signal USR1 run
for _ in $(seq 50); do
    ! "$SANDBOX" logs run | grep -q one || break
    sleep 0.1
done
"$SANDBOX" logs run | grep -q one || fail "the signal did not reach the program"
"$SANDBOX" down run
[ "$("$SANDBOX" ps --all)" = "no sandboxes" ] || fail "$("$SANDBOX" ps --all)"

start 'trap "" TERM; while :; do sleep 0.1; done'
"$SANDBOX" down --time 0s run
[ "$("$SANDBOX" ps --all)" = "no sandboxes" ] || fail "$("$SANDBOX" ps --all)"
echo "hidden processes are found"
