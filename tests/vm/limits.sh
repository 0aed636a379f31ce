#!/bin/sh
# settings: root delegated hybrid v1
# Every key of [limits] on every layout of control groups: each is exceeded and holds, or is refused with its reason.
set -eu

HOME=$(mktemp -d)
export HOME
cd "$HOME"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# profile NAME LINES: a sandbox with these lines under [limits].
profile() {
    {
        echo 'version = 1'
        echo 'system.proc = "private"'
        echo 'rootfs = { writes = "deny", source = [ { programs = ["sh", "nproc", "cat", "dd", "tail", "head", "grep", "sleep", "true", "date"] } ] }'
        [ -z "${3-}" ] || echo "security.allow_degraded = [\"limits.$3\"]"
        echo '[limits]'
        echo "$2"
    } >"$1.toml"
}

up() {
    name=$1
    shift
    limited "$SANDBOX" up "$name.toml" -- "$@"
}

# In the delegated setting limits need a group of the user's own.
limited() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        systemd-run --user --scope --quiet --property=Delegate=yes "$@"
    fi
}

# refused NAME WORDS: it does not start, and the error holds the words and stands under the line.
refused() {
    if up "$1" true 2>error; then
        fail "$1 started"
    fi
    grep -q "limits.not-enforced" error && grep -q "$2" error && grep -q "$1.toml" error ||
        fail "$1: $(cat error)"
}

v2=no
[ -f /sys/fs/cgroup/cgroup.controllers ] && v2=yes
has() {
    if [ $v2 = yes ]; then
        if [ "$(id -u)" = 0 ]; then
            grep -qw "$1" /sys/fs/cgroup/cgroup.controllers
        else
            grep -qw "$1" "/sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/cgroup.controllers"
        fi
    else
        [ "$1" != io ] || set -- blkio
        grep -q "^$1[[:space:]]" /proc/cgroups && grep -qw "$1" /proc/self/cgroup
    fi
}

# holds CONTROLLER NAME LINES CMD…: what it prints where the controller is there; refused where not.
holds() {
    controller=$1 name=$2
    profile "$name" "$3"
    shift 3
    if has "$controller"; then
        up "$name" "$@"
    else
        # Its word for io is blkio on v1.
        refused "$name" 'controller `'
        echo "no $controller"
    fi
}

# Memory: what keeps 100 MiB in a pipe's reader is killed at 32.
profile memory 'memory = "32M"
swap = "0"'
status=0
up memory sh -c 'head -c 100000000 /dev/zero | tail -c 99000000 | head -c 1; sleep 5; echo went on' >out 2>error || status=$?
if has memory; then
    # All of it ends, not the largest process alone: by the kernel on v2, by the supervisor on v1.
    [ $status = 137 ] && [ ! -s out ] || fail "memory: $status $(cat out error)"
    grep -q 'limits.memory. 32M was used up' error || fail "memory: $(cat error)"
else
    [ $status = 125 ] || fail "memory: $status"
fi

# Slowed down above memory_high: v2 only, and v1 says so.
profile high 'memory_high = "16M"'
if [ $v2 = yes ]; then
    up high true
else
    refused high 'cgroup v1 has no such limit'
    profile high 'memory_high = "16M"' memory_high
    up high true 2>error || fail "degraded: $(cat error)"
    grep -q 'limits.memory_high' error || fail "nothing says that memory_high is missing: $(cat error)"
fi

# disk NAME LINES: a profile with a writable directory of a disk at /disk.
if [ "$(id -u)" = 0 ]; then
    mkdir -p /scratch/sandbox-io
    where=/scratch/sandbox-io
    chmod 777 $where
else
    where=/scratch/sandbox-io
    [ -d $where ] || where=$HOME
fi
disk() {
    profile "$1" "$2"
    cat >>"$1.toml" <<PROFILE
[[mount]]
bind = "$where"
target = "/disk"
access = "rw"
owner = "map"
PROFILE
}

# group NAME FILE: a control file of the group of a sandbox that runs.
group() {
    cat "$(find /sys/fs/cgroup -type d -name "sandbox-$1-*" ! -name '*.scope' | head -n 1)/$2"
}

