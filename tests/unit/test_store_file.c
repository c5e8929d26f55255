/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_file as a host sees it: look-ups, and reloads that are all or nothing. */
#include "fake_host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

enum { CHECK_MS = 1000 };

typedef struct fixture {
    fake_host host;
    char folder[32], path[48], fresh[64];
    void *options;
} fixture;

static void *option(const fixture *f, const char *name)
{
    const cmp_option *row = cmp_plugin_descriptor.options;
    while (row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    assert_non_null(row->name);
    return (char *)f->options + row->offset;
}

static int set_up(void **state)
{
    fixture *f = malloc(sizeof(*f));
    fake_host_init(&f->host);
    strcpy(f->folder, "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/codes.ndjson", f->folder);
    snprintf(f->fresh, sizeof(f->fresh), "%s.fresh", f->path);
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(const char **)option(f, "path") = f->path;
    *(int64_t *)option(f, "check_interval") = CHECK_MS;
    *(int64_t *)option(f, "threads") = 2;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    fake_host_close(&f->host);
    fake_host_dispose(&f->host);
    unlink(f->path);
    rmdir(f->folder);
    free(f->options);
    free(f);
    return 0;
}

/* Replaces the file whole, as an operator should. */
static void write_codes(const fixture *f, const char *text)
{
    FILE *file = fopen(f->fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(f->fresh, f->path), 0);
}

#define CODE(ici, content) "{\"ici\":\"" ici "\",\"content\":\"" content "\"}\n"

static void open_with(fixture *f, const char *text)
{
    write_codes(f, text);
    assert_non_null(fake_host_open(&f->host, &cmp_plugin_descriptor, f->options));
    fake_host_expect_log(&f->host, CMP_LOG_NOTICE, "codes in");
}

static cmp_store_verdict look_up(const fixture *f, fake_txn *txn, const char *ici, cmp_record *r)
{
    fake_op op;
    *r = CMP_RECORD_INIT;
    const cmp_store_verdict verdict =
        cmp_plugin_descriptor.ops.store->lookup(f->host.instance, f->host.worker, cmp_str_from(ici),
                                                fake_op_begin(&op, CMP_PLUGIN_STORE, txn), r);
    assert_int_equal(op.completions, 0);
    return verdict;
}

/* `content` NULL: the ICI is absent. */
static void expect_code(const fixture *f, const char *ici, const char *content)
{
    fake_txn txn;
    cmp_record r;
    fake_txn_init(&txn, &f->host);
    const cmp_store_verdict verdict = look_up(f, &txn, ici, &r);
    assert_int_equal(verdict, content != NULL ? CMP_STORE_FOUND : CMP_STORE_ABSENT);
    if (content != NULL) {
        assert_true(cmp_str_equal(r.content, cmp_str_from(content)));
    }
    fake_txn_dispose(&txn);
}

/* ---- start ---- */

static void refused_at_the_start(void **state)
{
    fixture *f = *state;
    assert_null(fake_host_open(&f->host, &cmp_plugin_descriptor, f->options));
    assert_true(fake_host_reported(&f->host, "path: "));
    assert_true(fake_host_reported(&f->host, "codes.ndjson: cannot be opened: No such file"));
    fake_host_report_clear(&f->host);

    write_codes(f, CODE("A", "x") "{}\n");
    assert_null(fake_host_open(&f->host, &cmp_plugin_descriptor, f->options));
    assert_true(fake_host_reported(&f->host, "codes.ndjson:2: ici: is missing"));
    fake_host_report_clear(&f->host);

    /* without a check before */
    assert_null(
        cmp_plugin_descriptor.create(&f->host.table, f->options, NULL, fake_report_of(&f->host)));
    assert_true(fake_host_reported(&f->host, "codes.ndjson:2: ici: is missing"));
    f->host.instance = NULL;
}

static void an_empty_file_has_no_codes(void **state)
{
    fixture *f = *state;
    open_with(f, "");
    expect_code(f, "A", NULL);
    expect_code(f, "", NULL);
}

static void codes_are_found(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("1A0F1-1", "one") "\n" CODE("1A0F1-2", "two"));
    expect_code(f, "1A0F1-1", "one");
    expect_code(f, "1A0F1-2", "two");
    expect_code(f, "1a0f1-1", NULL);
    expect_code(f, "1A0F1", NULL);
}

