/* Built with -m32: what a 32-bit program tries, each answer by the errno it gets. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void told(const char *name, long result)
{
    printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "worked");
}

int main(int argc, char **argv)
{
    unsigned long family[3] = {AF_ALG, SOCK_SEQPACKET, 0};
    if (argc != 2)
        return 2;
    int file = open(argv[1], O_CREAT | O_RDWR, 0644);
    told("open", file);
    told("chmod", chmod(argv[1], 0600));
    told("set-id", chmod(argv[1], 04755));
    told("unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
    told("alg", syscall(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0));
    told("alg-by-socketcall", syscall(SYS_socketcall, 1, family));
    told("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
    told("umount", syscall(SYS_umount, "/proc"));
    return 0;
}
