/* Programs that make a refused call in every way that could let them live. Each says `after` where it did, and
 * `worked` where the call ran. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Asks for the id of the session's keyring: it changes nothing where it runs. */
static long call(void)
{
    long result = syscall(SYS_keyctl, 0, -3, 0);
    if (result >= 0 && write(1, "worked\n", 7) < 0)
        abort();
    return result;
}

static int lived(void)
{
    puts("after");
    return 0;
}

static int call_and_live(void)
{
    call();
    return lived();
}

static void take(int signal)
{
    (void)signal;
    if (write(1, "taken\n", 6) < 0)
        abort();
}

static void take_silently(int signal) { (void)signal; }

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    if (sigaction(number, &action, NULL) < 0)
        abort();
}

static void block(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *call_once(void *unused)
{
    call();
    lived();
    return unused;
}

static void *call_for_ever(void *unused)
{
    for (;;)
        call();
    return unused;
}

static void *spin(void *unused)
{
    for (;;)
        ;
    return unused;
}

static void *storm(void *target)
{
    for (;;)
        pthread_kill(*(pthread_t *)target, SIGUSR1);
    return NULL;
}

static void start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, argument))
        abort();
}

/* How the child ended, as its parent sees it. */
static int tell(pid_t child)
{
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 1;
    if (WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    else
        printf("exit %d\n", WEXITSTATUS(status));
    return 0;
}

static int in_child(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(call_and_live());
    return tell(child);
}

static int in_borrowed_memory(void)
{
    pid_t child = vfork();
    if (child == 0) {
        call();
        _exit(0);
    }
    return tell(child);
}

/* A tracer that lets no signal through to its child. */
static int in_traced_child(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        call();
        for (;;)
            pause();
    }
    while (child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status))
        ptrace(PTRACE_CONT, child, 0, 0);
    printf("signal %d\n", WTERMSIG(status));
    return 0;
}

/* Stopped before it is heard of, with all of its threads. */
static int in_stopped_child(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        call_for_ever(NULL);
    kill(child, SIGSTOP);
    usleep(100000);
    kill(child, SIGCONT);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 1;
    printf("signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}

/* Signals of its own interrupt a call before it is heard. */
static int in_storm(int calls)
{
    pthread_t self = pthread_self();
    handle(SIGUSR1, take_silently);
    start(storm, &self);
    while (calls-- > 0)
        call();
    return lived();
}

static int in_many_threads(int threads)
{
    signal(SIGSYS, SIG_IGN);
    while (--threads > 0)
        start(call_for_ever, NULL);
    call_for_ever(NULL);
    return 0;
}

/* Left behind, it calls when the file `go` is there, and makes the file `lived` when it is not killed. */
static int left_behind(const char *go, const char *lived)
{
    if (fork() > 0)
        return 0;
    setsid();
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    while (access(go, F_OK) < 0)
        usleep(10000);
    call();
    close(open(lived, O_CREAT | O_WRONLY, 0644));
    return 0;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int count = argc > 2 ? atoi(argv[2]) : 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!strcmp(how, "caught"))
        handle(SIGSYS, take);
    if (!strcmp(how, "ignored"))
        signal(SIGSYS, SIG_IGN);
    if (!strcmp(how, "blocked"))
        block();
    if (!strcmp(how, "beside-threads"))
        for (int i = 0; i < 4; i++)
            start(spin, NULL);
    if (!strcmp(how, "child-ignores"))
        signal(SIGSYS, SIG_IGN);
    if (!strcmp(how, "thread")) {
        start(call_once, NULL);
        sleep(20);
        return lived();
    }
    if (!strcmp(how, "traced"))
        return in_traced_child();
    if (!strcmp(how, "stopped"))
        return in_stopped_child();
    if (!strncmp(how, "child", 5))
        return in_child();
    if (!strcmp(how, "vfork"))
        return in_borrowed_memory();
    if (!strcmp(how, "storm"))
        return in_storm(count);
    if (!strcmp(how, "flood"))
        return in_many_threads(count);
    if (!strcmp(how, "left-behind"))
        return left_behind(argv[2], argv[3]);
    if (!strcmp(how, "exec")) {
        execv(argv[0], (char *[]){argv[0], "plain", NULL});
        return 1;
    }
    return call_and_live();
}