# What 40 MiB of files leave in the page cache stays near memory_high, and would all stay without.
if [ $v2 = yes ]; then
    for limit in 16M 500M; do
        disk cache "memory_high = \"$limit\""
        limited "$SANDBOX" up --detach cache.toml -- sh -c \
            'dd if=/dev/zero of=/disk/cache bs=1M count=40 conv=fsync 2>/dev/null; cat /disk/cache >/dev/null; echo read; sleep 1000' >/dev/null
        until "$SANDBOX" logs cache | grep -q read; do sleep 0.2; done
        used=$(group cache memory.current)
        high=$(group cache memory.events | sed -n 's/^high //p')
        "$SANDBOX" down --time 0s cache
        rm -f $where/cache
        case $limit in
        16M) { [ "$high" -gt 0 ] && [ "$used" -lt 20000000 ]; } || fail "memory_high: $used bytes, above it $high times" ;;
        *) { [ "$high" = 0 ] && [ "$used" -gt 40000000 ]; } || fail "without memory_high: $used bytes, $high" ;;
        esac
    done
fi

# The CPUs are those of the list, and numbers that are not there are refused.
out=$(holds cpuset cpuset 'cpuset = "0"
memory_nodes = "0"' sh -c 'grep -c Cpus_allowed_list:.0$ /proc/self/status')
case $out in 1 | 'no cpuset') ;; *) fail "cpuset: $out" ;; esac
profile absent 'cpuset = "0-63"'
if up absent true 2>error; then fail "64 CPUs"; fi
grep -q 'limits.number-not-there' error || fail "$(cat error)"

# A quarter of a CPU: what is used is no more, whatever the clock of this machine is worth.
profile quota 'cpus = 0.25'
if has cpu; then
    limited "$SANDBOX" up --report report.json quota.toml -- sh -c \
        'end=$(($(date +%s) + 3)); while [ "$(date +%s)" -lt $end ]; do :; done'
    used=$(sed -n 's/.*"\(user\|system\)_seconds": \([0-9.]*\).*/\2/p' report.json |
        awk '{ sum += $1 } END { print sum }')
    wall=$(sed -n 's/.*"wall_seconds": \([0-9.]*\).*/\1/p' report.json)
    awk "BEGIN { exit !($used > 0 && $used <= 0.25 * $wall + 0.15) }" || fail "quota: $used s of $wall s"
fi

# Weights are written where the kernel has them.
out=$(holds cpu weight 'cpu_weight = 50' sh -c 'echo ran')
case $out in ran | 'no cpu') ;; *) fail "cpu_weight: $out" ;; esac

# seconds NAME: the processor time until now.
seconds() {
    "$SANDBOX" stats --json "$1" | sed -n 's/^ *"cpu_seconds": \(.*\),$/\1/p'
}

# shares LIGHT HEAVY: that four times the weight is about four times the time, of two that run on one CPU.
shares() {
    sleep 1
    light=$(seconds "$1") heavy=$(seconds "$2")
    sleep 4
    light="$(seconds "$1") - $light" heavy="$(seconds "$2") - $heavy"
    "$SANDBOX" down --time 0s "$1" "$2" || true
    awk "BEGIN { ratio = ($heavy) / ($light); exit !(ratio > 2.5 && ratio < 6) }" ||
        fail "cpu_weight: ($heavy) s beside ($light) s"
}
if has cpu; then
    [ "$(nproc)" = 1 ] || fail "weights need one CPU here"
    profile light 'cpu_weight = 50'
    profile heavy 'cpu_weight = 200'
    limited sh -c 'for name in light heavy; do
        "$SANDBOX" up --detach $name.toml -- sh -c "while :; do :; done" >/dev/null
    done'
    shares light heavy
    if [ "$(id -u)" != 0 ]; then
        # Each in a scope of its own.
        for name in light heavy; do
            "$SANDBOX" up --detach $name.toml -- sh -c 'while :; do :; done' >/dev/null
        done
        shares light heavy
    fi
fi

# Processes: the third is refused.
out=$(holds pids pids 'pids = 3' sh -c 'sleep 0 && (sleep 0; sleep 0) 2>&1 | cat' 2>&1 || true)
case $out in *ork* | 'no pids') ;; *) fail "pids: $out" ;; esac