static void variants_live_as_long_as_the_transaction(void **state)
{
    fixture *f = *state;
    open_with(f,
              "{\"ici\":\"A\",\"content\":\"x\",\"ttl\":5,\"variants\":[{\"when\":{\"cc\":\"CA\","
              "\"age\":\">17\"},\"content\":\"y\"},{\"when\":{\"cc\":\"US\"},\"content\":\"z\"}]}");
    fake_txn txn;
    cmp_record r;
    fake_txn_init(&txn, &f->host);
    assert_int_equal(look_up(f, &txn, "A", &r), CMP_STORE_FOUND);
    assert_int_equal(r.ttl_s, 5);
    assert_int_equal(r.variant_count, 2);
    assert_int_equal(r.variants[0].condition_count, 2);
    assert_true(cmp_str_equal(r.variants[0].conditions[1].value, CMP_STR(">17")));
    assert_true(cmp_str_equal(r.variants[1].conditions[0].value, CMP_STR("US")));
    assert_true(cmp_str_equal(r.variants[1].content, CMP_STR("z")));
    fake_txn_dispose(&txn);
}

/* ---- scans ---- */

/* What a scan has shown: ICIs in brackets, `*` for each variant. */
typedef struct shown {
    char text[256];
    int left; /* visits until it wants no more */
} shown;

static bool show(cmp_str ici, const cmp_record *record, void *arg)
{
    shown *s = arg;
    const size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof(s->text) - used, "[%.*s%.*s]", (int)ici.size, ici.at,
             (int)record->variant_count, "***");
    return --s->left > 0;
}

static void expect_scan(const fixture *f, cmp_str after, int most, const char *expected)
{
    shown s = {.left = most};
    char error[64] = "";
    assert_true(cmp_plugin_descriptor.ops.store->scan(f->host.instance, after, show, &s, error,
                                                      sizeof(error)));
    assert_string_equal(s.text, expected);
    assert_string_equal(error, "");
}

#define VARIANT "{\"when\":{\"cc\":\"CA\"},\"content\":\"y\"}"

static void scans_go_by_ici(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("B", "x") CODE("AA", "x") CODE("b", "x") CODE("A", "x"));
    expect_scan(f, CMP_NONE, 9, "[A][AA][B][b]");
    expect_scan(f, CMP_NONE, 2, "[A][AA]");
    expect_scan(f, CMP_STR(""), 9, "[A][AA][B][b]");
    expect_scan(f, CMP_STR("A"), 9, "[AA][B][b]");
    expect_scan(f, CMP_STR("AB"), 9, "[B][b]"); /* it need not be there */
    expect_scan(f, CMP_STR("b"), 9, "");
}

static void scans_show_variants(void **state)
{
    fixture *f = *state;
    open_with(f, "{\"ici\":\"C\",\"content\":\"x\",\"variants\":[" VARIANT "]}\n" CODE("B", "x") //
              "{\"ici\":\"A\",\"content\":\"x\",\"variants\":[" VARIANT "," VARIANT "]}\n");
    expect_scan(f, CMP_NONE, 9, "[A**][B][C*]");
}

static void an_empty_file_shows_nothing(void **state)
{
    fixture *f = *state;
    open_with(f, "");
    expect_scan(f, CMP_NONE, 9, "");
    expect_scan(f, CMP_STR("A"), 9, "");
}

static bool reload_and_show(cmp_str ici, const cmp_record *record, void *arg)
{
    fixture *f = arg;
    assert_true(cmp_str_equal(ici, CMP_STR("A")));
    write_codes(f, CODE("B", "new"));
    fake_host_advance(&f->host, 3 * CHECK_MS);
    assert_true(cmp_str_equal(record->content, CMP_STR("old"))); /* not freed: it is in use */
    return true;
}

static void a_scan_keeps_the_codes_that_it_began_with(void **state)
{
    fixture *f = *state;
    char error[64];
    open_with(f, CODE("A", "old"));
    assert_true(cmp_plugin_descriptor.ops.store->scan(f->host.instance, CMP_NONE, reload_and_show,
                                                      f, error, sizeof(error)));
    expect_scan(f, CMP_NONE, 9, "[B]");
    fake_host_advance(&f->host, CHECK_MS);
}

