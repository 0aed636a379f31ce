/* Attacks of the tests that take out one guard at a time, beside those of attack.c: each prints
 * `worked`, the name of the errno that stopped it, or what it saw. None touches what a test has not made. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static int answer(long result)
{
    puts(result < 0 ? strerrorname_np(errno) : "worked");
    return result < 0;
}

/* A set-id file by the one call whose mode no filter sees. */
static int set_id_by_openat2(const char *path)
{
    struct open_how how = {.flags = O_WRONLY | O_CREAT | O_CLOEXEC, .mode = 04755};
    return answer(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

/* No terminal: past a filter it is another error, and nothing is typed. */
static int type_into_null(unsigned long high)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return answer(fd < 0 ? fd : syscall(SYS_ioctl, fd, high | TIOCSTI, "x"));
}

/* ---- what has no namespace, or one of its own ---- */

static int make_memory(key_t key) { return answer(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666)); }

static int find_memory(key_t key) { return answer(shmget(key, 0, 0)); }

static int remove_memory(key_t key)
{
    int id = shmget(key, 0, 0);
    return answer(id < 0 ? id : shmctl(id, IPC_RMID, NULL));
}

/* A session keyring with one key of the test's, and a command in it. */
static int with_key(const char *name, char **command)
{
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
        syscall(SYS_add_key, "user", name, "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0)
        return answer(-1);
    execvp(command[0], command);
    return answer(-1);
}

static int find_key(const char *name)
{
    char payload[16];
    long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", name, 0);
    return answer(key < 0 ? key : syscall(SYS_keyctl, KEYCTL_READ, key, payload, sizeof payload));
}

/* ---- files ---- */

/* CAP_SYS_ADMIN for who executes it, as setcap(8) writes it. */
static int give_capability(const char *path)
{
    struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE};
    data.data[0].permitted = 1 << CAP_SYS_ADMIN;
    return answer(setxattr(path, "security.capability", &data, sizeof data, 0));
}

/* ---- a supervisor that is killed as early as possible ---- */

/* struct ptrace_syscall_info of linux/ptrace.h, whose name the libraries do not agree about. */
struct call {
    uint8_t op;
    uint8_t pad[3];
    uint32_t arch;
    uint64_t instruction, stack;
    union {
        struct { uint64_t number, arguments[6]; } entry;
        struct { int64_t value; uint8_t failed; } exit;
    };
};
enum { AT_ENTRY = 1, AT_EXIT = 2, GET_CALL = 0x420e };

/* Runs a command, and kills it in the very call that makes the sandbox's first process; prints that one's
 * id. What the command itself is made of is not followed. */
static int kill_after_clone(char **command)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* What is left of it must not hold the pipes of who waits for this program. */
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(command[0], command);
        _exit(70);
    }
    int status;
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    uint64_t flags = 0;
    int signal = 0;
    for (;;) {
        struct call call;
        if (ptrace(PTRACE_SYSCALL, pid, 0, signal) < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
            break;
        signal = 0;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            /* But for the one of exec, it is for the command. */
            signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
            continue;
        }
        if (syscall(SYS_ptrace, GET_CALL, pid, sizeof call, &call) < 0)
            break;
        if (call.op == AT_ENTRY) {
            flags = 0;
            if (call.entry.number == SYS_clone3)
                flags = (uint64_t)ptrace(PTRACE_PEEKDATA, pid, call.entry.arguments[0], 0);
        } else if (call.op == AT_EXIT && flags & CLONE_NEWNS) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            printf("%d\n", (int)call.exit.value);
            return 0;
        }
    }
    puts("it made no sandbox");
    return 1;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *one = argc > 2 ? argv[2] : "";
    if (!strcmp(name, "openat2-set-id")) return set_id_by_openat2(one);
    if (!strcmp(name, "type")) return type_into_null(0);
    if (!strcmp(name, "type-high")) return type_into_null(0x100000000UL);
    if (!strcmp(name, "socketpair")) return answer(socketpair(atoi(one), SOCK_STREAM, 0, (int[2]){0}));
    if (!strcmp(name, "personality")) return answer(personality(strtoul(one, NULL, 16)));
    if (!strcmp(name, "map-size")) return answer(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &(unsigned){0}, 0, 0));
    if (!strcmp(name, "session")) return !printf("%d\n", (int)getsid(0));
    if (!strcmp(name, "make-memory")) return make_memory(atoi(one));
    if (!strcmp(name, "find-memory")) return find_memory(atoi(one));
    if (!strcmp(name, "remove-memory")) return remove_memory(atoi(one));
    if (!strcmp(name, "with-key")) return with_key(one, argv + 3);
    if (!strcmp(name, "find-key")) return find_key(one);
    if (!strcmp(name, "give-capability")) return give_capability(one);
    if (!strcmp(name, "kill-after-clone")) return kill_after_clone(argv + 2);
    fputs("no such attack\n", stderr);
    return 64;
}
