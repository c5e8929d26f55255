/* SPDX-License-Identifier: Apache-2.0 */
/* What store_sql does a second: import and look-ups through its vtable, for a new SQLite file and a
 * new PostgreSQL server (which does wait for its disk).
 *
 *     bench_store_sql [codes]     1000000 codes without an argument */
#include <cmp-test/test.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

extern const cmp_plugin cmp_plugin_descriptor, sqlite_driver, pg_driver;

enum { LOOKUP_SECONDS = 3, DEPTH_MAX = 256 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Of this process, which is what counts on a machine that others use, too. */
static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static const cmp_store_ops *ops_of(const char *url)
{
    return (strncmp(url, "sqlite:", 7) == 0 ? &sqlite_driver : &pg_driver)->ops.store;
}

static void *option(void *options, const char *name)
{
    const cmp_option *row = cmp_plugin_descriptor.options;
    while (strcmp(row->name, name) != 0) {
        row++;
    }
    return (char *)options + row->offset;
}

static void import(const cmp_store_ops *ops, void *instance, uint64_t count)
{
    char error[200] = "", ici[32], content[64];
    const double begin = now_s();
    void *write = ops->begin(instance, error, sizeof(error));
    bool good = write != NULL;
    for (uint64_t i = 0; good && i < count; i++) {
        cmp_record record = CMP_RECORD_INIT;
        record.content.at = content;
        record.content.size = (size_t)snprintf(content, sizeof(content),
                                               "https://www.example.net/products/%" PRIu64, i);
        record.content_type = CMP_STR("uri");
        good = ops->put(instance, write, ici_of(i, ici), &record, error, sizeof(error));
    }
    const double put = now_s();
    if (!good || !ops->commit(instance, write, error, sizeof(error))) {
        die("import", error);
    }
    const double end = now_s();
    printf("  import: %.0f codes/s (%.2f s, %.2f s of them at commit)\n",
           (double)count / (end - begin), end - begin, end - put);
}

/* `depth` look-ups in each turn of the loop. */
static void look_up(cmp_test *t, uint64_t count, unsigned depth)
{
    static cmp_test_op *asked[DEPTH_MAX];
    static char icis[DEPTH_MAX][32];
    uint64_t done = 0;
    const double begin = now_s(), cpu = cpu_s();
    while (now_s() - begin < LOOKUP_SECONDS) {
        cmp_test_txn *txn = cmp_test_txn_create(t);
        for (unsigned i = 0; i < depth; i++) {
            ici_of(mix(~(done + i)) % count, icis[i]);
            asked[i] = cmp_test_lookup(t, icis[i], txn);
        }
        for (unsigned i = 0; i < depth; i++) {
            for (int wait_ms = 0; cmp_test_verdict(asked[i]) == CMP_STORE_PENDING; wait_ms = 1000) {
                cmp_test_run(t, wait_ms); /* the first turn sends them */
            }
            if (cmp_test_verdict(asked[i]) != CMP_STORE_FOUND) {
                die(icis[i], "wrong answer");
            }
        }
        for (unsigned i = 0; i < depth; i++) {
            cmp_test_end(&asked[i]);
        }
        cmp_test_txn_destroy(&txn);
        done += depth;
    }
    printf("  look-ups, %3u in a turn: %.0f/s, %.1f us of CPU each\n", depth,
           (double)done / (now_s() - begin), (cpu_s() - cpu) * 1e6 / (double)done);
}

static void run(const char *url, uint64_t count)
{
    cmp_test *t = cmp_test_create();
    void *options = calloc(1, cmp_plugin_descriptor.options_size);
    *(const char **)option(options, "url") = url;
    *(int64_t *)option(options, "connections") = 2;
    *(int64_t *)option(options, "statement_timeout") = 10000;
    *(int64_t *)option(options, "waiting") = DEPTH_MAX;
    *(int64_t *)option(options, "busy_timeout") = 1000;
    *(int *)option(options, "create") = 1;
    if (!cmp_test_open_filled(t, &cmp_plugin_descriptor, options)) {
        die(url, cmp_test_report(t));
    }
    import(ops_of(url), cmp_test_instance(t), count);
    for (unsigned depth = 1; depth <= DEPTH_MAX; depth *= 4) {
        look_up(t, count, depth);
    }
    cmp_test_destroy(&t);
    free(options);
}

static int free_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&any, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&any, &size) != 0) {
        die("port", "none is free");
    }
    close(fd);
    return ntohs(any.sin_port);
}

static void shell(const char *format, const char *folder, int port)
{
    char line[300];
    snprintf(line, sizeof(line), format, folder, port);
    if (system(line) != 0) {
        die("failed", line);
    }
}

int main(int argc, char **argv)
{
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    char folder[] = "/tmp/bench-sql-XXXXXX", url[100];
    if (count == 0 || mkdtemp(folder) == NULL) {
        fprintf(stderr, "usage: bench_store_sql [codes]\n");
        return 1;
    }
    printf("SQLite, %" PRIu64 " codes\n", count);
    snprintf(url, sizeof(url), "sqlite:%s/codes.db", folder);
    run(url, count);

    const int port = free_port();
    shell(TEST_SOURCE_DIR "/tests/lib/postgres.sh guard %s %d", folder, (int)getpid());
    printf("PostgreSQL, %" PRIu64 " codes\n", count);
    shell(TEST_SOURCE_DIR "/tests/lib/postgres.sh init %s %d fsync=on", folder, port);
    shell(TEST_SOURCE_DIR "/tests/lib/postgres.sh start %s", folder, port);
    snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.1:%d/postgres", port);
    run(url, count);
    shell(TEST_SOURCE_DIR "/tests/lib/postgres.sh stop %s immediate", folder, port);
    shell("rm -r %s", folder, port);
    return 0;
}