/* ---- reloads ---- */

static void a_bad_change_leaves_the_old_codes(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    write_codes(f, CODE("A", "new") CODE("B", "new") CODE("A", "newer"));
    fake_host_advance(&f->host, CHECK_MS);
    fake_host_expect_log(&f->host, CMP_LOG_ERROR, "codes.ndjson:3: ici: A stands on line 1");
    expect_code(f, "A", "old");
    expect_code(f, "B", NULL);
    fake_host_advance(&f->host, 10 * CHECK_MS); /* it is not tried again */
    assert_int_equal(fake_host_counted(&f->host, "reload_failures"), 1);

    write_codes(f, CODE("A", "mended"));
    fake_host_advance(&f->host, CHECK_MS);
    fake_host_expect_log(&f->host, CMP_LOG_NOTICE, "1 codes in");
    expect_code(f, "A", "mended");
    assert_int_equal(fake_host_counted(&f->host, "reloads"), 1);
    assert_int_equal(fake_host_counted(&f->host, "reload_failures"), 1);
}

static void a_file_that_goes_leaves_the_old_codes(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    assert_int_equal(unlink(f->path), 0);
    fake_host_advance(&f->host, CHECK_MS);
    fake_host_expect_log(&f->host, CMP_LOG_ERROR, "codes.ndjson: cannot be opened");
    fake_host_advance(&f->host, 10 * CHECK_MS);
    expect_code(f, "A", "old");
    write_codes(f, CODE("A", "back"));
    fake_host_advance(&f->host, CHECK_MS);
    expect_code(f, "A", "back");
}

/* A folder stands for whatever can be seen but not read. */
static void what_cannot_be_read_is_tried_again_in_silence(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(mkdir(f->path, 0700), 0);
    fake_host_advance(&f->host, 5 * CHECK_MS);
    assert_int_equal(f->host.log[CMP_LOG_ERROR].count, 1);
    fake_host_expect_log(&f->host, CMP_LOG_ERROR, "is no regular file; the codes read before stay");
    assert_int_equal(fake_host_counted(&f->host, "reload_failures"), 1);
    assert_int_equal(rmdir(f->path), 0);
    write_codes(f, CODE("A", "back"));
    fake_host_advance(&f->host, CHECK_MS);
    expect_code(f, "A", "back");
}

static void an_unchanged_file_is_left_alone(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "x"));
    fake_host_advance(&f->host, 100 * CHECK_MS);
    assert_int_equal(f->host.log[CMP_LOG_NOTICE].count, 0);
    assert_int_equal(fake_host_counted(&f->host, "reloads"), 0);
    assert_int_equal(fake_host_timers(&f->host), 1);
}

static void a_full_pool_means_the_next_time(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    write_codes(f, CODE("A", "new"));
    f->host.pool_full = true;
    fake_host_advance(&f->host, 3 * CHECK_MS);
    expect_code(f, "A", "old");
    f->host.pool_full = false;
    fake_host_advance(&f->host, CHECK_MS);
    expect_code(f, "A", "new");
}

/* The old codes are there until the worker has taken the new ones, and only one load is under way.
 */
static void a_slow_pool_and_a_slow_worker(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    f->host.deferred = true;
    write_codes(f, CODE("A", "new"));
    fake_host_advance(&f->host, 3 * CHECK_MS);
    assert_int_equal(f->host.job_count, 1);
    expect_code(f, "A", "old");

    fake_txn txn;
    cmp_record r;
    fake_txn_init(&txn, &f->host);
    assert_int_equal(look_up(f, &txn, "A", &r), CMP_STORE_FOUND);
    const fake_job load = f->host.jobs[0];
    f->host.job_count = 0;
    load.work(load.arg);
    load.done(load.arg);
    assert_int_equal(f->host.job_count, 1); /* the worker's */
    fake_host_advance(&f->host, CHECK_MS);
    assert_true(cmp_str_equal(r.content, CMP_STR("old"))); /* not freed: it is in use */
    expect_code(f, "A", "old");
    fake_txn_dispose(&txn);

    fake_host_run(&f->host, 0);
    expect_code(f, "A", "new");
    fake_host_advance(&f->host, CHECK_MS);
    expect_code(f, "A", "new");
    assert_int_equal(f->host.job_count, 0); /* and now nobody has to be told any more */
}