# A disk: 4 MiB at 1 MiB a second, written past the page cache, take no less than 2 s.
disk io "io = [{ device = \"$where\", write_bps = \"1M\" }]"
if has io; then
    begin=$(date +%s%N)
    up io dd if=/dev/zero of=/disk/file bs=1M count=4 oflag=direct 2>error || fail "io: $(cat error)"
    took=$((($(date +%s%N) - begin) / 1000000))
    [ $took -ge 2000 ] || fail "4 MiB at 1 MiB a second took $took ms"
else
    refused io 'controller `'
fi
# Weights of a disk, where the kernel goes by a model of it: io.cost is given one that is slow.
cost=/sys/fs/cgroup/io.cost
if [ "$(id -u)" = 0 ] && [ -f $cost.qos ]; then
    number=$(cat /sys/block/vdc/dev)
    echo "$number enable=1 ctrl=user min=100.00 max=100.00" >$cost.qos
    echo "$number ctrl=user model=linear rbps=4000000 rseqiops=100 rrandiops=100 wbps=2000000 wseqiops=50 wrandiops=50" >$cost.model
    for name in light heavy; do
        case $name in light) weight=50 ;; heavy) weight=200 ;; esac
        disk $name "io_weight = $weight"
        "$SANDBOX" up --detach $name.toml -- sh -c \
            "while :; do dd if=/dev/zero of=/disk/$name bs=64k count=64 oflag=direct conv=notrunc 2>/dev/null; done" >/dev/null
    done
    written() {
        "$SANDBOX" stats --json "$1" | sed -n 's/^ *"written_bytes": \(.*\),$/\1/p'
    }
    sleep 2
    light=$(written light) heavy=$(written heavy)
    sleep 6
    light=$(($(written light) - light)) heavy=$(($(written heavy) - heavy))
    "$SANDBOX" down --time 0s light heavy
    echo "$number enable=0" >$cost.qos
    awk "BEGIN { ratio = $heavy / $light; exit !(ratio > 2 && ratio < 8) }" || fail "io_weight: $heavy bytes beside $light"
fi
sed 's/write_bps = "1M"/read_iops = 10/; s#device = "[^"]*"#device = "/proc"#' io.toml >nodisk.toml
if up nodisk dd if=/dev/zero of=/dev/null count=1 2>error; then fail "/proc is a disk"; fi
grep -q 'limits.io-no-disk' error || fail "$(cat error)"

# Huge pages: the limit stands where the kernel counts them.
if [ -d /sys/kernel/mm/hugepages/hugepages-2048kB ]; then
    out=$(holds hugetlb hugetlb 'hugetlb = { "2M" = "4M" }' sh -c 'echo ran')
    case $out in ran | 'no hugetlb') ;; *) fail "hugetlb: $out" ;; esac
fi

# Of four huge pages two are given. read(2) into them says how far they are there.
if [ "$(id -u)" = 0 ] && [ "$(uname -m)" = x86_64 ]; then
    echo 8 >/proc/sys/vm/nr_hugepages
    [ "$(cat /proc/sys/vm/nr_hugepages)" = 8 ] || fail "no huge pages: $(cat /proc/sys/vm/nr_hugepages)"
    # mmap(8 MiB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE)
    touch='my $p = syscall(9, 0, 8 << 20, 3, 0x44022, -1, 0); die "mmap: $!" if $p == -1;
        open my $zero, "<", "/dev/zero" or die; print syscall(0, fileno $zero, $p, 8 << 20), "\n"'
    profile all ''
    sed -i 's/"date"/"date", "perl"/' all.toml
    [ "$(up all perl -e "$touch")" = 8388608 ] || fail "no huge pages without a limit"
    if has hugetlb; then
        sed 's/^.limits.$/&\nhugetlb = { "2M" = "4M" }/' all.toml >pages.toml
        out=$(up pages perl -e "$touch")
        [ "$out" = 4194304 ] || fail "hugetlb: $out"
        # What is promised at once is refused at once.
        if up pages perl -e "$(echo "$touch" | sed 's/0x44022/0x40022/')" 2>error; then fail "huge pages are promised"; fi
        grep -q '^mmap: Cannot allocate memory' error || fail "hugetlb: $(cat error)"
    fi
    echo 0 >/proc/sys/vm/nr_hugepages
fi

# Nothing is left.
left=$(find /sys/fs/cgroup -name 'sandbox-*' 2>/dev/null | head -n 3)
[ -z "$left" ] || fail "left: $left"
echo "every limit holds"
