#!/bin/sh
# settings: root delegated no-landlock
# What keeps sandboxes from starting: `doctor` and a failing `up` name the same cause and the same fix.
set -eu

HOME=$(mktemp -d)
export HOME
chmod 755 "$HOME"
cd "$HOME"
# A share is slow to start from, time and again.
cp "$SANDBOX" sandbox
SANDBOX=$HOME/sandbox

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cat >plain.toml <<'PROFILE'
version = 1
rootfs = { writes = "deny", source = [ { programs = ["true"] } ] }
PROFILE
{ cat plain.toml; echo 'limits.pids = 20'; } >limited.toml
{ cat plain.toml; echo 'namespaces.map_users = "subordinate"'; } >range.toml
{ cat plain.toml; echo 'security.landlock = true'; } >landlock.toml
{ cat plain.toml; echo 'network.mode = "host"'; } >host-network.toml
chmod 644 ./*.toml

# A command as the user that the machine has for this.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=tester --regid=tester --init-groups \
            env HOME=/home/tester XDG_CACHE_HOME="${cache-/home/tester/cache}" XDG_RUNTIME_DIR=/home/tester "$@"
    else
        "$@"
    fi
}

# Lines are broken at the width of the page, and drawn in a frame.
one_line() {
    sed 's/^ *│//' | tr -s ' \n' ' '
}

# both WHAT PROFILE CODE FIX: each of the two says so and refuses.
both() {
    set +e
    told=$(as_user ${before-} "$SANDBOX" doctor --json "$2")
    code=$?
    as_user ${before-} "$SANDBOX" up "$2" -- true >refused 2>&1
    ended=$?
    set -e
    refused=$(one_line <refused)
    [ "$code" = 1 ] || fail "$1: doctor ended with $code: $told"
    [ "$ended" = "${ends-125}" ] || fail "$1: up ended with $ended: $refused"
    case $told in *"\"code\": \"$3\""*) ;; *) fail "$1: doctor does not know $3: $told" ;; esac
    case $refused in *"$3"*) ;; *) fail "$1: up does not know $3: $refused" ;; esac
    case $told in *"\"fix\": \""*"$4"*) ;; *) fail "$1: doctor has not the fix \`$4\`: $told" ;; esac
    case $refused in *"$4"*) ;; *) fail "$1: up has not the fix \`$4\`: $refused" ;; esac
    echo "ok: $1"
}

# works PROFILE: both say yes.
works() {
    as_user "$SANDBOX" doctor "$1" >page || fail "doctor $1: $(cat page)"
    as_user "$SANDBOX" up "$1" -- true || fail "up $1"
}

# set_for_now NAME VALUE COMMAND…
set_for_now() {
    file=/proc/sys/$(echo "$1" | tr . /)
    kept=$(cat "$file")
    echo "$2" >"$file"
    shift 2
    "$@"
    echo "$kept" >"$file"
}

landlock_of_kernel() {
    case $(cat /sys/kernel/security/lsm) in
    *landlock*) return 0 ;;
    *) return 1 ;;
    esac
}

if ! landlock_of_kernel; then
    both "no Landlock" landlock.toml security.landlock-missing "in \`lsm=\` on its command line"
    works plain.toml
    as_user "$SANDBOX" doctor --json | grep -q '"code": "host.landlock-missing"' || fail "Landlock is not missed"
    as_user "$SANDBOX" doctor | one_line | grep -q 'with `lsm=landlock,' || fail "no line for the command line"
    exit 0
fi

works plain.toml
as_user "$SANDBOX" doctor >page || fail "a host where all is well: $(cat page)"
[ "$(wc -L <page)" -le 100 ] || fail "lines are too long: $(cat page)"
set +e
"$SANDBOX" doctor --no-such-option 2>/dev/null
[ $? = 2 ] || fail "wrong usage does not end with 2"
set -e

if [ "$(id -u)" != 0 ]; then
    # The session's own group cannot be divided, and its service manager gives one that can.
    works limited.toml
    mkdir -m 700 run
    before="env XDG_RUNTIME_DIR=$HOME/run DBUS_SESSION_BUS_ADDRESS=" both "no service manager" limited.toml \
        limits.not-enforced "let limits be missing"
    systemd-run --user --scope --quiet --property=Delegate=yes "$SANDBOX" doctor limited.toml >page ||
        fail "a delegated group: $(cat page)"
    exit 0
fi

# The machine's own group belongs to root, and there is no session.
both "cgroup v2 that is not delegated" limited.toml limits.not-enforced "let limits be missing"
set_for_now user.max_user_namespaces 0 both "no user namespaces at all" plain.toml \
    host.user-namespaces-off "sysctl user.max_user_namespaces=10000"
set_for_now user.max_net_namespaces 0 both "no network namespaces" plain.toml \
    host.namespace-limit "sysctl user.max_net_namespaces=10000"
if [ -e /proc/sys/kernel/unprivileged_userns_clone ]; then
    set_for_now kernel.unprivileged_userns_clone 0 both "none for unprivileged users" plain.toml \
        host.user-namespaces-off "sysctl kernel.unprivileged_userns_clone=1"
fi
if [ "$(uname -m)" = x86_64 ]; then
    # In a session with a keyring, as PAM makes one: keyctl(KEYCTL_JOIN_SESSION_KEYRING). It is the one key that
    # the user may have.
    printf '#!/bin/sh\nexec perl -e "syscall(250, 1, 0) > 0 or die; exec @ARGV or die" "$@"\n' >/usr/local/bin/in-session
    chmod 755 /usr/local/bin/in-session
    before=in-session set_for_now kernel.keys.maxkeys 1 both "no key is left" plain.toml \
        host.keys "sysctl kernel.keys.maxkeys="
fi
if [ -e /proc/sys/vm/memfd_noexec ]; then
    { cat plain.toml; echo 'security.landlock = false'; } >unlocked.toml
    chmod 644 unlocked.toml
    set_for_now vm.memfd_noexec 2 both "nothing runs from memory" unlocked.toml launch.sealed "vm.memfd_noexec"
fi

# Several ids.
works range.toml
chmod u-s "$(command -v newuidmap)"
both "newuidmap without rights" range.toml host.map-helper "see that the two are setuid"
chmod u+s "$(command -v newuidmap)"
before='setpriv --no-new-privs' both "newuidmap under no_new_privs" range.toml host.map-helper "no_new_privs"
mv "$(command -v newuidmap)" /root/
both "no newuidmap" range.toml namespaces.map-helper "install them (the package \`uidmap\`"
mv /root/newuidmap /usr/bin/
mv /etc/subuid /root/
both "no range of ids" range.toml namespaces.map-no-range "usermod --add-subuids"
mv /root/subuid /etc/
works range.toml

# A container's /proc, a store without programs, a chroot.
mount --bind /dev/null /proc/kcore
both "a part of /proc is masked" plain.toml host.proc-masked "unmask=ALL"
umount /proc/kcore
mkdir /noexec
mount -t tmpfs -o noexec,mode=1777 store /noexec
ends=126 cache=/noexec both "a store on a noexec mount" plain.toml host.store-noexec "XDG_CACHE_HOME"
umount /noexec
mkdir /jail
mount --rbind / /jail
mount --make-rprivate /jail
cat >/usr/local/bin/in-jail <<JAIL
#!/bin/sh
exec $(command -v chroot) /jail setpriv --reuid=tester --regid=tester --init-groups \\
    sh -c 'cd "$HOME"; exec "\$@"' jail env HOME=/home/tester XDG_CACHE_HOME=/home/tester/cache \\
    XDG_RUNTIME_DIR=/home/tester "\$@"
JAIL
chmod 755 /usr/local/bin/in-jail
(
    as_user() { in-jail "$@"; }
    both "in a chroot" plain.toml host.user-namespaces-denied "start it outside of any chroot"
)
umount --lazy --recursive /jail

# A profile of AppArmor that lets nothing be mounted.
if command -v apparmor_parser >/dev/null && grep -q apparmor /sys/kernel/security/lsm; then
    printf 'profile no-mounts %s {\n  file,\n  capability,\n  network,\n  signal,\n  ptrace,\n  unix,\n}\n' \
        "$SANDBOX" >no-mounts
    apparmor_parser --replace --skip-cache no-mounts
    both "a profile of AppArmor without mounts" plain.toml host.container-apparmor "apparmor=unconfined"
    apparmor_parser --remove no-mounts
fi

# An old Landlock is less, and said.
as_user "$SANDBOX" doctor --json >all.json || fail "an old Landlock is no reason not to start: $(cat all.json)"
case $(uname -r) in
6.1.*)
    grep -q '"code": "host.landlock-old"' all.json || fail "an old Landlock is not told: $(cat all.json)"
    for command in doctor up; do
        if [ $command = up ]; then set -- -- true; else set --; fi
        as_user "$SANDBOX" $command host-network.toml "$@" 2>&1 | one_line | grep -q 'Linux 6.12 or newer' ||
            fail "$command: abstract sockets of the host are in reach, and it is not told"
    done
    ;;
esac
works plain.toml
