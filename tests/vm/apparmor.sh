#!/usr/bin/env bash
# The package's AppArmor profile in a kernel: it loads, holds for /usr/bin/sandbox alone, and goes.
#
# settings: apparmor
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly loaded=/sys/kernel/security/apparmor/profiles
readonly profile=/etc/apparmor.d/sandbox

fail() {
    echo "error: $*" >&2
    exit 1
}

[[ $(cat /sys/module/apparmor/parameters/enabled) == Y ]] || fail "AppArmor is off"
[[ -e /etc/apparmor.d/abi/4.0 ]] || fail "this AppArmor has no rule for user namespaces"
install -D -m 0644 .packaging/apparmor /usr/share/sandbox/apparmor
install -m 0755 "$SANDBOX" /usr/bin/sandbox
install -m 0755 "$SANDBOX" /usr/bin/sandbox-other

sh .packaging/maintainer-scripts/postinst configure
grep -qx 'sandbox (unconfined)' "$loaded" || fail "it is not loaded"

# By the name of the file, and an ordinary user starts sandboxes under it. The label goes with the program: it confines
# nothing.
home=$(mktemp -d)
chmod 0777 "$home"
printf 'version = 1\n[rootfs]\nsource = [{ programs = ["@command"] }]\n' >"$home/a.toml"
label() {
    setpriv --reuid 65534 --regid 65534 --clear-groups \
        env HOME="$home" XDG_CACHE_HOME="$home/cache" "$1" up "$home/a.toml" -- /bin/cat /proc/self/attr/current
}
[[ $(label /usr/bin/sandbox) == "sandbox (unconfined)" ]] || fail "it is not that of /usr/bin/sandbox"
[[ $(label /usr/bin/sandbox-other) == "unconfined" ]] || fail "it is another program's too"

sh .packaging/maintainer-scripts/prerm remove
[[ ! -e $profile ]] || fail "the file is left"
! grep -q '^sandbox ' "$loaded" || fail "it is still loaded"
echo "the AppArmor profile loads, holds and goes"
