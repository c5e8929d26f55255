/* SPDX-License-Identifier: Apache-2.0 */
/* The table file of the plugin route_prefix: what changes in it, reloads that are all or nothing,
 * and workers that search meanwhile. */
#include "embed_rig.h"
#include "route_prefix_rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static void the_table_adds_to_the_peers_prefixes(void **state)
{
    prefix_rig *r = *state;
    prefix_open_with(r, "# the community's table\r\n"
                        "1A0F1 d\r\n"
                        "\t1A0\tno-host   # theirs\n"
                        "\n   \n"
                        "2B00178 d\n" DIGITS_64 " d");
    prefix_expect_peer(r, "1A0F1", "d");
    prefix_expect_peer(r, "1A0F2", "no-host");
    prefix_expect_peer(r, "2B0017", "b");
    prefix_expect_peer(r, "2B00178", "d");
    prefix_expect_peer(r, DIGITS_64 "0", "d");
    prefix_expect_peer(r, "0123456789ABCDEF", NULL);
}

static void a_bad_change_leaves_the_old_prefixes(void **state)
{
    prefix_rig *r = *state;
    prefix_open_with(r, "1A0 d\n");
    prefix_write_table(r, "1A0 c\n1A1 d\n1a0 b\n");
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    assert_true(
        cmp_test_logged(r->host, CMP_LOG_ERROR,
                        "table:3: 1A0 stands on line 1 already; the prefixes read before stay"));
    prefix_expect_peer(r, "1A0", "d");
    prefix_expect_peer(r, "1A1", NULL);
    cmp_test_advance(r->host, 10 * PREFIX_CHECK_MS); /* it is not tried again */
    assert_int_equal(cmp_test_counted(r->host, "reload_failures"), 1);

    prefix_write_table(r, "1A0 c\n");
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    assert_true(cmp_test_logged(r->host, CMP_LOG_NOTICE, "table: 4 prefixes"));
    prefix_expect_peer(r, "1A0", "c");
    assert_int_equal(cmp_test_counted(r->host, "reloads"), 1);
    assert_int_equal(cmp_test_counted(r->host, "reload_failures"), 1);
}

/* A folder stands for whatever can be seen but not read. */
static void what_cannot_be_read_is_tried_again_in_silence(void **state)
{
    prefix_rig *r = *state;
    prefix_open_with(r, "1A0 d\n");
    assert_int_equal(unlink(r->path), 0);
    cmp_test_advance(r->host, 5 * PREFIX_CHECK_MS);
    assert_int_equal(cmp_test_log_count(r->host, CMP_LOG_ERROR), 1);
    assert_true(cmp_test_logged(r->host, CMP_LOG_ERROR, "table: cannot be opened"));
    assert_int_equal(mkdir(r->path, 0700), 0);
    cmp_test_advance(r->host, 5 * PREFIX_CHECK_MS);
    assert_int_equal(cmp_test_log_count(r->host, CMP_LOG_ERROR), 1);
    assert_true(cmp_test_logged(r->host, CMP_LOG_ERROR, "is no regular file"));
    assert_int_equal(rmdir(r->path), 0);
    prefix_expect_peer(r, "1A0", "d");
    prefix_write_table(r, "1A0 c\n");
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    prefix_expect_peer(r, "1A0", "c");
}

static const char *section_of(const prefix_rig *r)
{
    static char section[128];
    snprintf(section, sizeof(section), "table: %s\nmode: forward\n", r->path);
    return section;
}

static const char *const of_fresh[] = {"2B0"};

