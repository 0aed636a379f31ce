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
