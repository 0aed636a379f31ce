//! `[limits]` and `[limits.process]`.

use super::shape::{Absent, Form, Key, Shape};

const NONE: Absent = Absent::Means("no limit");

const fn limit(
    name: &'static str,
    form: Form,
    example: &'static str,
    meaning: &'static str,
    kernel: &'static str,
) -> Key {
    Key {
        name,
        shape: Shape::Text(form),
        absent: NONE,
        example,
        meaning,
        kernel,
    }
}

macro_rules! rlimits {
    ($($name:literal $form:ident $example:literal $kernel:literal $meaning:literal;)+) => {
        &[$(Key {
            name: $name,
            shape: Shape::Either(&[
                Shape::Text(Form::$form),
                Shape::Table(&[
                    Key::required("soft", Form::$form, $example, "The limit that holds; the program may raise it to `hard`."),
                    Key::required("hard", Form::$form, $example, "The limit that cannot be raised."),
                ]),
            ]),
            absent: Absent::Means("as the caller's"),
            example: $example,
            meaning: $meaning,
            kernel: $kernel,
        }),+]
    };
}

const PROCESS: &[Key] = rlimits! {
    "as" RlimitBytes "\"2G\"" "RLIMIT_AS" "Address space.";
    "core" RlimitBytes "0" "RLIMIT_CORE" "Size of a core file.";
    "cpu" RlimitTime "60" "RLIMIT_CPU" "Processor time of one process, in seconds.";
    "data" RlimitBytes "\"1G\"" "RLIMIT_DATA" "Data segment and private writable mappings.";
    "fsize" RlimitBytes "\"100M\"" "RLIMIT_FSIZE" "Size of a file that it writes.";
    "locks" RlimitCount "100" "RLIMIT_LOCKS" "File locks; without meaning since Linux 2.4.";
    "memlock" RlimitBytes "\"64K\"" "RLIMIT_MEMLOCK" "Memory that it may lock.";
    "msgqueue" RlimitBytes "\"800K\"" "RLIMIT_MSGQUEUE" "POSIX message queues of the user.";
    "nice" RlimitCount "0" "RLIMIT_NICE" "How far it may raise its priority: 20 less this is the lowest nice value.";
    "nofile" RlimitCount "1024" "RLIMIT_NOFILE" "Open files, as one more than the highest descriptor.";
    "nproc" RlimitCount "512" "RLIMIT_NPROC" "Processes of the user in this user namespace; `limits.pids` is what counts the sandbox's.";
    "rss" RlimitBytes "\"1G\"" "RLIMIT_RSS" "Resident memory; without meaning since Linux 2.4.30.";
    "rtprio" RlimitCount "0" "RLIMIT_RTPRIO" "The highest real-time priority.";
    "rttime" RlimitTime "100000" "RLIMIT_RTTIME" "Processor time of a real-time process between two sleeps, in microseconds.";
    "sigpending" RlimitCount "1000" "RLIMIT_SIGPENDING" "Queued signals of the user.";
    "stack" RlimitBytes "\"8M\"" "RLIMIT_STACK" "The stack of its first thread.";
};

const IO: &[Key] = &[
    Key {
        name: "device",
        shape: Shape::Text(Form::HostPath),
        absent: Absent::Required,
        example: "\"/dev/vda\"",
        meaning: "A block device of the host, or a path on one. The limit is that of the whole disk.",
        kernel: "",
    },
    limit(
        "read_bps",
        Form::Size,
        "\"10M\"",
        "Bytes read.",
        "v2 rbps; v1 read_bps_device",
    ),
    limit(
        "write_bps",
        Form::Size,
        "\"10M\"",
        "Bytes written. cgroup v1 does not see those that wait in the page cache.",
        "v2 wbps; v1 write_bps_device",
    ),
    limit(
        "read_iops",
        Form::Count,
        "1000",
        "Requests to read.",
        "v2 riops; v1 read_iops_device",
    ),
    limit(
        "write_iops",
        Form::Count,
        "1000",
        "Requests to write.",
        "v2 wiops; v1 write_iops_device",
    ),
];

