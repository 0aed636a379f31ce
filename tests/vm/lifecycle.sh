#!/bin/sh
# settings: root delegated hybrid v1
# Sandboxes that other commands find, with the groups of each layout: entered, frozen, measured, ended.
set -eu

HOME=$(mktemp -d)
export HOME
cd "$HOME"
cat >run.toml <<'PROFILE'
version = 1
name = "run"
rootfs = { writes = "deny", source = [ { programs = ["sh", "sleep", "cat"] } ] }
env.set.PATH = "/usr/bin:/bin"
limits.pids = 20
PROFILE

start() {
    if [ "$(id -u)" = 0 ]; then
        "$SANDBOX" up --detach run.toml -- "$@"
    else
        systemd-run --user --scope --quiet --property=Delegate=yes "$SANDBOX" up --detach run.toml -- "$@"
    fi
}

state() {
    "$SANDBOX" ps --json | sed -n 's/^ *"state": "\(.*\)",$/\1/p'
}

test "$(start sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.02; done')" = run
test "$(state)" = running
first=$("$SANDBOX" ps --json | sed -n 's/^ *"pid": \(.*\),$/\1/p')
"$SANDBOX" exec run -- sh -c 'exit 7' && exit 1 || test $? = 7
# The further program is in the groups of the first.
groups_of() {
    cat "/proc/$1/cgroup"
}
"$SANDBOX" exec run -- sleep 1001 &
found=
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    for directory in /proc/[0-9]*; do
        if [ "$(tr '\0' ' ' 2>/dev/null <"$directory/cmdline")" = "sleep 1001 " ]; then
            found=${directory#/proc/}
        fi
    done
    [ -z "$found" ] || break
    sleep 0.1
done
test "$(groups_of "$found")" = "$(groups_of "$first")"
kill "$found"
wait
"$SANDBOX" stats --json run | grep -q '"pids_limit": 20'

"$SANDBOX" pause run
test "$(state)" = paused
one=$("$SANDBOX" logs -n 1 run)
sleep 0.3
test "$("$SANDBOX" logs -n 1 run)" = "$one"
"$SANDBOX" resume run
test "$(state)" = running
sleep 0.3
test "$("$SANDBOX" logs -n 1 run)" -gt "$one"

"$SANDBOX" pause run
"$SANDBOX" down --time 0s run
test "$("$SANDBOX" ps --all)" = "no sandboxes"
test -z "$(find /sys/fs/cgroup -type d -name 'sandbox-run-*' 2>/dev/null)"

# A supervisor that is killed takes all along, and the next command removes its groups.
start sleep 1000
supervisor=$("$SANDBOX" ps --json | sed -n 's/^ *"supervisor_pid": \(.*\),$/\1/p')
kill -KILL "$supervisor"
sleep 0.2
test "$("$SANDBOX" ps --all)" = "no sandboxes"
test -z "$(find /sys/fs/cgroup -type d -name 'sandbox-run-*' 2>/dev/null)"

# A login's group and the sandbox's have none of the user's above both: a scope of the manager's brings `exec` near.
if [ "$(id -u)" != 0 ]; then
    case $(cat /proc/self/cgroup) in
    0::*/session-*.scope) ;;
    *) echo "this shell is not in the group of a login session"; exit 1 ;;
    esac
    start sleep 1000
    DBUS_SESSION_BUS_ADDRESS=unix:path=/absent "$SANDBOX" exec run -- sleep 0 2>refused && exit 1 || test $? = 125
    grep -q 'running.group-entry' refused && grep -q 'no service manager gives one: ..*' refused
    "$SANDBOX" exec run -- sh -c 'exit 3' && exit 1 || test $? = 3
    # From a group of the same manager nobody is asked.
    systemd-run --user --scope --quiet env DBUS_SESSION_BUS_ADDRESS=unix:path=/absent \
        "$SANDBOX" exec run -- sh -c 'exit 4' && exit 1 || test $? = 4
    "$SANDBOX" down --time 0s run
    # The sandbox in a scope that it asked for itself.
    "$SANDBOX" up --detach run.toml -- sleep 1000
    "$SANDBOX" exec run -- sh -c 'exit 5' && exit 1 || test $? = 5
    "$SANDBOX" down --time 0s run
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        left=$(systemctl --user list-units --all --no-legend 'sandbox-*')
        [ -n "$left" ] || break
        sleep 0.1
    done
    test -z "$left"
fi
