/* Bare system calls. Where the kernel would obey root, the arguments are such that it has nothing to do:
 * what gets past a filter and the capabilities answers EINVAL, ENOENT or the like. */
#include "probe.h"
#include <netinet/in.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static long keyctl(char **args) { (void)args; return syscall(SYS_keyctl, 0, -3, 0); /* the session's */ }
static long add_key(char **args) { (void)args; return syscall(SYS_add_key, "user", "probe", "x", 1, -2 /* the process's */); }
static long request_key(char **args) { (void)args; return syscall(SYS_request_key, "user", "probe", NULL, 0); }
static long key_find(char **args) { return syscall(SYS_keyctl, 10 /* KEYCTL_SEARCH */, -3, "user", word(args, 0), 0); }
static long userfault(char **args) { (void)args; return syscall(SYS_userfaultfd, 1); /* UFFD_USER_MODE_ONLY */ }
static long uring_enter(char **args) { (void)args; return syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0); }
static long uring_register(char **args) { (void)args; return syscall(SYS_io_uring_register, -1, 0, NULL, 0); }
static long bpf(char **args) { (void)args; return syscall(SYS_bpf, 0, NULL, 0); }
static long perf(char **args) { (void)args; return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static long kexec(char **args) { (void)args; return syscall(SYS_kexec_load, 0, 1000UL, NULL, 0); }
static long init_module(char **args) { (void)args; return syscall(SYS_init_module, NULL, 0UL, ""); }
static long delete_module(char **args) { (void)args; return syscall(SYS_delete_module, "not-there", O_NONBLOCK); }
static long quotactl(char **args) { (void)args; return syscall(SYS_quotactl, -1, NULL, 0, NULL); }
static long no_acct(char **args) { (void)args; return syscall(SYS_acct, "/not/there"); }
static long swapon(char **args) { (void)args; return syscall(SYS_swapon, "/not/there", 0); }
static long reboot(char **args) { (void)args; return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long personality(char **args) { return syscall(SYS_personality, number(args, 0)); }
static long fanotify(char **args) { (void)args; return syscall(SYS_fanotify_init, 0, 0); }
static long lsm(char **args) { (void)args; return syscall(461 /* lsm_list_modules */, NULL, NULL, 0); }
static long move_pages(char **args) { (void)args; return syscall(SYS_move_pages, 0, 0UL, NULL, NULL, NULL, 0); }
static long migrate_pages(char **args) { (void)args; return syscall(SYS_migrate_pages, 0, 0UL, NULL, NULL); }
static long syslog_size(char **args) { (void)args; return syscall(SYS_syslog, 10, NULL, 0); }
static long host_name(char **args) { return sethostname(word(args, 0), strlen(word(args, 0))); }
static long set_clock(char **args) { (void)args; return syscall(SYS_clock_settime, 0, &(struct timespec){.tv_nsec = -1}); }
static long splice_pages(char **args) { (void)args; return syscall(SYS_vmsplice, -1, NULL, 0UL, 0); }
static long set_user(char **args) { return setuid((uid_t)number(args, 0)); }

static long uring(char **args)
{
    static char parameters[256];
    (void)args;
    return syscall(SYS_io_uring_setup, 1, parameters);
}

static long to_handle(char **args)
{
    struct { unsigned bytes; int kind; char rest[128]; } handle = {.bytes = 128};
    int mount;
    return syscall(SYS_name_to_handle_at, AT_FDCWD, word(args, 0), &handle, &mount, 0);
}

/* "shocker": the file of an inode by its number alone. */
static long by_handle(char **args)
{
    struct { unsigned bytes; int kind; uint32_t inode[2]; } handle = {.bytes = 8, .kind = 1, .inode = {2, 0}};
    int at = open(word(args, 0), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return at < 0 ? -1 : syscall(SYS_open_by_handle_at, at, &handle, O_RDONLY);
}

#ifdef __x86_64__
static long iopl(char **args) { (void)args; return syscall(SYS_iopl, 9); }
static long ldt(char **args) { (void)args; return syscall(SYS_modify_ldt, 17, NULL, 0UL); }

static long i386(long call, long one, long two, long three)
{
    long result = call;
    __asm__ volatile("int $0x80" : "+a"(result) : "b"(one), "c"(two), "d"(three) : "r8", "r9", "r10", "r11", "memory");
    result = (int)result;
    if (result < 0)
        return errno = (int)-result, -1;
    return result;
}

/* NUMBER [ARGUMENT]...: by the gate of 32-bit programs. */
static long int80(char **args) { return i386(number(args, 0), number(args, 1), number(args, 2), number(args, 3)); }

/* FAMILY KIND: `socketcall` has them in memory, where no filter looks. */
static long int80_socket(char **args)
{
    int *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED)
        return -1;
    low[0] = (int)number(args, 0), low[1] = (int)number(args, 1);
    return i386(102, 1, (long)low, 0);
}

static long x32(char **args) { return syscall(0x40000000 | number(args, 0), number(args, 1), number(args, 2), number(args, 3)); }
#endif

/* ---- terminals ---- */

/* [HIGH]: bits above the 32 that are the command. On the controlling terminal. */
static long on_terminal(unsigned long request, char **args)
{
    char bytes[64] = "x";
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    return fd < 0 ? -1 : syscall(SYS_ioctl, fd, (unsigned long)number(args, 0) << 32 | request, bytes);
}

static long tiocsti(char **args) { return on_terminal(0x5412, args); }
static long tioclinux(char **args) { return on_terminal(0x541c, args); }
static long tiocsetd(char **args) { return on_terminal(0x5423, args); }

/* Makes the terminal of a stream one's own: a session without any, then TIOCSCTTY. */
static long take_terminal(char **args)
{
    setsid();
    return ioctl((int)number(args, 0), TIOCSCTTY, 1);
}

/* ---- sockets ---- */

/* FAMILY KIND PROTOCOL */
static long make_socket(char **args) { return socket((int)number(args, 0), (int)number(args, 1), (int)number(args, 2)); }
static long make_pair(char **args) { return socketpair((int)number(args, 0), (int)number(args, 1), 0, (int[2]){0, 0}); }

/* ADDRESS PORT [udp] */
static long connect_to(char **args)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(args, 1))};
    int is_datagram = !strcmp(word(args, 2), "udp");
    if (inet_pton(AF_INET, word(args, 0), &address.sin_addr) != 1)
        return errno = EINVAL, -1;
    int fd = socket(AF_INET, (is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof address);
}

