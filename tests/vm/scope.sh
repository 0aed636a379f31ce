#!/bin/sh
# settings: delegated
# A user's shell lives in a group that may not be divided: limits get a scope by the user's service manager.
set -eu

HOME=$(mktemp -d)
export HOME
cd "$HOME"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

profile() {
    {
        echo 'version = 1'
        echo 'rootfs = { writes = "deny", source = [ { programs = ["sh", "sleep", "true", "tail", "head"] } ] }'
        echo "$2"
    } >"$1.toml"
}

[ "$(id -u)" != 0 ] || fail "root needs no scope"
case $(cat /proc/self/cgroup) in
0::*/session-*.scope) ;;
*) fail "this shell is not in the group of a login session" ;;
esac

# The limit holds, in a scope of its own that goes with the sandbox.
profile pids 'limits.pids = 3'
out=$("$SANDBOX" up pids.toml -- sh -c 'sleep 0 && (sleep 0; sleep 0) 2>&1 | tail -n 1' 2>&1 || true)
case $out in *ork*) ;; *) fail "pids: $out" ;; esac
profile memory 'limits = { memory = "32M", swap = "0" }'
status=0
"$SANDBOX" up memory.toml -- sh -c 'head -c 100000000 /dev/zero | tail -c 99000000 | head -c 1' >out 2>error || status=$?
[ $status = 137 ] && [ ! -s out ] || fail "memory: $status $(cat error)"
profile long 'limits.pids = 20'
"$SANDBOX" up long.toml -- sleep 60 &
supervisor=$!
for _ in $(seq 100); do
    case $(cat /proc/$supervisor/cgroup) in *sandbox-long-*.scope*) break ;; esac
    sleep 0.1
done
case $(cat /proc/$supervisor/cgroup) in
0::*/user@*/*/sandbox-long-*.scope*) ;;
*) fail "the supervisor is in $(cat /proc/$supervisor/cgroup)" ;;
esac
systemctl --user list-units --no-legend 'sandbox-long-*' | grep -q running || fail "no such unit"
kill $supervisor
wait $supervisor || true
for _ in $(seq 100); do
    [ -n "$(systemctl --user list-units --all --no-legend 'sandbox-*')" ] || break
    sleep 0.1
done
[ -z "$(systemctl --user list-units --all --no-legend 'sandbox-*')" ] || fail "a unit is left"

# Without a limit nobody is asked.
profile none ''
DBUS_SESSION_BUS_ADDRESS=unix:path=/absent "$SANDBOX" up none.toml -- true

# A group that is delegated already is divided where it is.
where=$(systemd-run --user --scope --quiet --unit=given --property=Delegate=yes sh -c "
    '$SANDBOX' up long.toml -- sleep 5 & sleep 4; cat /proc/\$!/cgroup; wait")
case $where in 0::*/given.scope*) ;; *) fail "the supervisor left its group for $where" ;; esac

# A controller that users do not get, and no manager at all: an error under the line, or a limit less.
profile cpuset 'limits.cpuset = "0"'
if "$SANDBOX" up cpuset.toml -- true 2>error; then fail "cpuset is not delegated"; fi
grep -q 'Delegate=cpu cpuset io memory pids' error || fail "$(cat error)"
if DBUS_SESSION_BUS_ADDRESS=unix:path=/absent "$SANDBOX" up pids.toml -- true 2>error; then
    fail "a limit without a group"
fi
grep -q 'no service' error && grep -q 'allow_degraded' error || fail "$(cat error)"
profile lenient 'security.allow_degraded = ["limits"]
limits.pids = 3'
DBUS_SESSION_BUS_ADDRESS=unix:path=/absent "$SANDBOX" up lenient.toml -- true 2>error || fail "$(cat error)"
grep -q 'limits.pids' error || fail "nothing says that the limit is missing: $(cat error)"
echo "limits have a scope"