/* Nor does a reload that is about its peers make it believed. */
static void a_reload_holds_an_emptied_table(void **state)
{
    static const cmp_peer later[] = {
        {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
        {.name = CMP_STR("fresh"), .prefixes = of_fresh, .prefix_count = COUNT(of_fresh)},
    };
    prefix_rig *r = *state;
    prefix_write_table(r, "1A0F1 b\n1A0F2 c\n1A0F3 b\n");
    assert_true(cmp_test_open(r->host, &cmp_plugin_descriptor, section_of(r)));
    prefix_write_table(r, "");
    cmp_test_peers(r->host, later, COUNT(later));
    assert_true(cmp_test_replace(r->host, section_of(r)));
    prefix_expect_peer(r, "1A0F1-1", "b");
    prefix_expect_peer(r, "1A0F2-1", NULL); /* c has gone */
    prefix_expect_peer(r, "1A0F3-1", "b");
    prefix_expect_peer(r, "2B0F1-1", "fresh");
    assert_non_null(strstr(cmp_test_why(r->host), "has 0 prefixes in place of 2"));
    cmp_test_command(r->host, "accept", NULL);
    prefix_expect_peer(r, "1A0F1-1", NULL);
    prefix_expect_peer(r, "2B0F1-1", "fresh");
}

/* What goes with its peer is not missing; */
static void a_reload_takes_a_peer_away_with_its_lines(void **state)
{
    static const cmp_peer later[] = {{.name = CMP_STR("b"), .host = CMP_STR("b.example.net")}};
    prefix_rig *r = *state;
    prefix_write_table(r, "1A0F1 b\n1A0F2 c\n1A0F3 c\n1A0F4 c\n");
    assert_true(cmp_test_open(r->host, &cmp_plugin_descriptor, section_of(r)));
    prefix_write_table(r, "1A0F5 b\n");
    cmp_test_peers(r->host, later, COUNT(later));
    assert_true(cmp_test_replace(r->host, section_of(r)));
    assert_int_equal(cmp_test_health(r->host), CMP_HEALTH_OK);
    assert_int_equal(cmp_test_counted(r->host, "reloads_held"), 0);
    prefix_expect_peer(r, "1A0F1-1", NULL);
    prefix_expect_peer(r, "1A0F5-1", "b");
}

/* and what comes back with its peer is. */
static void a_reload_gives_a_peer_its_lines_back(void **state)
{
    static const cmp_peer without_c[] = {{.name = CMP_STR("b"), .host = CMP_STR("b.example.net")}};
    static const cmp_peer with_c[] = {
        {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
        {.name = CMP_STR("c"), .host = CMP_STR("c.example.net")},
    };
    prefix_rig *r = *state;
    prefix_write_table(r, "1A0F1 b\n1A0F2 c\n1A0F3 c\n1A0F4 c\n");
    assert_true(cmp_test_open(r->host, &cmp_plugin_descriptor, section_of(r)));
    prefix_write_table(r, "");
    cmp_test_peers(r->host, without_c, COUNT(without_c));
    assert_true(cmp_test_replace(r->host, section_of(r)));
    assert_non_null(strstr(cmp_test_why(r->host), "has 0 prefixes in place of 1"));
    prefix_write_table(r, "1A0F1 b\n");
    cmp_test_peers(r->host, with_c, COUNT(with_c));
    assert_true(cmp_test_replace(r->host, section_of(r)));
    assert_non_null(strstr(cmp_test_why(r->host), "has 1 prefixes in place of 4"));
    prefix_expect_peer(r, "1A0F2-1", "c");
}

static void an_unchanged_file_is_left_alone(void **state)
{
    prefix_rig *r = *state;
    prefix_open_with(r, "1A0 d\n");
    cmp_test_advance(r->host, 100 * PREFIX_CHECK_MS);
    assert_int_equal(cmp_test_log_count(r->host, CMP_LOG_NOTICE), 0);
    assert_int_equal(cmp_test_counted(r->host, "reloads"), 0);
    assert_int_equal(cmp_test_timers(r->host), 1);
}

static void a_full_pool_means_the_next_time(void **state)
{
    prefix_rig *r = *state;
    prefix_open_with(r, "1A0 d\n");
    prefix_write_table(r, "1A0 c\n");
    cmp_test_pool_full(r->host, true);
    cmp_test_advance(r->host, 3 * PREFIX_CHECK_MS);
    prefix_expect_peer(r, "1A0", "d");
    cmp_test_pool_full(r->host, false);
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    prefix_expect_peer(r, "1A0", "c");
}

/* The old prefixes are there until the worker has taken the new ones, and only one load is under
 * way. */
static void a_slow_pool_and_a_slow_worker(void **state)
{
    prefix_rig *r = *state;
    cmp_route_answer answer;
    prefix_open_with(r, "1A0 d\n");
    cmp_test_hold(r->host, true);
    prefix_write_table(r, "1A0 c\n");
    cmp_test_advance(r->host, 3 * PREFIX_CHECK_MS);
    assert_int_equal(cmp_test_jobs(r->host), 1);
    r->ici = "1A0";
    assert_int_equal(prefix_ask(r, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_FORWARD);

    assert_true(cmp_test_step(r->host));         /* the load */
    assert_int_equal(cmp_test_jobs(r->host), 1); /* the worker's */
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    assert_true(cmp_str_equal(answer.peer, CMP_STR("d"))); /* not freed: it is in use */
    prefix_expect_peer(r, "1A0", "d");

    cmp_test_run(r->host, 0);
    prefix_expect_peer(r, "1A0", "c");
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    assert_int_equal(cmp_test_jobs(r->host), 0); /* and now nobody has to be told any more */
    prefix_expect_peer(r, "1A0", "c");
}

static void *stopped_of;

static unsigned call_stopped_worker(const cmp_host *host,
                                    void (*run)(void *instance, void *worker, void *arg), void *arg)
{
    (void)host;
    run(stopped_of, NULL, arg);
    return 1;
}

static void a_worker_that_has_stopped_is_not_told(void **state)
{
    prefix_rig *r = *state;
    prefix_open_with(r, "1A0 d\n");
    stopped_of = cmp_test_instance(r->host);
    ((cmp_host *)(uintptr_t)cmp_test_host(r->host))->workers_call = call_stopped_worker;
    prefix_write_table(r, "1A0 c\n");
    cmp_test_advance(r->host, PREFIX_CHECK_MS);
    prefix_expect_peer(r, "1A0", "d");
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
    cmp_embed_request request = CMP_EMBED_REQUEST;
    request.form = CMP_STR("ici=1A0F1");
    while (!b->stop) {
        cmp_embed_answer a = CMP_EMBED_ANSWER;
        b->wrong |= cmp_embed_route(w, CMP_ROUTE_ABSENT, CMP_NONE, &request, &a) != 200 ||
                    a.routed->peer.size != 1;
        b->asked++;
    }
    cmp_embed_detach(&w);
    return NULL;
}

static void workers_search_while_the_table_changes(void **state)
{
    prefix_rig *r = *state;
    char options[128];
    cmp_embed_error error;
    busy b = {.stop = false};
    pthread_t threads[WORKERS];
    prefix_write_table(r, "1A0 d\n");
    snprintf(options, sizeof(options), "{table: %s, check_interval: 100ms}", r->path);
    const cmp_embed_settings settings = {.size = sizeof(settings),
                                         .peers = prefix_peers,
                                         .peer_count = PREFIX_PEERS};
    b.embed = cmp_embed_open(PLUGINS, "route_prefix", options, &settings, &error);
    if (b.embed == NULL) {
        fail_msg("%s", error.text);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, search, &b), 0);
    }
    for (int i = 0; i < SWAPS; i++) {
        prefix_write_table(r, i % 2 == 0 ? "1A0F c\n" : "1A0F1 b\n");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, prefix_set_up, prefix_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_table_adds_to_the_peers_prefixes),
        TEST(a_bad_change_leaves_the_old_prefixes),
        TEST(what_cannot_be_read_is_tried_again_in_silence),
        TEST(a_reload_holds_an_emptied_table),
        TEST(a_reload_takes_a_peer_away_with_its_lines),
        TEST(a_reload_gives_a_peer_its_lines_back),
        TEST(an_unchanged_file_is_left_alone),
        TEST(a_full_pool_means_the_next_time),
        TEST(a_slow_pool_and_a_slow_worker),
        TEST(a_worker_that_has_stopped_is_not_told),
        TEST(workers_search_while_the_table_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