pub(super) const LIMITS: &[Key] = &[
    limit(
        "memory",
        Form::Size,
        "\"512M\"",
        "Memory, files in memory and the page cache included. Beyond it the whole sandbox is killed, and the report \
         says so.",
        "v2 memory.max, memory.oom.group; v1 memory.limit_in_bytes, memory.oom_control",
    ),
    limit(
        "memory_high",
        Form::Size,
        "\"400M\"",
        "Memory above which the program is slowed down and has to give pages back, before it is killed at `memory`.",
        "v2 memory.high; v1 has none",
    ),
    limit(
        "swap",
        Form::Size,
        "\"0\"",
        "Swap beside that memory.",
        "v2 memory.swap.max; v1 memory.memsw.limit_in_bytes",
    ),
    limit(
        "cpus",
        Form::Cpus,
        "1.5",
        "Processor time, as so many processors' all the time.",
        "v2 cpu.max; v1 cpu.cfs_quota_us, cpu.cfs_period_us",
    ),
    limit(
        "cpu_weight",
        Form::Weight,
        "50",
        "The share of processor time where others want it too; 100 is everybody's.",
        "v2 cpu.weight; v1 cpu.shares",
    ),
    limit(
        "cpuset",
        Form::NumberList,
        "\"0\"",
        "The CPUs that are used, by their numbers.",
        "cpuset.cpus",
    ),
    limit(
        "memory_nodes",
        Form::NumberList,
        "\"0\"",
        "The memory nodes that memory comes from, by their numbers.",
        "cpuset.mems",
    ),
    limit(
        "pids",
        Form::Count,
        "256",
        "Processes and threads.",
        "pids.max",
    ),
    Key {
        name: "io",
        shape: Shape::List(&Shape::Table(IO)),
        absent: NONE,
        example: "[{ device = \"/\", write_bps = \"10M\" }]",
        meaning: "What may be read from and written to disks in a second, all processes together.",
        kernel: "v2 io.max; v1 blkio.throttle.*",
    },
    limit(
        "io_weight",
        Form::Weight,
        "50",
        "The share of a disk's time where others want it too; 100 is everybody's. Disks with the scheduler bfq or with \
         io.cost.qos obey it.",
        "v2 io.weight, io.bfq.weight; v1 blkio.bfq.weight, blkio.weight",
    ),
    Key {
        name: "hugetlb",
        shape: Shape::Map {
            key: Form::PageSize,
            value: &Shape::Text(Form::Size),
        },
        absent: NONE,
        example: "{ \"2M\" = \"64M\" }",
        meaning: "Memory in huge pages, for each size of page.",
        kernel: "v2 hugetlb.<size>.max, hugetlb.<size>.rsvd.max; v1 hugetlb.<size>.limit_in_bytes",
    },
    limit(
        "cpu_time",
        Form::Time,
        "\"60s\"",
        "Processor time of all processes together, those that have ended too; then the sandbox is killed.",
        "v2 cpu.stat; v1 cpuacct.usage, which the supervisor looks at",
    ),
    limit(
        "wall_time",
        Form::Time,
        "\"10m\"",
        "Time from the start to the end; then the sandbox is killed.",
        "a timer of the supervisor",
    ),
    limit(
        "output",
        Form::Size,
        "\"64M\"",
        "Bytes of standard output and standard error together. What fits has been passed on when the sandbox is killed. What \
         `sandbox exec` writes to its own caller does not count. The program writes to pipes then, unless it has a terminal of the sandbox's own.",
        "pipes that the supervisor reads",
    ),
    Key {
        name: "process",
        shape: Shape::Table(PROCESS),
        absent: Absent::Means("as the caller's"),
        example: "",
        meaning: "Limits of each single process, by the names of limits.conf(5). One value is both, or `{ soft = …, hard = … }`; \
                  `\"unlimited\"` is none.",
        kernel: "prlimit(2)",
    },
];
