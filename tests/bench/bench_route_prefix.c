/* SPDX-License-Identifier: Apache-2.0 */
/* What route_prefix costs: time of a look-up among so many prefixes of 5 to 12 digits, a part of
 * them headed by others, alone and through the plugin's vtable.
 *
 *     bench_route_prefix [prefixes]     100000 without an argument */
#include "load.h"

#include <cmp-test/test.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern const cmp_plugin cmp_plugin_descriptor;

enum {
    BATCH = 1000,
    BATCHES = 1001,
    PEER_PREFIXES = 100,
    SHORTEST = 5,
    LONGEST = 12,
    ICI_SIZE = 24,
    TEXT_SIZE = 32
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A fixed permutation of 64-bit numbers. */
static uint64_t mix(uint64_t z)
{
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* ---- prefixes ---- */

typedef struct world {
    char (*texts)[TEXT_SIZE]; /* distinct prefixes */
    const char **pointers;
    size_t count;
    cmp_peer *peers;
    char (*names)[TEXT_SIZE];
    size_t peer_count;
} world;

/* The prefix of that number. With `registry` all begin with its digits, as those of one community
 * do. Every third one lies below one that was made before. */
static void prefix_make(const world *w, size_t number, uint64_t try, const char *registry,
                        char text[TEXT_SIZE])
{
    const uint64_t random = mix(number ^ try << 40);
    const size_t size = SHORTEST + mix(random) % (LONGEST - SHORTEST + 1);
    const char *head = number % 3 == 2 ? w->texts[random % number] : registry;
    char whole[TEXT_SIZE];
    snprintf(whole, sizeof(whole), "%s%016" PRIX64, head, mix(random + 1));
    memcpy(text, whole, strlen(whole) + 1);
    text[size > strlen(head) ? size : strlen(head) + 1] = '\0';
    text[LONGEST] = '\0';
}

static void *must(void *at)
{
    if (at == NULL) {
        abort();
    }
    return at;
}

/* Makes prefixes, none twice: a hash table of what was made tells. */
static void world_make(world *w, size_t count, const char *registry)
{
    size_t room = 4;
    while (room < 2 * count) {
        room *= 2;
    }
    uint32_t *made = must(calloc(room, sizeof(*made)));
    *w = (world){.texts = must(calloc(count, sizeof(*w->texts))),
                 .pointers = must(calloc(count, sizeof(*w->pointers))),
                 .peer_count = (count + PEER_PREFIXES - 1) / PEER_PREFIXES};
    for (uint64_t try = 1; w->count < count; try++) {
        char *text = w->texts[w->count];
        prefix_make(w, w->count, try, registry, text);
        uint64_t hash = 0;
        for (const char *c = text; *c != '\0'; c++) {
            hash = mix(hash + (uint8_t)*c);
        }
        size_t slot = hash % room;
        while (made[slot] != 0 && strcmp(w->texts[made[slot] - 1], text) != 0) {
            slot = (slot + 1) % room;
        }
        if (made[slot] == 0) {
            made[slot] = (uint32_t)(w->count + 1);
            w->pointers[w->count++] = text;
        }
    }
    free(made);
    w->peers = must(calloc(w->peer_count, sizeof(*w->peers)));
    w->names = must(calloc(w->peer_count, sizeof(*w->names)));
    for (size_t i = 0; i < w->peer_count; i++) {
        const size_t first = i * PEER_PREFIXES, left = count - first;
        snprintf(w->names[i], TEXT_SIZE, "peer-%zu", i);
        w->peers[i] = (cmp_peer){.name = cmp_str_from(w->names[i]),
                                 .prefixes = w->pointers + first,
                                 .prefix_count = left < PEER_PREFIXES ? left : PEER_PREFIXES};
    }
}

static void world_free(world *w)
{
    free(w->texts);
    free(w->pointers);
    free(w->peers);
    free(w->names);
}

/* ---- look-ups ---- */

/* An ICI of ICI_SIZE digits below a prefix, or below none when `known` is false (it may be by
 * chance). */
static void ici_make(const world *w, uint64_t number, bool known, char text[TEXT_SIZE])
{
    const uint64_t random = mix(~number);
    const char *head = w->texts[random % w->count];
    const size_t size = known ? strlen(head) : 0;
    memcpy(text, head, size);
    for (size_t i = size; i < ICI_SIZE; i++) {
        text[i] = "0123456789ABCDEF"[mix(random + i) & 0xF];
    }
    text[ICI_SIZE] = '\0';
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct measured {
    double median_ns, p99_ns; /* of a look-up, of many batches */
    double found;             /* share of the ICIs */
    double size;              /* mean length of the matched prefixes */
} measured;

/* Looks ICIs up with `one`. Making them is not counted. */
static measured measure(const world *w, bool known,
                        bool (*one)(void *arg, cmp_str ici, unsigned *matched), void *arg)
{
    static char texts[BATCH][TEXT_SIZE];
    static double spent_ns[BATCHES];
    uint64_t found = 0, sizes = 0;
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        for (uint64_t i = 0; i < BATCH; i++) {
            ici_make(w, batch * BATCH + i, known, texts[i]);
        }
        const double begin = now_s();
        for (uint64_t i = 0; i < BATCH; i++) {
            unsigned matched = 0;
            found += one(arg, (cmp_str){texts[i], ICI_SIZE}, &matched);
            sizes += matched;
        }
        spent_ns[batch] = (now_s() - begin) * 1e9 / BATCH;
    }
    qsort(spent_ns, BATCHES, sizeof(spent_ns[0]), compare);
    return (measured){.median_ns = spent_ns[BATCHES / 2],
                      .p99_ns = spent_ns[BATCHES * 99 / 100],
                      .found = (double)found / (BATCH * BATCHES),
                      .size = found > 0 ? (double)sizes / (double)found : 0};
}

static bool find_one(void *arg, cmp_str ici, unsigned *matched)
{
    return kit_prefixes_find(((const table *)arg)->prefixes, ici, matched) != KIT_PREFIX_NONE;
}

/* One operation is as good as many: it is not what is measured. */
typedef struct plugin_run {
    cmp_test *host;
    cmp_test_txn *txn;
    cmp_test_op *op;
} plugin_run;

static bool route_one(void *arg, cmp_str ici, unsigned *matched)
{
    const plugin_run *run = arg;
    cmp_route_answer answer = {.record = NULL};
    (void)matched;
    cmp_test_param_str(run->txn, CMP_PARAM_ICI, ici);
    return cmp_plugin_descriptor.ops.route->route(cmp_test_instance(run->host),
                                                  cmp_test_worker(run->host), CMP_ROUTE_ABSENT,
                                                  CMP_NONE, cmp_test_handle(run->op),
                                                  &answer) == CMP_ROUTE_FORWARD;
}

/* ---- the whole ---- */

static void print(const char *what, measured m)
{
    printf("  %-22s %4.0f ns (p99 of batches %.0f), %3.0f %% match", what, m.median_ns, m.p99_ns,
           m.found * 100);
    if (m.size > 0) {
        printf(", %.1f digits at the mean", m.size);
    }
    putchar('\n');
}

static void run(size_t count, const char *registry)
{
    world w;
    world_make(&w, count, registry);
    cmp_test *host = cmp_test_create();
    cmp_test_peers(host, w.peers, w.peer_count);
    kit_file none = {.fd = -1};
    const double begin = now_s();
    table *built = table_load(&none, cmp_test_host(host), false);
    const double seconds = now_s() - begin;
    void *options = must(calloc(1, cmp_plugin_descriptor.options_size));
    if (built == NULL || !cmp_test_open_filled(host, &cmp_plugin_descriptor, options)) {
        fprintf(stderr, "%s\n", none.error);
        exit(1);
    }
    plugin_run through = {.host = host, .txn = cmp_test_txn_create(host)};
    through.op = cmp_test_begin(host, CMP_PLUGIN_ROUTE, through.txn);
    printf("%zu prefixes, all below \"%s\": built in %.0f ms\n", count, registry, seconds * 1e3);
    print("ICIs below prefixes:", measure(&w, true, find_one, built));
    print("ICIs at random:", measure(&w, false, find_one, built));
    print("the plugin's answer:", measure(&w, true, route_one, &through));
    cmp_test_returned(through.op, CMP_ROUTE_DECLINE, NULL);
    cmp_test_end(&through.op);
    cmp_test_txn_destroy(&through.txn);
    cmp_test_destroy(&host);
    table_destroy(&built);
    free(options);
    world_free(&w);
}

int main(int argc, char **argv)
{
    const size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    if (count == 0) {
        fprintf(stderr, "usage: bench_route_prefix [prefixes]\n");
        return 1;
    }
    run(count, "");
    run(count, "1A0"); /* the digits of one registry */
    return 0;
}
