/* Other processes: PID 1, the host's, and children as victims of one's own. */
#include "probe.h"
#include <dirent.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

/* The process that is meant: a number, or `child` for a new one that the attack may have. */
static pid_t victim(char **args)
{
    if (strcmp(word(args, 0), "child"))
        return (pid_t)number(args, 0);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* Otherwise it ended before it was asked. */
        if (getppid() == parent)
            pause();
        _exit(0);
    }
    return child;
}

static long attach(char **args)
{
    pid_t pid = victim(args);
    long result = ptrace(PTRACE_ATTACH, pid, 0, 0);
    if (result == 0) {
        waitpid(pid, NULL, 0);
        ptrace(PTRACE_DETACH, pid, 0, 0);
    }
    return result;
}

static long seize(char **args) { return ptrace(PTRACE_SEIZE, victim(args), 0, 0); }

/* The same place in both: a child has it where this process has it. */
static char place[8];

static long vm_read(char **args)
{
    char here[1];
    struct iovec mine = {here, 1}, theirs = {place, 1};
    return syscall(SYS_process_vm_readv, victim(args), &mine, 1, &theirs, 1, 0);
}

static long vm_write(char **args)
{
    char here[1] = {0};
    struct iovec mine = {here, 1}, theirs = {place, 1};
    return syscall(SYS_process_vm_writev, victim(args), &mine, 1, &theirs, 1, 0);
}

static long get_descriptor(char **args)
{
    int fd = (int)syscall(SYS_pidfd_open, victim(args), 0);
    return fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, number(args, 1), 0);
}

static long compare(char **args) { return syscall(SYS_kcmp, getpid(), victim(args), 1 /* KCMP_VM */, 0, 0); }
static long send_signal(char **args) { return kill((pid_t)number(args, 0), (int)number(args, 1)); }

static long raise_limit(char **args)
{
    struct rlimit limit;
    (void)args;
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_max = limit.rlim_cur = limit.rlim_max + 1;
    return setrlimit(RLIMIT_CORE, &limit);
}

static long leave_groups(char **args) { (void)args; return setgroups(0, NULL); }

/* How many processes there can be, up to MOST; all of them stay until the end. */
static long fork_many(char **args)
{
    long count = 0, most = number(args, 0);
    int error = 0;
    pid_t *children = calloc((size_t)most, sizeof *children);
    for (; count < most; count++) {
        children[count] = fork();
        if (children[count] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pause();
            _exit(0);
        }
        if (children[count] < 0) {
            error = errno;
            break;
        }
    }
    printf("fork-many: %ld\n", count);
    for (long i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    while (wait(NULL) > 0) {
    }
    if (!error)
        return 0;
    errno = error;
    return -1;
}

/* The binaries of all other processes that /proc shows, opened in the WAY `read` or `write`. */
static long open_binaries(char **args)
{
    DIR *proc = opendir("/proc");
    int flags = strcmp(word(args, 0), "write") ? O_RDONLY : O_WRONLY;
    long opened = -1;
    int error = ENOENT;
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        char path[300];
        int pid = atoi(entry->d_name);
        if (pid <= 0 || pid == getpid() || pid == getppid())
            continue;
        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        int fd = open(path, flags | O_CLOEXEC);
        if (fd >= 0)
            opened = 0;
        else
            error = errno;
    }
    errno = error;
    return opened;
}

/* Two processes of which the second leaves its session, its group and its parent; both stay. */
static long scatter(char **args)
{
    (void)args;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0) {
            signal(SIGHUP, SIG_IGN);
            signal(SIGTERM, SIG_IGN);
            for (;;)
                pause();
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    puts("scattered");
    fflush(stdout);
    for (;;)
        pause();
}

/* MIB of output. */
static long flood(char **args)
{
    static char block[1 << 16];
    memset(block, 'y', sizeof block);
    for (size_t i = 79; i < sizeof block; i += 80)
        block[i] = '\n';
    for (long left = number(args, 0) * 16; left > 0; left--)
        if (write(1, block, sizeof block) < 0)
            return -1;
    return TOLD;
}

/* PATH MIB: a file of that size. */
static long fill(char **args)
{
    static char block[1 << 16];
    int fd = open(word(args, 0), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    for (long left = number(args, 1) * 16; left > 0; left--)
        if (write(fd, block, sizeof block) < 0)
            return -1;
    return 0;
}

const struct probe process_probes[] = {
    {"ptrace-attach", attach}, {"ptrace-seize", seize}, {"process_vm_readv", vm_read}, {"process_vm_writev", vm_write},
    {"pidfd_getfd", get_descriptor}, {"kcmp", compare}, {"kill", send_signal}, {"raise-limit", raise_limit},
    {"setgroups", leave_groups}, {"fork-many", fork_many}, {"open-binaries", open_binaries}, {"scatter", scatter},
    {"flood", flood}, {"fill", fill},
    {NULL, NULL},
};