static long unix_socket(const char *name, int is_abstract, int is_listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strnlen(name, sizeof address.sun_path - 2);
    memcpy(address.sun_path + is_abstract, name, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!is_listening)
        return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, size);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4) < 0)
        return -1;
    puts("listening");
    fflush(stdout);
    pause();
    return 0;
}

static long connect_unix(char **args) { return unix_socket(word(args, 0), 0, 0); }
static long connect_abstract(char **args) { return unix_socket(word(args, 0), 1, 0); }
static long listen_abstract(char **args) { return unix_socket(word(args, 0), 1, 1); }
static long listen_unix(char **args) { return unix_socket(word(args, 0), 0, 1); }

/* ---- System V, by KEY ---- */

static long find_shm(char **args) { return shmget((key_t)number(args, 0), 0, 0); }
static long find_msg(char **args) { return msgget((key_t)number(args, 0), 0); }
static long find_sem(char **args) { return semget((key_t)number(args, 0), 0, 0); }
static long make_shm(char **args) { return shmget((key_t)number(args, 0), 4096, IPC_CREAT | IPC_EXCL | 0666); }
static long make_msg(char **args) { return msgget((key_t)number(args, 0), IPC_CREAT | IPC_EXCL | 0666); }
static long make_sem(char **args) { return semget((key_t)number(args, 0), 1, IPC_CREAT | IPC_EXCL | 0666); }
static long remove_shm(char **args) { return shmctl(shmget((key_t)number(args, 0), 0, 0), IPC_RMID, NULL); }
static long remove_msg(char **args) { return msgctl(msgget((key_t)number(args, 0), 0), IPC_RMID, NULL); }
static long remove_sem(char **args) { return semctl(semget((key_t)number(args, 0), 0, 0), 0, IPC_RMID); }

const struct probe call_probes[] = {
    {"keyctl", keyctl}, {"add_key", add_key}, {"request_key", request_key}, {"key-find", key_find}, {"userfaultfd", userfault},
    {"io_uring_setup", uring}, {"io_uring_enter", uring_enter}, {"io_uring_register", uring_register}, {"bpf", bpf},
    {"perf_event_open", perf}, {"kexec_load", kexec}, {"init_module", init_module}, {"delete_module", delete_module},
    {"quotactl", quotactl}, {"acct", no_acct}, {"swapon", swapon}, {"reboot", reboot}, {"personality", personality},
    {"fanotify_init", fanotify}, {"lsm_list_modules", lsm}, {"move_pages", move_pages}, {"migrate_pages", migrate_pages},
    {"syslog", syslog_size}, {"sethostname", host_name}, {"clock_settime", set_clock}, {"vmsplice", splice_pages},
    {"setuid", set_user}, {"name_to_handle_at", to_handle}, {"open_by_handle_at", by_handle},
#ifdef __x86_64__
    {"iopl", iopl}, {"modify_ldt", ldt}, {"int80", int80}, {"int80-socket", int80_socket}, {"x32", x32},
#endif
    {"tiocsti", tiocsti}, {"tioclinux", tioclinux}, {"tiocsetd", tiocsetd}, {"take-terminal", take_terminal},
    {"socket", make_socket}, {"socketpair", make_pair}, {"connect", connect_to}, {"connect-unix", connect_unix},
    {"connect-abstract", connect_abstract}, {"listen-abstract", listen_abstract}, {"listen-unix", listen_unix},
    {"shm-find", find_shm}, {"msg-find", find_msg}, {"sem-find", find_sem}, {"shm-make", make_shm},
    {"msg-make", make_msg}, {"sem-make", make_sem}, {"shm-remove", remove_shm}, {"msg-remove", remove_msg},
    {"sem-remove", remove_sem},
    {NULL, NULL},
};
