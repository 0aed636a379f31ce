#!/bin/sh
# settings: root delegated
# A program that is killed for a system call is told with its name, on older kernels too.
set -eu

HOME=$(mktemp -d)
export HOME
cd "$HOME"
cat >kill.toml <<'PROFILE'
version = 1
rootfs = { writes = "deny", source = [ { programs = ["sh", "perl"] } ] }
env.set.PATH = "/usr/bin:/bin"
security.seccomp = { on_deny = "kill" }
PROFILE
# keyctl(2), by its number on x86-64.
call='print STDERR syscall(250, 0, -3, 0) < 0 ? "lived\n" : "worked\n"'

killed() {
    if "$SANDBOX" up --report report.json kill.toml -- "$@" 2>said; then
        code=0
    else
        code=$?
    fi
    cat said
    test "$code" = 159
    ! grep -q 'lived\|worked' said
    grep -q 'killed for calling `keyctl`' said
    grep -q '"kind": "seccomp"' report.json
    grep -q '"number": 250' report.json
}

killed perl -e "$call"
grep -q '"signal_name": "SYS"' report.json
killed perl -e "\$SIG{SYS} = 'IGNORE'; $call"
grep -q '"signal_name": "KILL"' report.json
killed perl -e "\$SIG{SYS} = sub { print STDERR qq(lived\n) }; $call"
grep -q '"signal_name": "KILL"' report.json

# A parent inside sees what the kernel's own kill leaves.
"$SANDBOX" up --report report.json kill.toml -- sh -c "perl -e '$call'; test \$? = 159"
grep -q '"kind": "exited"' report.json
grep -q '"killed": 1' report.json
