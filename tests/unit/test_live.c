/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/live.c: content that follows its file. (Reloads in all their ways, and with many threads,
 * are in the tests of store_file and route_prefix.) */
#include "scratch.h"

#include <cmp-kit/live.h>
#include <cmp-kit/memory.h>
#include <cmp-test/test.h>

#include <fcntl.h>
#include <string.h>

#define CHECK_MS  1000
#define SETTLE_MS (10 * CHECK_MS)

static unsigned freed;

/* A file that begins with a hash is no good. */
static void *read_text(kit_file *f, void *arg)
{
    (void)arg;
    if (f->path == NULL) {
        return kit_strdup("nothing");
    }
    char *text = kit_calloc(1, f->mark.size + 1);
    assert_int_equal(read(f->fd, text, f->mark.size), f->mark.size);
    if (text[0] == '#') {
        kit_file_fail(f, 1, "a hash");
        free(text);
        return NULL;
    }
    return text;
}

static void free_text(void *content)
{
    freed++;
    free(content);
}

static void log_text(const void *content, int64_t ms, void *arg)
{
    assert_true(ms >= 0);
    const cmp_host *host = arg;
    host->log(host, CMP_LOG_NOTICE, "has %s", (const char *)content);
}

static size_t count_letters(const void *content)
{
    return strlen(content);
}

static const kit_live_kind kind = {.what = "letters",
                                   .option = "path",
                                   .read = read_text,
                                   .free = free_text,
                                   .count = count_letters,
                                   .log = log_text};

static const kit_live_options options = {.check_interval_ms = CHECK_MS,
                                         .max_shrink = 50,
                                         .settle_ms = SETTLE_MS};

/* A plugin that is nothing but such a content. */
typedef struct self {
    const cmp_host *host;
    kit_live *live;
    kit_live_share share; /* a worker's */
} self;

typedef struct settings {
    const char *path;
} settings;

CMP_OPTIONS(rows, settings) = {
    CMP_ROW("path", STRING, settings, path, "the file"),
    CMP_OPTION_END,
};

static void *live_create(const cmp_host *host, const void *made_of, void *previous,
                         cmp_report *report)
{
    const self *before = previous;
    self *s = kit_calloc(1, sizeof(*s));
    s->host = host;
    s->live =
        kit_live_create(host, &kind, &options, ((const settings *)made_of)->path,
                        (void *)(uintptr_t)host, before != NULL ? before->live : NULL, report);
    if (s->live == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

static void live_start(void *instance, cmp_loop *loop)
{
    kit_live_start(((self *)instance)->live, loop);
}

static void *live_worker_start(void *instance, cmp_loop *loop)
{
    (void)loop;
    self *s = instance;
    kit_live_join(s->live, &s->share);
    return &s->share;
}

static void live_worker_stop(void *instance, void *worker)
{
    kit_live_leave(((self *)instance)->live, worker);
}

static void live_command(void *instance, const char *name, cmp_str argument, uint64_t id)
{
    kit_live_command(((self *)instance)->live, name, argument, id);
}

static void live_destroy(void *instance)
{
    self *s = instance;
    kit_live_destroy(&s->live);
    assert_null(s->live);
    kit_live_destroy(&s->live);
    free(s);
}

static cmp_route_verdict live_route(void *instance, void *worker, cmp_route_reason reason,
                                    cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)instance, (void)worker, (void)reason, (void)target, (void)op, (void)answer;
    return CMP_ROUTE_DECLINE;
}

static const cmp_route_ops ops = {.size = sizeof(ops), .route = live_route};

static const cmp_command commands[] = {KIT_LIVE_COMMANDS, CMP_COMMAND_END};

static const cmp_plugin plugin = {
    CMP_PLUGIN_ABI,
    .name = "live",
    .kind = CMP_PLUGIN_ROUTE,
    .version = "1",
    .summary = "follows a file",
    CMP_PLUGIN_OPTIONS(rows),
    .create = live_create,
    .start = live_start,
    .worker_start = live_worker_start,
    .worker_stop = live_worker_stop,
    .destroy = live_destroy,
    .ops.route = &ops,
    .commands = commands,
    .command = live_command,
};

typedef struct fixture {
    cmp_test *host;
    const kit_live_share *share;
} fixture;

static void open_live(fixture *f, const char *path)
{
    assert_true(cmp_test_open(f->host, &plugin, path));
    f->share = cmp_test_worker(f->host);
}

static void accept(fixture *f)
{
    cmp_test_command(f->host, "accept", NULL);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    freed = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cmp_test_destroy(&f->host);
    free(f);
    return 0;
}

static void without_a_path_nothing_changes(void **state)
{
    fixture *f = *state;
    open_live(f, NULL);
    assert_string_equal(f->share->content, "nothing");
    assert_int_equal(cmp_test_timers(f->host), 0);
}

static void a_bad_file_is_reported(void **state)
{
    fixture *f = *state;
    scratch_write("file", "#");
    assert_false(cmp_test_open(f->host, &plugin, "path: file"));
    assert_true(cmp_test_reported(f->host, "path: file:1: a hash"));
}

static void a_changed_file_is_swapped_in(void **state)
{
    fixture *f = *state;
    scratch_write("file", "one");
    open_live(f, "path: file");
    assert_string_equal(f->share->content, "one");
    scratch_write("file", "three");
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "three");
    assert_int_equal(freed, 0);
    cmp_test_advance(f->host, CHECK_MS);
    assert_int_equal(freed, 1); /* nobody uses it any more */
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "has three"));
}

