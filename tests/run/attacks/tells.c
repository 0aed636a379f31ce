/* What can be seen: these print it, and nothing else where they succeed. */
#include "probe.h"
#include <dirent.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>

extern char **environ;

static long contents(char **args)
{
    char block[4096];
    int fd = open(word(args, 0), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    fflush(stdout);
    for (long left = 16, got; left > 0; left--) {
        got = read(fd, block, sizeof block);
        if (got < 0)
            return -1;
        if (got == 0 || write(1, block, (size_t)got) != got)
            break;
    }
    return TOLD;
}

static int by_name(const struct dirent **one, const struct dirent **other) { return strcmp((*one)->d_name, (*other)->d_name); }

static long names(char **args)
{
    struct dirent **entries;
    int count = scandir(word(args, 0), &entries, NULL, by_name);
    if (count < 0)
        return -1;
    for (int i = 0; i < count; i++)
        if (strcmp(entries[i]->d_name, ".") && strcmp(entries[i]->d_name, ".."))
            puts(entries[i]->d_name);
    return TOLD;
}

static const char *kind(mode_t mode)
{
    if (S_ISDIR(mode)) return "directory";
    if (S_ISREG(mode)) return "file";
    if (S_ISLNK(mode)) return "link";
    if (S_ISCHR(mode)) return "character";
    if (S_ISBLK(mode)) return "block";
    return "other";
}

/* KIND MODE DEVICE:INODE MAJOR:MINOR FILE-SYSTEM, without following a link. */
static long status(char **args)
{
    struct stat found;
    struct statfs system;
    if (lstat(word(args, 0), &found) < 0 || statfs(word(args, 0), &system) < 0)
        return -1;
    printf("%s %o %lu:%lu %u:%u %lx\n", kind(found.st_mode), found.st_mode & 07777, (unsigned long)found.st_dev,
           (unsigned long)found.st_ino, major(found.st_rdev), minor(found.st_rdev), (unsigned long)system.f_type);
    return TOLD;
}

static long environment(char **args)
{
    (void)args;
    for (char **entry = environ; *entry; entry++)
        puts(*entry);
    return TOLD;
}

static long ids(char **args)
{
    gid_t groups[256];
    int count = getgroups(256, groups);
    (void)args;
    printf("%u %u", getuid(), getgid());
    for (int i = 0; i < count; i++)
        printf(" %u", groups[i]);
    puts("");
    return TOLD;
}

static long descriptors(char **args)
{
    (void)args;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    puts("");
    return TOLD;
}

static long directory(char **args)
{
    char path[4096];
    (void)args;
    if (syscall(SYS_getcwd, path, sizeof path) < 0)
        return -1;
    puts(path);
    return TOLD;
}

/* By netlink, as `ip link` does. */
static long interfaces(char **args)
{
    struct if_nameindex *all = if_nameindex();
    (void)args;
    if (!all)
        return -1;
    for (struct if_nameindex *one = all; one->if_index; one++)
        puts(one->if_name);
    return TOLD;
}

static void walk(char *path, size_t length, int depth)
{
    struct dirent **entries;
    int count = depth > 0 ? scandir(path, &entries, NULL, by_name) : 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct stat found;
        if (!strcmp(name, ".") || !strcmp(name, "..") || length + strlen(name) + 2 > 4096)
            continue;
        sprintf(path + length, "/%s", name);
        if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode))
            walk(path, length + 1 + strlen(name), depth - 1);
        else if (S_ISREG(found.st_mode)) {
            int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
            if (fd >= 0) {
                puts(path);
                close(fd);
            }
        }
        path[length] = 0;
    }
}

/* The files below that open for writing; nothing is written. DIRECTORY */
static long writable(char **args)
{
    static char path[8192];
    snprintf(path, 4096, "%s", word(args, 0));
    if (access(path, F_OK) < 0)
        return -1;
    walk(path, strlen(path), 8);
    return TOLD;
}

/* What a supervisor tells whoever may ask: a descriptor. DIRECTORY of its socket, which may be a moment late. */
static long desk(char **args)
{
    struct sockaddr_un address = {AF_UNIX, "desk"};
    int asks = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result;
    if (asks < 0 || chdir(word(args, 0)) < 0)
        return -1;
    for (int tries = 40; (result = connect(asks, (struct sockaddr *)&address, sizeof address)) < 0; tries--) {
        if (errno != ENOENT || tries == 0)
            return -1;
        usleep(50000);
    }
    char byte, space[CMSG_SPACE(sizeof(int))];
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    if (recvmsg(asks, &message, 0) < 0)
        return -1;
    puts(CMSG_FIRSTHDR(&message) ? "desk: told" : "desk: silent");
    return TOLD;
}

static long stays(char **args)
{
    (void)args;
    puts("here");
    fflush(stdout);
    return pause();
}

const struct probe told_probes[] = {
    {"read", contents}, {"list", names}, {"stat", status}, {"environment", environment}, {"ids", ids},
    {"descriptors", descriptors}, {"directory", directory}, {"interfaces", interfaces}, {"writable", writable},
    {"desk", desk}, {"stay", stays},
    {NULL, NULL},
};