static void a_worker_that_was_not_reached_is_told_again(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    f->host.worker_running = false; /* started, but not reached */
    for (int i = 0; i < 3; i++) {
        write_codes(f, i % 2 == 0 ? CODE("A", "new") : CODE("A", "newer"));
        fake_host_advance(&f->host, CHECK_MS);
    }
    assert_int_equal(fake_host_counted(&f->host, "reloads"), 3);
    expect_code(f, "A", "old");
    f->host.worker_running = true;
    fake_host_advance(&f->host, CHECK_MS);
    expect_code(f, "A", "new");
}

/* ---- threads ---- */

enum { WORKERS = 2, SWAPS = 20 };

/* A worker's thread, and what workers_call has for it to run. */
typedef struct busy_worker {
    pthread_t thread;
    fake_host *host;
    void (*_Atomic call)(void *instance, void *worker, void *arg);
    void *_Atomic arg;
    atomic_bool stop;
    atomic_uint calls;
    bool wrong;
} busy_worker;

static busy_worker workers[WORKERS];

static unsigned call_busy_workers(const cmp_host *host,
                                  void (*run)(void *instance, void *worker, void *arg), void *arg)
{
    (void)host;
    for (int i = 0; i < WORKERS; i++) {
        atomic_store(&workers[i].arg, arg);
        atomic_store(&workers[i].call, run);
    }
    return WORKERS;
}

static void *busy(void *arg)
{
    busy_worker *w = arg;
    const cmp_plugin *plugin = &cmp_plugin_descriptor;
    void *state = plugin->worker_start(w->host->instance, &w->host->loop);
    while (!atomic_load(&w->stop)) {
        void (*run)(void *instance, void *worker, void *arg_) = atomic_exchange(&w->call, NULL);
        if (run != NULL) {
            run(w->host->instance, state, atomic_load(&w->arg));
            atomic_fetch_add(&w->calls, 1);
        }
        cmp_record r = CMP_RECORD_INIT;
        w->wrong |= plugin->ops.store->lookup(w->host->instance, state, CMP_STR("A"), CMP_OP_NONE,
                                              &r) != CMP_STORE_FOUND ||
                    r.content.size != 3;
    }
    plugin->worker_stop(w->host->instance, state);
    return NULL;
}

static void workers_search_while_codes_change(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "000"));
    f->host.table.workers_call = call_busy_workers;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (busy_worker){.host = &f->host};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, busy, &workers[i]), 0);
    }
    for (int i = 0; i < SWAPS; i++) {
        write_codes(f, i % 2 == 0 ? CODE("A", "111") : CODE("A", "222"));
        fake_host_advance(&f->host, CHECK_MS);
        usleep(1000);
    }
    for (int i = 0; i < WORKERS; i++) {
        while (atomic_load(&workers[i].calls) == 0) {
            usleep(100);
        }
        atomic_store(&workers[i].stop, true);
        pthread_join(workers[i].thread, NULL);
        assert_false(workers[i].wrong);
    }
    assert_int_equal(fake_host_counted(&f->host, "reloads"), SWAPS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refused_at_the_start),
        TEST(an_empty_file_has_no_codes),
        TEST(codes_are_found),
        TEST(variants_live_as_long_as_the_transaction),
        TEST(scans_go_by_ici),
        TEST(scans_show_variants),
        TEST(an_empty_file_shows_nothing),
        TEST(a_scan_keeps_the_codes_that_it_began_with),
        TEST(a_bad_change_leaves_the_old_codes),
        TEST(a_file_that_goes_leaves_the_old_codes),
        TEST(what_cannot_be_read_is_tried_again_in_silence),
        TEST(an_unchanged_file_is_left_alone),
        TEST(a_full_pool_means_the_next_time),
        TEST(a_slow_pool_and_a_slow_worker),
        TEST(a_worker_that_was_not_reached_is_told_again),
        TEST(workers_search_while_codes_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
