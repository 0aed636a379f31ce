/* What a hostile program tries, one attack a call: prints `worked`, or the name of the errno that
 * stopped it. Every attack ends with its process and changes nothing that a caller did not name. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int answer(long result)
{
    if (result < 0) {
        puts(strerrorname_np(errno));
        return 1;
    }
    puts("worked");
    return 0;
}

/* A file that has no name yet, given one. */
static int link_unnamed(const char *directory, const char *name)
{
    char path[64];
    int file = open(directory, O_TMPFILE | O_WRONLY, 0600);
    if (file < 0)
        return answer(file);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return answer(linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW));
}

/* Says what the server says. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[64];
    int end = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (end < 0 || connect(end, (struct sockaddr *)&address, sizeof address))
        return answer(-1);
    ssize_t length = read(end, text, sizeof text - 1);
    if (length < 0)
        return answer(length);
    text[length] = 0;
    puts(text);
    return 0;
}

static int usage(void)
{
    fputs("no such attack\n", stderr);
    return 64;
}

/* ---- namespaces ---- */

static unsigned long namespace_flag(const char *name)
{
    static const struct { const char *name; unsigned long flag; } known[] = {
        {"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
        {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name))
            return known[i].flag;
    exit(usage());
}

/* The raw call: a namespace flag needs no stack. */
static int by_clone(unsigned long flag)
{
    long pid = syscall(SYS_clone, flag | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return answer(pid);
}

static int by_clone3(unsigned long flag)
{
    struct clone_args args = {.flags = flag, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return answer(pid);
}

static int by_setns(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return answer(fd < 0 ? fd : setns(fd, 0));
}

/* ---- file system ---- */

/* The classic: a root below the working directory, and up from there. Prints the root's inode. */
static int chroot_escape(const char *dir)
{
    struct stat root;
    mkdir(dir, 0700);
    if (chroot(dir) < 0)
        return answer(-1);
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0)
            return answer(-1);
    if (chroot(".") < 0 || stat("/", &root) < 0)
        return answer(-1);
    printf("%lu:%lu\n", (unsigned long)root.st_dev, (unsigned long)root.st_ino);
    return 0;
}

static int open_and_close(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int result = answer(fd);
    if (fd >= 0)
        close(fd);
    return result;
}

static int overwrite(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return answer(fd < 0 ? fd : write(fd, text, strlen(text)));
}

/* No attack, but the defect that a second wall stands behind: root on the host takes all flags off one
 * of the sandbox's own mounts. */
static int loosen(const char *pid, const char *path)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%s/ns/mnt", pid);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
        return answer(-1);
    return answer(mount("none", path, NULL, MS_REMOUNT | MS_BIND, NULL));
}

/* ---- descriptors ---- */

static int list_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    puts("");
    return 0;
}

/* Any open directory leads out of a chroot. */
static int climb_descriptors(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct stat status;
        if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
            return answer(fchdir(fd));
    }
    errno = EBADF;
    return answer(-1);
}

/* ---- terminal ---- */

static int push_key(unsigned long high)
{
    char key = 'x';
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return answer(-1);
    return answer(syscall(SYS_ioctl, fd, high | TIOCSTI, &key));
}

/* ---- other numbers of the same calls ---- */

static int by_int80(void)
{
#ifdef __x86_64__
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "r8", "r9", "r10", "r11", "memory");
    if (result < 0)
        errno = (int)-result;
    return answer(result);
#else
    return usage();
#endif
}

static int by_x32(void) { return answer(syscall(0x40000000 | SYS_getpid)); }

/* ---- other processes ---- */

static int attach(pid_t pid)
{
    long result = ptrace(PTRACE_ATTACH, pid, 0, 0);
    if (result == 0) {
        waitpid(pid, NULL, 0);
        ptrace(PTRACE_DETACH, pid, 0, 0);
    }
    return answer(result);
}

/* A victim of its own, so that it works where nothing forbids it. */
static int attach_to_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    int result = attach(child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return result;
}

static int abstract_socket(const char *name, int listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    memcpy(address.sun_path + 1, name, strlen(name));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!listening)
        return answer(connect(fd, (struct sockaddr *)&address, length));
    if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4) < 0)
        return answer(-1);
    answer(0);
    fflush(stdout);
    /* Until the one who started it closes standard input. */
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    return 0;
}

