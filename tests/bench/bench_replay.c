/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds for each replay_remember when the memory is full and has to forget, with one thread
 * and with two: the mean, and the median over slices of calls. The figures for two threads say
 * something about both at once only when each had a processor to itself (the share is near 100 %):
 * on a busy machine the median is that of one thread alone. */
#include "peers/replay.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIZE_BYTES ((size_t)64 << 20)
#define CALLS      2000000
#define SLICE      1000
#define SLICES_MAX 4000

typedef struct job {
    replay *memory;
    uint64_t state;
    unsigned credentials;
    int64_t calls;
    double mean_ns, median_ns, processor_percent;
} job;

/* splitmix64: cheap, and uniform as a MAC is. */
static uint64_t draw(uint64_t *state)
{
    uint64_t x = (*state += 0x9E3779B97F4A7C15u);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static double now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void remember(job *j, int64_t number)
{
    char name[8] = "key-000";
    const uint64_t fingerprint[2] = {draw(&j->state), draw(&j->state)};
    const unsigned n = (unsigned)(fingerprint[1] >> 32) % j->credentials;
    name[4] = (char)('0' + n / 100);
    name[5] = (char)('0' + n / 10 % 10);
    name[6] = (char)('0' + n % 10);
    if (replay_remember(j->memory, (cmp_str){name, 7}, (const uint8_t *)fingerprint, 0,
                        number / 1000) != REPLAY_NEW) {
        abort(); /* they are drawn, and the oldest are forgotten */
    }
}

static void *run(void *arg)
{
    job *j = arg;
    double *slices = calloc(SLICES_MAX, sizeof(*slices));
    size_t count = 0;
    const double begin = now_ns(CLOCK_MONOTONIC), used = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int64_t i = 0; i < j->calls && count < SLICES_MAX; count++) {
        const double start = now_ns(CLOCK_MONOTONIC);
        for (unsigned n = 0; n < SLICE; n++) {
            remember(j, i++);
        }
        slices[count] = (now_ns(CLOCK_MONOTONIC) - start) / SLICE;
    }
    const double took = now_ns(CLOCK_MONOTONIC) - begin;
    j->mean_ns = took / (double)(count * SLICE);
    j->processor_percent = (now_ns(CLOCK_THREAD_CPUTIME_ID) - used) / took * 100;
    qsort(slices, count, sizeof(*slices), by_value);
    j->median_ns = slices[count / 2];
    free(slices);
    return NULL;
}

static void print(const char *what, const job *j)
{
    printf("    %-18s mean %5.0f ns, median %5.0f ns, processor %3.0f %%\n", what, j->mean_ns,
           j->median_ns, j->processor_percent);
}

static void measure(unsigned credentials, unsigned quota_percent)
{
    replay *memory = replay_create(&(replay_options){.window_ms = 3600000,
                                                     .size_bytes = SIZE_BYTES,
                                                     .quota_percent = quota_percent});
    const int64_t capacity = (int64_t)replay_stats_get(memory, 0).capacity;
    job fill = {.memory = memory,
                .state = 1,
                .credentials = credentials,
                .calls = capacity * 5 / 4};
    run(&fill);
    job one = {.memory = memory, .state = 2, .credentials = credentials, .calls = CALLS};
    run(&one);
    job two[2];
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        two[i] =
            (job){.memory = memory, .state = 10 + i, .credentials = credentials, .calls = CALLS};
        pthread_create(&threads[i], NULL, run, &two[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    const replay_stats stats = replay_stats_get(memory, CALLS / 1000);
    printf("%u credentials, quota %u %%: %llu of %llu entries, %llu forgotten\n", credentials,
           quota_percent, (unsigned long long)stats.entries, (unsigned long long)stats.capacity,
           (unsigned long long)stats.forgotten);
    print("filling", &fill);
    print("1 thread", &one);
    print("2 threads, first", &two[0]);
    print("2 threads, second", &two[1]);
    replay_destroy(&memory);
}

int main(void)
{
    measure(1, 100);
    measure(4, 25);
    measure(4, 50);
    measure(100, 50);
    measure(1000, 50);
    return 0;
}
