#!/bin/sh
# settings: root delegated
# What a program writes, on other kernels: discarded, kept, over a bind, in a volume; and the tree of an archive.
set -eu

HOME=$(mktemp -d)
export HOME
# Root's data has a place of its own; the machine is thrown away.
cd "$HOME"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

mkdir project archive archive/bin
echo host >project/file
cp "$(command -v busybox || echo /bin/true)" archive/bin/tool
tar -C archive -czf tool.tar.gz .

cat >keeps.toml <<'PROFILE'
version = 1
[rootfs]
writes = "keep"
source = [ { programs = ["sh", "cat", "rm"] }, { archive = "tool.tar.gz", to = "/opt" } ]
[[mount]]
bind = "project"
target = "/project"
access = "overlay"
[[mount]]
volume = "data"
target = "/data"
PROFILE

"$SANDBOX" up keeps.toml -- sh -c 'echo inside > /project/file; echo x > /project/new; echo r > /root-file; echo v > /data/v'
[ "$(cat project/file)" = host ] || fail "the host's file was written"
again=$("$SANDBOX" up keeps.toml -- sh -c 'cat /project/file /project/new /root-file /data/v; [ -x /opt/bin/tool ] && echo tool')
[ "$again" = "inside
x
r
v
tool" ] || fail "the second run saw: $again"
"$SANDBOX" changes keeps | grep -q 'changed  */project/file' || fail "changes: $("$SANDBOX" changes keeps)"
"$SANDBOX" apply keeps
[ "$(cat project/file project/new)" = "inside
x" ] || fail "apply left: $(cat project/*)"
[ "$(stat -c %u project/new)" = "$(id -u)" ] || fail "the new file belongs to $(stat -c %u project/new)"
"$SANDBOX" reset keeps
gone=$("$SANDBOX" up keeps.toml -- sh -c '[ -e /root-file ] || cat /data/v')
[ "$gone" = v ] || fail "after the reset: $gone"

sed -e 's/"keep"/"discard"/' -e '/^\[\[mount/,$d' keeps.toml >drops.toml
"$SANDBOX" up drops.toml -- sh -c 'rm /opt/bin/tool; echo x > /y; [ ! -e /opt/bin/tool ]'
"$SANDBOX" up drops.toml -- sh -c '[ -x /opt/bin/tool ] && [ ! -e /y ]' || fail "what was dropped came back"
"$SANDBOX" build --verify drops.toml >built
"$SANDBOX" gc >/dev/null