/* ---- limits ---- */

/* A compiler would leave out what nobody reads. */
static char *touched(size_t mib, int value)
{
    char *memory = malloc(mib << 20);
    if (memory)
        memset(memory, value, mib << 20);
    __asm__ volatile("" : : "r"(memory) : "memory");
    return memory;
}

/* Takes and touches memory block by block, and says so after each. */
static int hog(int blocks, size_t mib)
{
    for (int block = 1; block <= blocks; block++) {
        if (!touched(mib, block))
            return answer(-1);
        printf("%d\n", block);
        fflush(stdout);
    }
    return 0;
}

/* The same, a child a block: all of them live until the end. */
static int hog_together(int children, size_t mib)
{
    int ready[2], killed = 0;
    if (pipe(ready) < 0)
        return answer(-1);
    for (int child = 0; child < children; child++) {
        if (fork() == 0) {
            if (!touched(mib, child + 1) || write(ready[1], "x", 1) != 1)
                _exit(2);
            sleep(3);
            _exit(0);
        }
        /* One after the other; a killed one writes nothing. */
        struct timespec pause = {.tv_nsec = 300000000};
        nanosleep(&pause, NULL);
    }
    for (int child = 0, status; child < children; child++)
        if (wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            killed++;
    printf("%d\n", killed);
    return 0;
}

/* Processes that stay, until one is refused; prints how many there were. */
static int fork_until_refused(int most)
{
    int count = 0;
    for (; count < most; count++) {
        pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        if (pid < 0)
            break;
    }
    printf("%d %s\n", count, count < most ? strerrorname_np(errno) : "worked");
    fflush(stdout);
    kill(0, SIGKILL);
    return 0;
}

/* ---- ends ---- */

static void say(int signal)
{
    char line[] = "signal 00\n";
    line[7] = (char)('0' + signal / 10);
    line[8] = (char)('0' + signal % 10);
    if (write(1, line, sizeof line - 1) < 0)
        _exit(70);
}

/* Names every signal that comes, until the third. */
static int name_signals(int count)
{
    sigset_t all, none;
    struct sigaction action = {.sa_handler = say};
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int signal = 1; signal < 32; signal++)
        sigaction(signal, &action, NULL);
    puts("ready");
    fflush(stdout);
    for (; count > 0; count--)
        sigsuspend(&none);
    return 0;
}

/* Leaves orphans that end at once: PID 1 has to take them in. */
static int leave_orphans(int count)
{
    for (; count > 0; count--) {
        pid_t pid = fork();
        if (pid == 0) {
            if (fork() == 0)
                _exit(0);
            _exit(0);
        }
        if (pid < 0)
            return answer(-1);
        waitpid(pid, NULL, 0);
    }
    return answer(0);
}

/* The names of a file's extended attributes, one a line. */
static int list_attributes(const char *path)
{
    char names[4096];
    ssize_t length = listxattr(path, names, sizeof names);
    if (length < 0)
        return answer(-1);
    for (char *name = names; name < names + length; name += strlen(name) + 1)
        puts(name);
    return 0;
}

/* ---- bare calls ---- */

static int bare(const char *name)
{
    long result;
    errno = 0;
    if (!strcmp(name, "keyctl"))
        result = syscall(SYS_keyctl, 0, -3, 0); /* KEYCTL_GET_KEYRING_ID of the session */
    else if (!strcmp(name, "io_uring_setup"))
        result = syscall(SYS_io_uring_setup, 1, (char[256]){0});
    else if (!strcmp(name, "userfaultfd"))
        result = syscall(SYS_userfaultfd, 1); /* UFFD_USER_MODE_ONLY */
    else if (!strcmp(name, "setgroups"))
        result = setgroups(0, NULL);
    else if (!strcmp(name, "setuid"))
        result = setuid(0);
    else if (!strcmp(name, "euid")) {
        printf("%d\n", (int)geteuid());
        return 0;
    } else
        return usage();
    return answer(result);
}

