/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_file as a host sees it: look-ups, and reloads that are all or nothing. */
#include "embed_rig.h"

#include <cmp-test/test.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

extern const cmp_plugin cmp_plugin_descriptor;

enum { CHECK_MS = 1000 };

typedef struct fixture {
    cmp_test *host;
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
    fixture *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
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
    cmp_test_destroy(&f->host);
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
    assert_true(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "codes in"));
}

/* `content` NULL: the ICI is absent. */
static void expect_code(const fixture *f, const char *ici, const char *content)
{
    cmp_test_op *op = cmp_test_lookup(f->host, ici, NULL);
    assert_int_equal(cmp_test_verdict(op), content != NULL ? CMP_STORE_FOUND : CMP_STORE_ABSENT);
    if (content != NULL) {
        assert_true(cmp_str_equal(cmp_test_record(op)->content, cmp_str_from(content)));
    }
    cmp_test_end(&op);
}

/* ---- start ---- */

static void refused_at_the_start(void **state)
{
    fixture *f = *state;
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    assert_true(cmp_test_reported(f->host, "path: "));
    assert_true(cmp_test_reported(f->host, "codes.ndjson: cannot be opened: No such file"));
    cmp_test_report_clear(f->host);

    write_codes(f, CODE("A", "x") "{}\n");
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    assert_true(cmp_test_reported(f->host, "codes.ndjson:2: ici: is missing"));
    cmp_test_report_clear(f->host);

    /* without a check before */
    assert_null(cmp_plugin_descriptor.create(cmp_test_host(f->host), f->options, NULL,
                                             cmp_test_report_of(f->host)));
    assert_true(cmp_test_reported(f->host, "codes.ndjson:2: ici: is missing"));
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
    cmp_test_op *op = cmp_test_lookup(f->host, "A", NULL);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_FOUND);
    const cmp_record r = *cmp_test_record(op);
    assert_int_equal(r.ttl_s, 5);
    assert_int_equal(r.variant_count, 2);
    assert_int_equal(r.variants[0].condition_count, 2);
    assert_true(cmp_str_equal(r.variants[0].conditions[1].value, CMP_STR(">17")));
    assert_true(cmp_str_equal(r.variants[1].conditions[0].value, CMP_STR("US")));
    assert_true(cmp_str_equal(r.variants[1].content, CMP_STR("z")));
    cmp_test_end(&op);
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
    assert_true(cmp_plugin_descriptor.ops.store->scan(cmp_test_instance(f->host), after, show, &s,
                                                      error, sizeof(error)));
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
    cmp_test_advance(f->host, 3 * CHECK_MS);
    assert_true(cmp_str_equal(record->content, CMP_STR("old"))); /* not freed: it is in use */
    return true;
}

static void a_scan_keeps_the_codes_that_it_began_with(void **state)
{
    fixture *f = *state;
    char error[64];
    open_with(f, CODE("A", "old"));
    assert_true(cmp_plugin_descriptor.ops.store->scan(cmp_test_instance(f->host), CMP_NONE,
                                                      reload_and_show, f, error, sizeof(error)));
    expect_scan(f, CMP_NONE, 9, "[B]");
    cmp_test_advance(f->host, CHECK_MS);
}

/* ---- reloads ---- */

static void a_bad_change_leaves_the_old_codes(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    write_codes(f, CODE("A", "new") CODE("B", "new") CODE("A", "newer"));
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "codes.ndjson:3: ici: A stands on line 1"));
    expect_code(f, "A", "old");
    expect_code(f, "B", NULL);
    cmp_test_advance(f->host, 10 * CHECK_MS); /* it is not tried again */
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);

    write_codes(f, CODE("A", "mended"));
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "1 codes in"));
    expect_code(f, "A", "mended");
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 1);
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);
}

static void a_file_that_goes_leaves_the_old_codes(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    assert_int_equal(unlink(f->path), 0);
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "codes.ndjson: cannot be opened"));
    cmp_test_advance(f->host, 10 * CHECK_MS);
    expect_code(f, "A", "old");
    write_codes(f, CODE("A", "back"));
    cmp_test_advance(f->host, CHECK_MS);
    expect_code(f, "A", "back");
}

/* A folder stands for whatever can be seen but not read. */
static void what_cannot_be_read_is_tried_again_in_silence(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(mkdir(f->path, 0700), 0);
    cmp_test_advance(f->host, 5 * CHECK_MS);
    assert_int_equal(cmp_test_log_count(f->host, CMP_LOG_ERROR), 1);
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_ERROR, "is no regular file; the codes read before stay"));
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);
    assert_int_equal(rmdir(f->path), 0);
    write_codes(f, CODE("A", "back"));
    cmp_test_advance(f->host, CHECK_MS);
    expect_code(f, "A", "back");
}

