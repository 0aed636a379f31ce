/* Mounts and namespaces, by every interface of the kernel. */
#include "probe.h"
#include <linux/mount.h>
#include <linux/sched.h>

/* <sys/mount.h> and <linux/mount.h> do not go together everywhere. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

#define DETACH 2

static long tmpfs(char **args) { return mount("none", word(args, 0), "tmpfs", 0, NULL); }
static long proc(char **args) { return mount("none", word(args, 0), "proc", 0, NULL); }
static long sysfs(char **args) { return mount("none", word(args, 0), "sysfs", 0, NULL); }
static long cgroup(char **args) { return mount("none", word(args, 0), "cgroup", 0, word(args, 1)); }
static long cgroup2(char **args) { return mount("none", word(args, 0), "cgroup2", 0, NULL); }
static long overlay(char **args) { return mount("none", word(args, 0), "overlay", 0, word(args, 1)); }
static long bind(char **args) { return mount(word(args, 0), word(args, 1), NULL, MS_BIND | MS_REC, NULL); }
static long moved(char **args) { return mount(word(args, 0), word(args, 1), NULL, 8192 /* MS_MOVE */, NULL); }
static long remount(char **args) { return mount("none", word(args, 0), NULL, MS_REMOUNT | MS_BIND, NULL); }
static long remount_whole(char **args) { return mount("none", word(args, 0), NULL, MS_REMOUNT, NULL); }
static long shared(char **args) { return mount("none", word(args, 0), NULL, MS_REC | MS_SHARED, NULL); }
static long detach(char **args) { return umount2(word(args, 0), DETACH); }
static long pivot(char **args) { return syscall(SYS_pivot_root, word(args, 0), word(args, 0)); }
static long change_root(char **args) { return chroot(word(args, 0)); }
static long tree(char **args) { return syscall(SYS_open_tree, AT_FDCWD, word(args, 0), OPEN_TREE_CLONE | AT_RECURSIVE); }
static long pick(char **args) { return syscall(SYS_fspick, AT_FDCWD, word(args, 0), 0); }

/* KIND DIRECTORY: a file system by descriptors. */
static long by_descriptors(char **args)
{
    int context = (int)syscall(SYS_fsopen, word(args, 0), 0);
    if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    int mounted = (int)syscall(SYS_fsmount, context, 0, 0);
    return mounted < 0 ? -1 : syscall(SYS_move_mount, mounted, "", AT_FDCWD, word(args, 1), MOVE_MOUNT_F_EMPTY_PATH);
}

static long set_writable(char **args)
{
    struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    return syscall(SYS_mount_setattr, AT_FDCWD, word(args, 0), AT_RECURSIVE, &attributes, sizeof attributes);
}

static long move_tree(char **args)
{
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, word(args, 0), 0);
    return tree < 0 ? -1 : syscall(SYS_move_mount, tree, "", AT_FDCWD, word(args, 1), MOVE_MOUNT_F_EMPTY_PATH);
}

/* ---- namespaces ---- */

static unsigned long flag(char **args)
{
    static const struct { const char *name; unsigned long flag; } known[] = {
        {"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
        {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
        {"none", 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, word(args, 0)))
            return known[i].flag;
    fputs("no such namespace\n", stderr);
    _exit(64);
}

static long by_unshare(char **args) { return unshare((int)flag(args)); }

static long ended(long pid)
{
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return pid;
}

static long by_clone(char **args) { return ended(syscall(SYS_clone, flag(args) | SIGCHLD, 0, 0, 0, 0)); }

static long by_clone3(char **args)
{
    struct clone_args how = {.flags = flag(args), .exit_signal = SIGCHLD};
    return ended(syscall(SYS_clone3, &how, sizeof how));
}

static long by_setns(char **args)
{
    int fd = open(word(args, 0), O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : setns(fd, 0);
}

/* All namespaces of a process at once. */
static long by_pidfd(char **args)
{
    int fd = (int)syscall(SYS_pidfd_open, number(args, 0), 0);
    return fd < 0 ? -1 : setns(fd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET);
}

const struct probe mount_probes[] = {
    {"mount-tmpfs", tmpfs}, {"mount-proc", proc}, {"mount-sysfs", sysfs}, {"mount-cgroup", cgroup},
    {"mount-cgroup2", cgroup2}, {"mount-overlay", overlay}, {"mount-bind", bind}, {"mount-move", moved},
    {"remount", remount}, {"remount-whole", remount_whole}, {"mount-shared", shared}, {"umount", detach},
    {"pivot_root", pivot}, {"chroot", change_root}, {"open_tree", tree}, {"fspick", pick},
    {"fsopen", by_descriptors}, {"mount_setattr", set_writable}, {"move_mount", move_tree},
    {"unshare", by_unshare}, {"clone", by_clone}, {"clone3", by_clone3}, {"setns", by_setns}, {"setns-pidfd", by_pidfd},
    {NULL, NULL},
};
