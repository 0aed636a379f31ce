/* What a hostile program tries. One attack, or several with `--` between them:
 *
 *     probe NAME [ARGUMENT...] [-- NAME [ARGUMENT...]]...
 *
 * Each prints `NAME: worked`, `NAME: refused ERRNO`, or `NAME: killed SIGNAL`; what looks at something
 * prints that instead of `worked`. It is one static file, so that a tree needs nothing else; each attack
 * has a process of its own, and none changes what its arguments do not name. */
#include "probe.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static const struct probe *const parts[] = {file_probes, mount_probes, call_probes, process_probes, told_probes};

const char *word(char **args, int index)
{
    for (int i = 0; i <= index; i++)
        if (!args[i])
            return "";
    return args[index];
}

long number(char **args, int index) { return strtol(word(args, index), NULL, 0); }

unsigned long octal(char **args, int index) { return strtoul(word(args, index), NULL, 8); }

static attack *find(const char *name)
{
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
        for (const struct probe *probe = parts[part]; probe->name; probe++)
            if (!strcmp(probe->name, name))
                return probe->run;
    return NULL;
}

static int perform(const char *name, attack *run, char **args)
{
    fflush(stdout);
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        printf("%s: no process of its own: %s\n", name, strerrorname_np(errno));
        return 70;
    }
    if (child == 0) {
        /* Who kills the one kills the other. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(70);
        errno = 0;
        long result = run(args);
        if (result == -1)
            printf("%s: refused %s\n", name, strerrorname_np(errno));
        else if (result != TOLD)
            printf("%s: worked\n", name);
        fflush(stdout);
        _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status))
        printf("%s: killed SIG%s\n", name, sigabbrev_np(WTERMSIG(status)));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* NAME PROGRAM...: a key of that name in a session keyring of its own, which the program inherits. */
static int with_key(char **args)
{
    if (syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL) < 0 ||
        syscall(SYS_add_key, "user", args[0], "secret", 6UL, -3 /* the session's */) < 0) {
        printf("with-key: refused %s\n", strerrorname_np(errno));
        return 1;
    }
    execv(args[1], args + 1);
    return 127;
}

/* NUMBERS PROGRAM...: under a filter that answers EPERM to these calls, as containers have one. */
static int refusing(char **args)
{
    struct sock_filter filter[64] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short length = 1;
    for (char *next = strtok(args[0], ","); next && length < 60; next = strtok(NULL, ",")) {
        struct sock_filter pair[] = {
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)strtoul(next, NULL, 0), 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        };
        memcpy(filter + length, pair, sizeof pair);
        length += 2;
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {length, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        printf("refusing: refused %s\n", strerrorname_np(errno));
        return 1;
    }
    execv(args[1], args + 1);
    return 127;
}

int main(int argc, char **argv)
{
    if (argc > 3 && !strcmp(argv[1], "with-key"))
        return with_key(argv + 2);
    if (argc > 3 && !strcmp(argv[1], "refusing"))
        return refusing(argv + 2);
    int code = 0;
    for (int at = 1; at < argc;) {
        int end = at;
        while (end < argc && strcmp(argv[end], "--"))
            end++;
        argv[end] = NULL;
        attack *run = find(argv[at]);
        if (!run) {
            fprintf(stderr, "no such attack: %s\n", argv[at]);
            return 64;
        }
        int result = perform(argv[at], run, argv + at + 1);
        code = code ? code : result;
        at = end + 1;
    }
    return code;
}
