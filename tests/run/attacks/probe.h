/* What the parts of the probe share. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* An attack answers as a system call of libc does: -1 and errno where it was refused. */
typedef long attack(char **args);

struct probe {
    const char *name;
    attack *run;
};

/* The answer of what has printed all that there is to say. */
#define TOLD (-1000L)

/* Each ends with a name of NULL. */
extern const struct probe file_probes[], mount_probes[], call_probes[], process_probes[], told_probes[];

/* The argument, or "" where there are fewer. */
const char *word(char **args, int index);
long number(char **args, int index);
unsigned long octal(char **args, int index);
