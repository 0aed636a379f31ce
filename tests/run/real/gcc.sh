set -e
cat >a.c <<'C'
#include <pthread.h>
#include <stdio.h>
static void *run(void *word) { return word; }
int main(void)
{
    pthread_t thread;
    void *word;
    pthread_create(&thread, 0, run, "gcc ok");
    pthread_join(thread, &word);
    return puts(word) < 0;
}
C
gcc -O2 -flto -pthread a.c -o a
./a
