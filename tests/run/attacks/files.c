/* Files: what may be opened, made and changed, and the set-id bits by every call that takes a mode. */
#include "probe.h"
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static long opened(int fd)
{
    if (fd >= 0)
        close(fd);
    return fd;
}

static long open_read(char **args) { return opened(open(word(args, 0), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)); }
static long open_write(char **args) { return opened(open(word(args, 0), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)); }
static long create(char **args) { return opened(open(word(args, 0), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)); }
static long make_directory(char **args) { return mkdir(word(args, 0), 0755); }
static long make_link(char **args) { return symlink(word(args, 0), word(args, 1)); }
static long hard_link(char **args) { return link(word(args, 0), word(args, 1)); }
static long move(char **args) { return rename(word(args, 0), word(args, 1)); }
static long removed(char **args) { return remove(word(args, 0)); }
static long change_owner(char **args) { return chown(word(args, 0), (uid_t)number(args, 1), (gid_t)number(args, 2)); }

static long overwrite(char **args)
{
    int fd = open(word(args, 0), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    long result = write(fd, word(args, 1), strlen(word(args, 1)));
    close(fd);
    return result;
}

/* A shared mapping that can be written, of what may be read. */
static long map_writable(char **args)
{
    int fd = open(word(args, 0), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    return mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0;
}

/* PATH: other content through a shared mapping, which leaves the mode as it is. */
static long map_write(char **args)
{
    int fd = open(word(args, 0), O_RDWR | O_CLOEXEC);
    char *map = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -1;
    *map = 'X';
    return msync(map, 1, MS_SYNC);
}

/* ---- modes: PATH MODE ---- */

static long by_chmod(char **args) { return syscall(SYS_chmod, word(args, 0), octal(args, 1)); }
static long by_fchmodat(char **args) { return syscall(SYS_fchmodat, AT_FDCWD, word(args, 0), octal(args, 1)); }
static long by_fchmodat2(char **args) { return syscall(SYS_fchmodat2, AT_FDCWD, word(args, 0), octal(args, 1), 0); }
static long by_open(char **args) { return opened((int)syscall(SYS_open, word(args, 0), O_CREAT | O_EXCL | O_WRONLY, octal(args, 1))); }
static long by_openat(char **args) { return opened((int)syscall(SYS_openat, AT_FDCWD, word(args, 0), O_CREAT | O_EXCL | O_WRONLY, octal(args, 1))); }
static long by_creat(char **args) { return opened((int)syscall(SYS_creat, word(args, 0), octal(args, 1))); }
static long by_mkdir(char **args) { return syscall(SYS_mkdir, word(args, 0), octal(args, 1)); }
static long by_mkdirat(char **args) { return syscall(SYS_mkdirat, AT_FDCWD, word(args, 0), octal(args, 1)); }
static long by_mknod(char **args) { return syscall(SYS_mknod, word(args, 0), S_IFREG | octal(args, 1), 0); }
static long by_mknodat(char **args) { return syscall(SYS_mknodat, AT_FDCWD, word(args, 0), S_IFREG | octal(args, 1), 0); }

static long by_fchmod(char **args)
{
    int fd = open(word(args, 0), O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : syscall(SYS_fchmod, fd, octal(args, 1));
}

static long by_openat2(char **args)
{
    struct open_how how = {.flags = O_CREAT | O_EXCL | O_WRONLY, .mode = octal(args, 1)};
    return opened((int)syscall(SYS_openat2, AT_FDCWD, word(args, 0), &how, sizeof how));
}

/* A file without a name that gets one: DIRECTORY/NAME by its directory's nameless file. */
static long by_tmpfile(char **args)
{
    char directory[4096], self[64];
    snprintf(directory, sizeof directory, "%s", word(args, 0));
    char *slash = strrchr(directory, '/');
    if (!slash)
        return errno = EINVAL, -1;
    *slash = 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, directory, O_TMPFILE | O_WRONLY, octal(args, 1));
    if (fd < 0)
        return -1;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, word(args, 0), AT_SYMLINK_FOLLOW);
}

/* ---- attributes ---- */

/* PATH [fd]: capabilities of a file, of the second revision. */
static long set_capability(char **args)
{
    const uint32_t value[5] = {0x02000001, 0xffffffff, 0, 0xffffffff, 0};
    if (!strcmp(word(args, 1), "fd")) {
        int fd = open(word(args, 0), O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -1 : fsetxattr(fd, "security.capability", value, sizeof value, 0);
    }
    return setxattr(word(args, 0), "security.capability", value, sizeof value, 0);
}

static long set_attribute(char **args)
{
    return setxattr(word(args, 0), word(args, 1), word(args, 2), strlen(word(args, 2)), 0);
}

/* PATH MAJOR MINOR */
static long make_device(char **args)
{
    return mknod(word(args, 0), S_IFCHR | 0666, makedev((unsigned)number(args, 1), (unsigned)number(args, 2)));
}

static long make_block_device(char **args)
{
    return mknod(word(args, 0), S_IFBLK | 0666, makedev((unsigned)number(args, 1), (unsigned)number(args, 2)));
}

/* A whiteout is a device that needs no capability where an overlay is. */
static long make_whiteout(char **args) { return mknod(word(args, 0), S_IFCHR, makedev(0, 0)); }

const struct probe file_probes[] = {
    {"open-read", open_read}, {"open-write", open_write}, {"create", create}, {"mkdir", make_directory},
    {"symlink", make_link}, {"link", hard_link}, {"rename", move}, {"remove", removed}, {"chown", change_owner},
    {"overwrite", overwrite}, {"map-writable", map_writable}, {"map-write", map_write},
    {"mode-chmod", by_chmod}, {"mode-fchmod", by_fchmod}, {"mode-fchmodat", by_fchmodat}, {"mode-fchmodat2", by_fchmodat2},
    {"mode-open", by_open}, {"mode-openat", by_openat}, {"mode-openat2", by_openat2}, {"mode-creat", by_creat},
    {"mode-tmpfile", by_tmpfile}, {"mode-mkdir", by_mkdir}, {"mode-mkdirat", by_mkdirat}, {"mode-mknod", by_mknod},
    {"mode-mknodat", by_mknodat},
    {"set-capability", set_capability}, {"set-attribute", set_attribute},
    {"mknod", make_device}, {"mknod-block", make_block_device}, {"whiteout", make_whiteout},
    {NULL, NULL},
};