static void an_unchanged_file_is_left_alone(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "x"));
    cmp_test_advance(f->host, 100 * CHECK_MS);
    assert_int_equal(cmp_test_log_count(f->host, CMP_LOG_NOTICE), 0);
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 0);
    assert_int_equal(cmp_test_timers(f->host), 1);
}

static void a_full_pool_means_the_next_time(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    write_codes(f, CODE("A", "new"));
    cmp_test_pool_full(f->host, true);
    cmp_test_advance(f->host, 3 * CHECK_MS);
    expect_code(f, "A", "old");
    cmp_test_pool_full(f->host, false);
    cmp_test_advance(f->host, CHECK_MS);
    expect_code(f, "A", "new");
}

/* The old codes are there until the worker has taken the new ones, and only one load is under way.
 */
static void a_slow_pool_and_a_slow_worker(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    cmp_test_hold(f->host, true);
    write_codes(f, CODE("A", "new"));
    cmp_test_advance(f->host, 3 * CHECK_MS);
    assert_int_equal(cmp_test_jobs(f->host), 1);
    expect_code(f, "A", "old");

    cmp_test_op *op = cmp_test_lookup(f->host, "A", NULL);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_FOUND);
    const cmp_record r = *cmp_test_record(op);
    assert_true(cmp_test_step(f->host));         /* the load */
    assert_int_equal(cmp_test_jobs(f->host), 1); /* the worker's */
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_str_equal(r.content, CMP_STR("old"))); /* not freed: it is in use */
    expect_code(f, "A", "old");
    cmp_test_end(&op);

    cmp_test_run(f->host, 0);
    expect_code(f, "A", "new");
    cmp_test_advance(f->host, CHECK_MS);
    expect_code(f, "A", "new");
    assert_int_equal(cmp_test_jobs(f->host), 0); /* and now nobody has to be told any more */
}

static unsigned call_nobody(const cmp_host *host,
                            void (*run)(void *instance, void *worker, void *arg), void *arg)
{
    (void)host, (void)run, (void)arg;
    return 0;
}

static void a_worker_that_was_not_reached_is_told_again(void **state)
{
    fixture *f = *state;
    open_with(f, CODE("A", "old"));
    cmp_host *table = (cmp_host *)(uintptr_t)cmp_test_host(f->host);
    const cmp_host before = *table;
    table->workers_call = call_nobody; /* started, but not reached */
    for (int i = 0; i < 3; i++) {
        write_codes(f, i % 2 == 0 ? CODE("A", "new") : CODE("A", "newer"));
        cmp_test_advance(f->host, CHECK_MS);
    }
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 3);
    expect_code(f, "A", "old");
    table->workers_call = before.workers_call;
    cmp_test_advance(f->host, CHECK_MS);
    expect_code(f, "A", "new");
}

/* ---- threads ---- */

enum { WORKERS = 2, SWAPS = 6 };

typedef struct busy {
    cmp_embed *embed;
    atomic_bool stop;
    atomic_uint asked;
    atomic_bool wrong;
} busy;

static void *search(void *arg)
{
    busy *b = arg;
    cmp_embed_worker *w = cmp_embed_attach(b->embed, NULL);
    while (!b->stop) {
        cmp_embed_answer a = CMP_EMBED_ANSWER;
        b->wrong |=
            cmp_embed_lookup(w, CMP_STR("A"), NULL, &a) != 200 || a.record->content.size != 3;
        b->asked++;
    }
    cmp_embed_detach(&w);
    return NULL;
}

static void workers_search_while_codes_change(void **state)
{
    fixture *f = *state;
    char options[128];
    cmp_embed_error error;
    busy b = {.stop = false};
    pthread_t threads[WORKERS];
    write_codes(f, CODE("A", "000"));
    snprintf(options, sizeof(options), "{path: %s, check_interval: 100ms}", f->path);
    b.embed = cmp_embed_open(PLUGINS, "store_file", options, NULL, &error);
    if (b.embed == NULL) {
        fail_msg("%s", error.text);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, search, &b), 0);
    }
    for (int i = 0; i < SWAPS; i++) {
        write_codes(f, i % 2 == 0 ? CODE("A", "111") : CODE("A", "222"));
        while (embed_reloads(b.embed) <= i) {
            cmp_embed_control_turn(b.embed, 1000);
        }
    }
    b.stop = true;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_false(b.wrong);
    assert_true(b.asked > 0);
    cmp_embed_close(&b.embed);
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
