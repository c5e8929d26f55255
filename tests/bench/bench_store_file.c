/* SPDX-License-Identifier: Apache-2.0 */
/* What store_file costs: loading time, memory a code, time of a look-up, for so many codes.
 *
 *     bench_store_file [codes [threads]]     1000000 codes and 2 threads without arguments */
#include "loader.h"

#include <cmp-test/test.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 1000, BATCHES = 3001 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A fixed permutation of 64-bit numbers: ICIs without order, and none twice. */
static uint64_t mix(uint64_t z)
{
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static cmp_str ici_of(uint64_t number, char text[32])
{
    return (cmp_str){text, (size_t)snprintf(text, 32, "1A0F1%016" PRIX64, mix(number))};
}

/* The octets of all ICIs and contents. */
static uint64_t write_file(const char *path, uint64_t count)
{
    FILE *file = fopen(path, "w");
    uint64_t own = 0;
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    for (uint64_t i = 0; i < count; i++) {
        char ici[32], content[64];
        own += ici_of(i, ici).size;
        own += (uint64_t)snprintf(content, sizeof(content),
                                  "https://www.example.net/products/%" PRIu64, i);
        fprintf(file, "{\"ici\":\"%s\",\"content\":\"%s\",\"content_type\":\"uri\"}\n", ici,
                content);
    }
    if (fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    return own;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { FIND, FIND_AND_READ };

/* Whether the ICI is found. A look-up of the store reads its record then, too. */
static bool found(const code_index *index, cmp_str ici, int how)
{
    static cmp_record record;
    const uint8_t *packed = index_find(index, ici);
    if (packed != NULL && how == FIND_AND_READ) {
        packed_read(packed, &record);
    }
    return packed != NULL;
}

/* Nanoseconds for a number of those from `from` on: the median of many batches, so that other
 * processes do not count. Making the ICIs is not counted. */
static double look_up(const code_index *index, uint64_t from, uint64_t count, int how)
{
    static char texts[BATCH][32];
    static cmp_str icis[BATCH];
    static double spent_ns[BATCHES];
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        for (uint64_t i = 0; i < BATCH; i++) {
            icis[i] = ici_of(from + mix(~(batch * BATCH + i)) % count, texts[i]);
        }
        const double begin = now_s();
        for (uint64_t i = 0; i < BATCH; i++) {
            if (found(index, icis[i], how) != (from == 0)) {
                fprintf(stderr, "%s: wrong answer\n", texts[i]);
                exit(1);
            }
        }
        spent_ns[batch] = (now_s() - begin) * 1e9 / BATCH;
    }
    qsort(spent_ns, BATCHES, sizeof(spent_ns[0]), compare);
    return spent_ns[BATCHES / 2];
}

typedef struct load {
    const cmp_host *host;
    unsigned threads;
    code_index *index;
} load;

static bool read_codes(kit_file *f, void *arg)
{
    load *l = arg;
    l->index = load_codes(f, l->host, l->threads);
    return l->index != NULL;
}

int main(int argc, char **argv)
{
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2;
    char folder[] = "/tmp/bench-store-XXXXXX", path[64];
    if (count == 0 || threads == 0 || threads > LOAD_THREADS_MAX || mkdtemp(folder) == NULL) {
        fprintf(stderr, "usage: bench_store_file [codes [threads]]\n");
        return 1;
    }
    snprintf(path, sizeof(path), "%s/codes.ndjson", folder);
    const uint64_t own = write_file(path, count);

    cmp_test *host = cmp_test_create();
    load l = {.host = cmp_test_host(host), .threads = threads};
    kit_file f;
    const double begin = now_s();
    const kit_file_result result = kit_file_read(&f, path, NULL, read_codes, &l);
    const double seconds = now_s() - begin;
    unlink(path);
    rmdir(folder);
    if (result != KIT_FILE_GOOD) {
        fprintf(stderr, "%s\n", f.error);
        return 1;
    }
    const double octets = (double)index_octets(l.index);
    printf("%" PRIu64 " codes, %u threads: loaded in %.2f s (%.0f a second)\n", count, threads,
           seconds, (double)count / seconds);
    printf("memory: %.1f octets a code, %.1f of them beyond its ICI and content\n",
           octets / (double)count, (octets - (double)own) / (double)count);
    printf(
        "look-up: %.0f ns to find a code, %.0f with reading its record, %.0f for an absent one\n",
        look_up(l.index, 0, count, FIND), look_up(l.index, 0, count, FIND_AND_READ),
        look_up(l.index, count, count, FIND));
    index_destroy(&l.index);
    cmp_test_destroy(&host);
    return 0;
}