/* So many processes that make refused calls and nothing else, until somebody ends them. */
static int flood_refused(int processes)
{
    while (--processes > 0 && fork() > 0)
        ;
    while (syscall(SYS_keyctl, 0, -3, 0) < 0)
        ;
    return answer(0);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *one = argc > 2 ? argv[2] : "", *two = argc > 3 ? argv[3] : "";
    if (!strcmp(name, "unshare")) return answer(unshare((int)namespace_flag(one)));
    if (!strcmp(name, "clone")) return by_clone(namespace_flag(one));
    if (!strcmp(name, "clone3")) return by_clone3(namespace_flag(one));
    if (!strcmp(name, "setns")) return by_setns(one);
    if (!strcmp(name, "sethostname")) return answer(sethostname(one, strlen(one)));
    if (!strcmp(name, "mount-tmpfs")) return answer(mount("none", one, "tmpfs", 0, NULL));
    if (!strcmp(name, "mount-proc")) return answer(mount("none", one, "proc", 0, NULL));
    if (!strcmp(name, "mount-cgroup")) return answer(mount("none", one, "cgroup", 0, two));
    if (!strcmp(name, "remount-rw")) return answer(mount("none", one, NULL, MS_REMOUNT | MS_BIND, NULL));
    if (!strcmp(name, "loosen")) return loosen(one, two);
    if (!strcmp(name, "umount")) return answer(umount2(one, MNT_DETACH));
    if (!strcmp(name, "chroot-escape")) return chroot_escape(one);
    if (!strcmp(name, "mknod-null")) return answer(mknod(one, S_IFCHR | 0666, makedev(1, 3)));
    if (!strcmp(name, "open-write")) return open_and_close(one, O_WRONLY);
    if (!strcmp(name, "open-read")) return open_and_close(one, O_RDONLY);
    if (!strcmp(name, "create")) return open_and_close(one, O_WRONLY | O_CREAT | O_EXCL);
    if (!strcmp(name, "overwrite")) return overwrite(one, two);
    if (!strcmp(name, "chmod")) return answer(chmod(one, (mode_t)strtoul(two, NULL, 8)));
    if (!strcmp(name, "chown")) return answer(chown(one, (uid_t)atoi(two), (gid_t)-1));
    if (!strcmp(name, "descriptors")) return list_descriptors();
    if (!strcmp(name, "climb-descriptors")) return climb_descriptors();
    if (!strcmp(name, "tiocsti")) return push_key(0);
    if (!strcmp(name, "tiocsti-high")) return push_key(0x100000000UL);
    if (!strcmp(name, "int80")) return by_int80();
    if (!strcmp(name, "x32")) return by_x32();
    if (!strcmp(name, "attach")) return attach(atoi(one));
    if (!strcmp(name, "attach-child")) return attach_to_child();
    if (!strcmp(name, "socket")) return answer(socket(atoi(one), SOCK_RAW, atoi(two)));
    if (!strcmp(name, "kill")) return answer(kill(atoi(one), atoi(two)));
    if (!strcmp(name, "connect-abstract")) return abstract_socket(one, 0);
    if (!strcmp(name, "listen-abstract")) return abstract_socket(one, 1);
    if (!strcmp(name, "hog")) return hog(atoi(one), (size_t)atoi(two));
    if (!strcmp(name, "hog-together")) return hog_together(atoi(one), (size_t)atoi(two));
    if (!strcmp(name, "fork-until-refused")) return fork_until_refused(atoi(one));
    if (!strcmp(name, "flood-refused")) return flood_refused(atoi(one));
    if (!strcmp(name, "name-signals")) return name_signals(atoi(one));
    if (!strcmp(name, "rename")) return answer(renameat2(AT_FDCWD, one, AT_FDCWD, two, 0));
    if (!strcmp(name, "exchange")) return answer(renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE));
    if (!strcmp(name, "link")) return answer(linkat(AT_FDCWD, one, AT_FDCWD, two, 0));
    if (!strcmp(name, "unlink")) return answer(unlink(one));
    if (!strcmp(name, "rmdir")) return answer(rmdir(one));
    if (!strcmp(name, "truncate")) return answer(truncate(one, 0));
    if (!strcmp(name, "link-unnamed")) return link_unnamed(one, two);
    if (!strcmp(name, "connect")) return connect_to(one);
    if (!strcmp(name, "set-attribute")) return answer(setxattr(one, two, argv[4], strlen(argv[4]), 0));
    if (!strcmp(name, "list-attributes")) return list_attributes(one);
    if (!strcmp(name, "leave-orphans")) return leave_orphans(atoi(one));
    return bare(name);
}