static void a_bad_change_leaves_what_there_is(void **state)
{
    fixture *f = *state;
    scratch_write("file", "one");
    open_live(f, "path: file");
    scratch_write("file", "#bad");
    cmp_test_advance(f->host, 3 * CHECK_MS);
    assert_string_equal(f->share->content, "one");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR,
                                "file:1: a hash; the letters read before stay in use"));
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);
}

/* ---- a file in which much is missing ---- */

static void half_may_go_at_once(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "1234");
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "1234");
    assert_int_equal(cmp_test_counted(f->host, "reloads_held"), 0);
}

static void more_than_half_is_believed_once_it_has_settled(void **state)
{
    static const char *const less[] = {"123", ""};
    static const char *const said[] = {
        "file: has 3 letters in place of 8: those read before stay in use until it has not changed "
        "for 10 s",
        "file: has 0 letters in place of 8"};
    fixture *f = *state;
    for (size_t i = 0; i < 2; i++) {
        scratch_write("file", "12345678");
        if (i == 0) {
            open_live(f, "path: file");
        }
        cmp_test_advance(f->host, CHECK_MS);
        assert_string_equal(f->share->content, "12345678");
        scratch_write("file", less[i]);
        cmp_test_advance(f->host, SETTLE_MS); /* the first look found the change */
        assert_string_equal(f->share->content, "12345678");
        assert_int_equal(cmp_test_counted(f->host, "reloads_held"), i + 1);
        assert_int_equal(cmp_test_health(f->host), CMP_HEALTH_DEGRADED);
        assert_non_null(strstr(cmp_test_why(f->host), said[i]));
        cmp_test_advance(f->host, CHECK_MS);
        assert_string_equal(f->share->content, less[i]);
    }
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 3);
}

static void each_change_begins_the_time_anew(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    for (size_t i = 0; i < 3; i++) {
        scratch_write("file", i % 2 == 0 ? "1" : "21");
        cmp_test_advance(f->host, SETTLE_MS);
        assert_string_equal(f->share->content, "12345678");
    }
    scratch_write("file", "12345"); /* it was only being written */
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "12345");
    /* The first one changed the health, which hosts log. */
    assert_true(cmp_test_logged(f->host, CMP_LOG_WARNING, "file: has 2 letters in place of 8"));
    assert_int_equal(cmp_test_health(f->host), CMP_HEALTH_OK);
    assert_int_equal(cmp_test_counted(f->host, "reloads_held"), 3);
}

/* It was being emptied, or is written to slowly. */
static void what_is_no_news_is_not_said_again(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    for (size_t i = 0; i < 3; i++) {
        scratch_write("file", i % 2 == 0 ? "1" : "2");
        cmp_test_advance(f->host, CHECK_MS);
        assert_int_equal(cmp_test_counted(f->host, "reloads_held"), i + 1);
        assert_false(
            cmp_test_logged(f->host, CMP_LOG_WARNING, "in place of 8")); /* the health is */
    }
    scratch_write("file", "#");
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "file:1: a hash"));
    scratch_write("file", "1");
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_WARNING, "has 1 letters in place of 8"));
}

static void a_bad_change_of_a_held_file_begins_it_anew(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "1");
    cmp_test_advance(f->host, SETTLE_MS);
    scratch_write("file", "#");
    cmp_test_advance(f->host, 2 * SETTLE_MS);
    assert_string_equal(f->share->content, "12345678");
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "file:1: a hash"));
}

/* ---- a reload of the configuration ---- */

static void reload_live(fixture *f, const char *path)
{
    assert_true(cmp_test_replace(f->host, path));
    f->share = cmp_test_worker(f->host);
}

static void a_reload_is_no_reason_to_believe_it(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "1");
    for (unsigned i = 1; i <= 2; i++) {
        reload_live(f, "path: file");
        assert_string_equal(f->share->content, "12345678");
        assert_int_equal(freed, i); /* what was read, and not what its predecessor uses */
        assert_int_equal(cmp_test_counted(f->host, "reloads_held"), 1);
        assert_int_equal(cmp_test_health(f->host), CMP_HEALTH_DEGRADED);
        assert_non_null(strstr(cmp_test_why(f->host), "file: has 1 letters in place of 8"));
    }
    accept(f);
    assert_string_equal(f->share->content, "1");
    cmp_test_advance(f->host, CHECK_MS);
    assert_int_equal(freed, 3);
}

static void a_reload_does_not_begin_the_time_anew(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "1");
    cmp_test_advance(f->host, SETTLE_MS - CHECK_MS);
    reload_live(f, "path: file");
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "12345678");
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "1");
    scratch_write("file", "");
    cmp_test_advance(f->host, CHECK_MS);
    scratch_write("file", "2345678"); /* mended meanwhile */
    reload_live(f, "path: file");
    assert_string_equal(f->share->content, "2345678");
    assert_int_equal(cmp_test_health(f->host), CMP_HEALTH_OK);
}

static void another_file_is_believed(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    scratch_write("small", "1");
    open_live(f, "path: file");
    reload_live(f, "path: small");
    assert_string_equal(f->share->content, "1");
    reload_live(f, NULL);
    assert_string_equal(f->share->content, "nothing");
    reload_live(f, "path: small");
    assert_string_equal(f->share->content, "1");
}

static void a_reload_that_is_given_up_takes_nothing_away(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "#");
    assert_false(cmp_test_replace(f->host, "path: file"));
    assert_string_equal(f->share->content, "12345678");
    assert_int_equal(freed, 0);
}

/* ---- an operator's word ---- */

static void what_is_missing_is_accepted(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "1");
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "12345678");
    accept(f);
    assert_string_equal(f->share->content, "1");
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_GOOD);
    assert_string_equal(cmp_test_command_text(f->host), "file: 1 letters are in use");
    assert_int_equal(cmp_test_health(f->host), CMP_HEALTH_OK);
    scratch_write("file", ""); /* it was said of that state alone */
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "1");
    assert_int_equal(cmp_test_counted(f->host, "reloads_held"), 2);
}

static void accepting_comes_before_the_file_was_looked_at(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "");
    accept(f);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_GOOD);
    assert_string_equal(f->share->content, "");
    assert_int_equal(cmp_test_counted(f->host, "reloads_held"), 0);
}

static void a_bad_file_is_not_accepted(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    scratch_write("file", "#");
    accept(f);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_BAD);
    assert_string_equal(cmp_test_command_text(f->host),
                        "file:1: a hash; the letters read before stay in use");
    assert_string_equal(f->share->content, "12345678");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "file:1: a hash"));
}

/* What was begun before may have read what was there before. */
static void a_reading_that_is_under_way_is_not_what_is_meant(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    cmp_test_hold(f->host, true);
    scratch_write("file", "1");
    cmp_test_advance(f->host, CHECK_MS);
    accept(f);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_PENDING);
    scratch_write("file", "2");
    cmp_test_hold(f->host, false);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_GOOD);
    assert_string_equal(f->share->content, "2");
}

static void it_waits_for_a_place_in_the_pool(void **state)
{
    fixture *f = *state;
    scratch_write("file", "12345678");
    open_live(f, "path: file");
    cmp_test_pool_full(f->host, true);
    scratch_write("file", "1");
    accept(f);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_PENDING);
    cmp_test_pool_full(f->host, false);
    cmp_test_advance(f->host, CHECK_MS);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_GOOD);
    assert_string_equal(f->share->content, "1");
}

static void without_a_file_there_is_nothing_to_accept(void **state)
{
    fixture *f = *state;
    open_live(f, NULL);
    accept(f);
    assert_int_equal(cmp_test_command_state(f->host), CMP_TEST_COMMAND_BAD);
}

/* What `cp -p` and `rsync -t --inplace` leave: the size and the time are as they were. */
static void a_change_that_hides_its_time_is_seen(void **state)
{
    fixture *f = *state;
    scratch_write("file", "one");
    open_live(f, "path: file");
    struct stat before;
    assert_int_equal(stat("file", &before), 0);
    const int fd = open("file", O_WRONLY);
    assert_int_equal(write(fd, "two", 3), 3);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
    cmp_test_advance(f->host, CHECK_MS);
    assert_string_equal(f->share->content, "two");
}

static kit_live *live_of(const fixture *f)
{
    return ((const self *)cmp_test_instance(f->host))->live;
}

static void a_use_keeps_what_it_began_with(void **state)
{
    fixture *f = *state;
    scratch_write("file", "one");
    open_live(f, "path: file");
    kit_live_share use;
    kit_live_join(live_of(f), &use);
    scratch_write("file", "three");
    cmp_test_advance(f->host, 3 * CHECK_MS);
    assert_string_equal(f->share->content, "three");
    assert_string_equal(use.content, "one");
    assert_int_equal(freed, 0);
    kit_live_leave(live_of(f), &use);
    cmp_test_advance(f->host, CHECK_MS);
    assert_int_equal(freed, 1);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_a_path_nothing_changes),
        TEST(a_bad_file_is_reported),
        TEST(a_changed_file_is_swapped_in),
        TEST(a_bad_change_leaves_what_there_is),
        TEST(a_use_keeps_what_it_began_with),
        TEST(half_may_go_at_once),
        TEST(more_than_half_is_believed_once_it_has_settled),
        TEST(each_change_begins_the_time_anew),
        TEST(what_is_no_news_is_not_said_again),
        TEST(a_bad_change_of_a_held_file_begins_it_anew),
        TEST(a_change_that_hides_its_time_is_seen),
        TEST(a_reload_is_no_reason_to_believe_it),
        TEST(a_reload_does_not_begin_the_time_anew),
        TEST(another_file_is_believed),
        TEST(a_reload_that_is_given_up_takes_nothing_away),
        TEST(what_is_missing_is_accepted),
        TEST(accepting_comes_before_the_file_was_looked_at),
        TEST(a_bad_file_is_not_accepted),
        TEST(a_reading_that_is_under_way_is_not_what_is_meant),
        TEST(it_waits_for_a_place_in_the_pool),
        TEST(without_a_file_there_is_nothing_to_accept),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
