/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin route_prefix as a host sees it: decisions in both modes, the table file, and reloads
 * that are all or nothing. */
#include "embed_rig.h"

#include <cmp-test/test.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CHECK_MS = 1000, TTL_MS = 90000 };

static const char *const of_b[] = {"2B001", "2b0017"};
static const char *const of_c[] = {"2B0"};
static const char *const of_twin[] = {"2b001"};
static const char *const not_hex[] = {"2B00Z"};

static const cmp_peer peers[] = {
    {.name = CMP_STR("b"),
     .host = CMP_STR("b.example.net"),
     .prefixes = of_b,
     .prefix_count = COUNT(of_b)},
    {.name = CMP_STR("c"),
     .host = CMP_STR("C.example.net"),
     .prefixes = of_c,
     .prefix_count = COUNT(of_c)},
    {.name = CMP_STR("d"), .host = CMP_STR("d.example.net")},
    {.name = CMP_STR("no-host")},
};

typedef struct fixture {
    cmp_test *host;
    const char *ici, *requestor;
    char folder[32], path[48], fresh[64];
    void *options;
    cmp_test_txn *asked; /* the last request: an answer may point into it */
} fixture;

static const cmp_option *row(const char *name)
{
    const cmp_option *found = cmp_plugin_descriptor.options;
    while (found->name != NULL && strcmp(found->name, name) != 0) {
        found++;
    }
    assert_non_null(found->name);
    return found;
}

static void *option(const fixture *f, const char *name)
{
    return (char *)f->options + row(name)->offset;
}

static void set_mode(const fixture *f, const char *mode)
{
    int *field = option(f, "mode");
    for (*field = 0; strcmp(row("mode")->choices[*field], mode) != 0; ++*field) {
        assert_non_null(row("mode")->choices[*field + 1]);
    }
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    cmp_test_peers(f->host, peers, COUNT(peers));
    strcpy(f->folder, "/tmp/test-prefix-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/table", f->folder);
    snprintf(f->fresh, sizeof(f->fresh), "%s.fresh", f->path);
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(int64_t *)option(f, "check_interval") = CHECK_MS;
    *(int64_t *)option(f, "ttl") = TTL_MS;
    set_mode(f, "forward");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cmp_test_txn_destroy(&f->asked);
    cmp_test_destroy(&f->host);
    unlink(f->path);
    rmdir(f->folder);
    free(f->options);
    free(f);
    return 0;
}

static bool open_plugin(fixture *f)
{
    return cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options);
}

/* Replaces the file whole, as an operator should. */
static void write_table(const fixture *f, const char *text)
{
    FILE *file = fopen(f->fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(f->fresh, f->path), 0);
}

static void open_with(fixture *f, const char *table)
{
    write_table(f, table);
    *(const char **)option(f, "table") = f->path;
    assert_true(open_plugin(f));
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, " prefixes"));
}

/* It answers at once. */
static cmp_route_verdict ask(fixture *f, cmp_route_reason reason, cmp_str target,
                             cmp_route_answer *answer)
{
    cmp_test_txn_destroy(&f->asked);
    f->asked = cmp_test_txn_create(f->host);
    cmp_test_param(f->asked, CMP_PARAM_ICI, f->ici);
    cmp_test_requestor(f->asked, f->requestor);
    cmp_test_op *op = cmp_test_route(f->host, reason, target.at, f->asked);
    const cmp_route_verdict verdict = (cmp_route_verdict)cmp_test_verdict(op);
    *answer = *cmp_test_routed(op);
    cmp_test_end(&op);
    assert_false(answer->lookup);
    return verdict;
}

/* `peer` NULL: the route declines. */
static void expect_peer(fixture *f, const char *ici, const char *peer)
{
    cmp_route_answer answer;
    f->ici = ici;
    const cmp_route_verdict verdict = ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer);
    assert_int_equal(verdict, peer != NULL ? CMP_ROUTE_FORWARD : CMP_ROUTE_DECLINE);
    if (peer != NULL) {
        assert_true(cmp_str_equal(answer.peer, cmp_str_from(peer)));
    } else {
        assert_null(answer.peer.at);
    }
    assert_null(answer.addr.at);
    assert_null(answer.prefix.at);
}

/* ---- what is refused at the start ---- */

/* A check and a create without a check before complain alike. */
static void expect_complaint(fixture *f, const char *complaint)
{
    assert_false(open_plugin(f));
    assert_int_equal(cmp_test_report_count(f->host), 1);
    if (!cmp_test_reported(f->host, complaint)) {
        fail_msg("expected \"%s\", reported: %s", complaint, cmp_test_report(f->host));
    }
    cmp_test_report_clear(f->host);
    assert_null(cmp_plugin_descriptor.create(cmp_test_host(f->host), f->options, NULL,
                                             cmp_test_report_of(f->host)));
    assert_true(cmp_test_reported(f->host, complaint));
    cmp_test_report_clear(f->host);
}

#define DIGITS_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_bad_table_is_refused_by_line(void **state)
{
    static const struct {
        const char *table, *complaint;
    } cases[] = {
        {"1A0", "table:1: expected a routing prefix and the name of a peer"},
        {"1A0 # d", "table:1: expected a routing prefix and the name of a peer"},
        {"\n1A0 d e\n", "table:2: expected a routing prefix and the name of a peer"},
        {"#\n\n1A d\n", "table:3: \"1A\": expected 3 to 64 hexadecimal digits"},
        {"1A0 d\n1G0 d\n", "table:2: \"1G0\": expected 3 to 64 hexadecimal digits"},
        {"0x1A0 d\n", "table:1: \"0x1A0\": expected"},
        {DIGITS_64 "0 d\n", "table:1: \"" DIGITS_64 "\": expected"},
        {"1A0 D\n", "table:1: there is no peer of the name \"D\""},
        {"1A0 d.example.net\n", "table:1: there is no peer of the name \"d.example.net\""},
        {"1A0 nobody#\n", "table:1: there is no peer of the name \"nobody#\""},
        {"1A0F d\n# x\n1a0f c\n", "table:3: 1A0F stands on line 1 already"},
        {"1A0F d\n1A0F d", "table:2: 1A0F stands on line 1 already"},
        {"1A0 d\n2B0017 d\n", "table:2: 2B0017 stands in the entry of the peer \"b\" already"},
        {"1A0 nobody\n1A d\n", "table:1: there is no peer"}, /* the first one */
    };
    fixture *f = *state;
    *(const char **)option(f, "table") = f->path;
    expect_complaint(f, "table: cannot be opened: No such file");
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_table(f, cases[i].table);
        expect_complaint(f, cases[i].complaint);
        assert_int_equal(unlink(f->path), 0);
    }
    assert_int_equal(mkdir(f->path, 0700), 0);
    expect_complaint(f, "table: is no regular file");
    assert_int_equal(rmdir(f->path), 0);
    write_table(f, "");
    assert_int_equal(truncate(f->path, (64 << 20) + 1), 0);
    expect_complaint(f, "table: is larger than 64 MiB");
}

static void bad_entries_of_peers_are_refused(void **state)
{
    static const cmp_peer twins[] = {
        {.name = CMP_STR("b"), .prefixes = of_b, .prefix_count = COUNT(of_b)},
        {.name = CMP_STR("t"), .prefixes = of_twin, .prefix_count = COUNT(of_twin)},
    };
    static const cmp_peer wrong[] = {
        {.name = CMP_STR("w"), .prefixes = not_hex, .prefix_count = COUNT(not_hex)},
    };
    fixture *f = *state;
    cmp_test_peers(f->host, twins, COUNT(twins));
    expect_complaint(f, "have the same prefix 2B001\n");
    cmp_test_peers(f->host, wrong, COUNT(wrong));
    expect_complaint(f, "the peer \"w\" has the prefix \"2B00Z\": expected 3 to 64 hexadecimal");
}

static void who_has_no_host_cannot_be_referred_to(void **state)
{
    static const cmp_peer hostless[] = {
        {.name = CMP_STR("b"), .prefixes = of_b, .prefix_count = COUNT(of_b)},
    };
    fixture *f = *state;
    set_mode(f, "referral");
    write_table(f, "1A0 d\n1A1 no-host\n");
    *(const char **)option(f, "table") = f->path;
    expect_complaint(f, "table:2: the peer \"no-host\" has no host to refer to");

    *(const char **)option(f, "table") = NULL;
    cmp_test_peers(f->host, hostless, COUNT(hostless));
    expect_complaint(f, "mode: the peer \"b\" has prefixes and no host to refer to");
    set_mode(f, "forward");
    assert_true(open_plugin(f));
    expect_peer(f, "2B001", "b");
}

/* ---- decisions ---- */

static void forward_goes_to_the_longest_prefix(void **state)
{
    fixture *f = *state;
    assert_true(open_plugin(f));
    expect_peer(f, "", NULL);
    expect_peer(f, "2B", NULL);
    expect_peer(f, "2C0", NULL);
    expect_peer(f, "x2B0", NULL);
    expect_peer(f, "2B0", "c");
    expect_peer(f, "2b00-1", "c");
    expect_peer(f, "2b001", "b");
    expect_peer(f, "2B0017FF:anything", "b");
    assert_int_equal(cmp_test_timers(f->host), 0); /* there is no file to look at */
}

static void a_named_host_is_not_for_a_prefix(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    assert_true(open_plugin(f));
    f->ici = "2B001";
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("b.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, CMP_STR("b.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
}

/* Not even when a shorter prefix would lead to somebody else. */
static void never_back_to_where_it_came_from(void **state)
{
    static const char *const both[] = {"forward", "referral"};
    fixture *f = *state;
    cmp_route_answer answer;
    for (size_t i = 0; i < COUNT(both); i++) {
        set_mode(f, both[i]);
        assert_true(open_plugin(f));
        f->requestor = "b";
        expect_peer(f, "2B0017", NULL);
        assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("b.example.net"), &answer),
                         CMP_ROUTE_DECLINE);
        f->requestor = "c";
        assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer),
                         i == 0 ? CMP_ROUTE_FORWARD : CMP_ROUTE_REFERRAL);
        cmp_test_close(f->host);
    }
}

static void referral_names_host_and_prefix(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    set_mode(f, "referral");
    assert_true(open_plugin(f));
    f->requestor = "d";
    f->ici = "2b00A1";
    assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_REFERRAL);
    assert_true(cmp_str_equal(answer.prefix, CMP_STR("2b0")));
    assert_true(cmp_str_equal(answer.addr, CMP_STR("c.example.net")));
    assert_int_equal(answer.ttl_s, TTL_MS / 1000);
    assert_null(answer.peer.at);

    f->ici = "3B0";
    assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_DECLINE);
}

static void referral_of_an_addressed_host_is_for_the_ici_alone(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    set_mode(f, "referral");
    assert_true(open_plugin(f));
    f->requestor = "b";
    f->ici = "2B001";
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("nobody.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("no-host"), &answer), CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_TRANSFERRED, CMP_STR("d.example.net"), &answer),
                     CMP_ROUTE_DECLINE);
    assert_int_equal(ask(f, CMP_ROUTE_ADDRESSED, CMP_STR("D.Example.net"), &answer),
                     CMP_ROUTE_REFERRAL);
    assert_true(cmp_str_equal(answer.addr, CMP_STR("d.example.net")));
    assert_null(answer.prefix.at);
    assert_int_equal(answer.ttl_s, TTL_MS / 1000);
}

/* ---- the table file ---- */

static void the_table_adds_to_the_peers_prefixes(void **state)
{
    fixture *f = *state;
    open_with(f, "# the community's table\r\n"
                 "1A0F1 d\r\n"
                 "\t1A0\tno-host   # theirs\n"
                 "\n   \n"
                 "2B00178 d\n" DIGITS_64 " d");
    expect_peer(f, "1A0F1", "d");
    expect_peer(f, "1A0F2", "no-host");
    expect_peer(f, "2B0017", "b");
    expect_peer(f, "2B00178", "d");
    expect_peer(f, DIGITS_64 "0", "d");
    expect_peer(f, "0123456789ABCDEF", NULL);
}

static void a_bad_change_leaves_the_old_prefixes(void **state)
{
    fixture *f = *state;
    open_with(f, "1A0 d\n");
    write_table(f, "1A0 c\n1A1 d\n1a0 b\n");
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_ERROR,
                        "table:3: 1A0 stands on line 1 already; the prefixes read before stay"));
    expect_peer(f, "1A0", "d");
    expect_peer(f, "1A1", NULL);
    cmp_test_advance(f->host, 10 * CHECK_MS); /* it is not tried again */
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);

    write_table(f, "1A0 c\n");
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "table: 4 prefixes"));
    expect_peer(f, "1A0", "c");
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 1);
    assert_int_equal(cmp_test_counted(f->host, "reload_failures"), 1);
}

/* A folder stands for whatever can be seen but not read. */
static void what_cannot_be_read_is_tried_again_in_silence(void **state)
{
    fixture *f = *state;
    open_with(f, "1A0 d\n");
    assert_int_equal(unlink(f->path), 0);
    cmp_test_advance(f->host, 5 * CHECK_MS);
    assert_int_equal(cmp_test_log_count(f->host, CMP_LOG_ERROR), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "table: cannot be opened"));
    assert_int_equal(mkdir(f->path, 0700), 0);
    cmp_test_advance(f->host, 5 * CHECK_MS);
    assert_int_equal(cmp_test_log_count(f->host, CMP_LOG_ERROR), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "is no regular file"));
    assert_int_equal(rmdir(f->path), 0);
    expect_peer(f, "1A0", "d");
    write_table(f, "1A0 c\n");
    cmp_test_advance(f->host, CHECK_MS);
    expect_peer(f, "1A0", "c");
}

static const char *section_of(const fixture *f)
{
    static char section[128];
    snprintf(section, sizeof(section), "table: %s\nmode: forward\n", f->path);
    return section;
}

/* Nor does a reload that is about its peers make it believed. */
static void a_reload_holds_an_emptied_table(void **state)
{
    static const cmp_peer later[] = {
        {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
        {.name = CMP_STR("fresh"), .prefixes = of_c, .prefix_count = COUNT(of_c)},
    };
    fixture *f = *state;
    write_table(f, "1A0F1 b\n1A0F2 c\n1A0F3 b\n");
    assert_true(cmp_test_open(f->host, &cmp_plugin_descriptor, section_of(f)));
    write_table(f, "");
    cmp_test_peers(f->host, later, COUNT(later));
    assert_true(cmp_test_replace(f->host, section_of(f)));
    expect_peer(f, "1A0F1-1", "b");
    expect_peer(f, "1A0F2-1", NULL); /* c has gone */
    expect_peer(f, "1A0F3-1", "b");
    expect_peer(f, "2B0F1-1", "fresh");
    assert_non_null(strstr(cmp_test_why(f->host), "has 0 prefixes in place of 2"));
    cmp_test_command(f->host, "accept", NULL);
    expect_peer(f, "1A0F1-1", NULL);
    expect_peer(f, "2B0F1-1", "fresh");
}

/* What goes with its peer is not missing; */
static void a_reload_takes_a_peer_away_with_its_lines(void **state)
{
    static const cmp_peer later[] = {{.name = CMP_STR("b"), .host = CMP_STR("b.example.net")}};
    fixture *f = *state;
    write_table(f, "1A0F1 b\n1A0F2 c\n1A0F3 c\n1A0F4 c\n");
    assert_true(cmp_test_open(f->host, &cmp_plugin_descriptor, section_of(f)));
    write_table(f, "1A0F5 b\n");
    cmp_test_peers(f->host, later, COUNT(later));
    assert_true(cmp_test_replace(f->host, section_of(f)));
    assert_int_equal(cmp_test_health(f->host), CMP_HEALTH_OK);
    assert_int_equal(cmp_test_counted(f->host, "reloads_held"), 0);
    expect_peer(f, "1A0F1-1", NULL);
    expect_peer(f, "1A0F5-1", "b");
}

/* and what comes back with its peer is. */
static void a_reload_gives_a_peer_its_lines_back(void **state)
{
    static const cmp_peer without_c[] = {{.name = CMP_STR("b"), .host = CMP_STR("b.example.net")}};
    static const cmp_peer with_c[] = {
        {.name = CMP_STR("b"), .host = CMP_STR("b.example.net")},
        {.name = CMP_STR("c"), .host = CMP_STR("c.example.net")},
    };
    fixture *f = *state;
    write_table(f, "1A0F1 b\n1A0F2 c\n1A0F3 c\n1A0F4 c\n");
    assert_true(cmp_test_open(f->host, &cmp_plugin_descriptor, section_of(f)));
    write_table(f, "");
    cmp_test_peers(f->host, without_c, COUNT(without_c));
    assert_true(cmp_test_replace(f->host, section_of(f)));
    assert_non_null(strstr(cmp_test_why(f->host), "has 0 prefixes in place of 1"));
    write_table(f, "1A0F1 b\n");
    cmp_test_peers(f->host, with_c, COUNT(with_c));
    assert_true(cmp_test_replace(f->host, section_of(f)));
    assert_non_null(strstr(cmp_test_why(f->host), "has 1 prefixes in place of 4"));
    expect_peer(f, "1A0F2-1", "c");
}

static void an_unchanged_file_is_left_alone(void **state)
{
    fixture *f = *state;
    open_with(f, "1A0 d\n");
    cmp_test_advance(f->host, 100 * CHECK_MS);
    assert_int_equal(cmp_test_log_count(f->host, CMP_LOG_NOTICE), 0);
    assert_int_equal(cmp_test_counted(f->host, "reloads"), 0);
    assert_int_equal(cmp_test_timers(f->host), 1);
}

static void a_full_pool_means_the_next_time(void **state)
{
    fixture *f = *state;
    open_with(f, "1A0 d\n");
    write_table(f, "1A0 c\n");
    cmp_test_pool_full(f->host, true);
    cmp_test_advance(f->host, 3 * CHECK_MS);
    expect_peer(f, "1A0", "d");
    cmp_test_pool_full(f->host, false);
    cmp_test_advance(f->host, CHECK_MS);
    expect_peer(f, "1A0", "c");
}

/* The old prefixes are there until the worker has taken the new ones, and only one load is under
 * way. */
static void a_slow_pool_and_a_slow_worker(void **state)
{
    fixture *f = *state;
    cmp_route_answer answer;
    open_with(f, "1A0 d\n");
    cmp_test_hold(f->host, true);
    write_table(f, "1A0 c\n");
    cmp_test_advance(f->host, 3 * CHECK_MS);
    assert_int_equal(cmp_test_jobs(f->host), 1);
    f->ici = "1A0";
    assert_int_equal(ask(f, CMP_ROUTE_ABSENT, CMP_NONE, &answer), CMP_ROUTE_FORWARD);

    assert_true(cmp_test_step(f->host));         /* the load */
    assert_int_equal(cmp_test_jobs(f->host), 1); /* the worker's */
    cmp_test_advance(f->host, CHECK_MS);
    assert_true(cmp_str_equal(answer.peer, CMP_STR("d"))); /* not freed: it is in use */
    expect_peer(f, "1A0", "d");

    cmp_test_run(f->host, 0);
    expect_peer(f, "1A0", "c");
    cmp_test_advance(f->host, CHECK_MS);
    assert_int_equal(cmp_test_jobs(f->host), 0); /* and now nobody has to be told any more */
    expect_peer(f, "1A0", "c");
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
    fixture *f = *state;
    open_with(f, "1A0 d\n");
    stopped_of = cmp_test_instance(f->host);
    ((cmp_host *)(uintptr_t)cmp_test_host(f->host))->workers_call = call_stopped_worker;
    write_table(f, "1A0 c\n");
    cmp_test_advance(f->host, CHECK_MS);
    expect_peer(f, "1A0", "d");
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

static int64_t reloads(cmp_embed *e)
{
    const char *name, *help;
    int64_t value = 0;
    for (unsigned i = 0; cmp_embed_metric(e, i, &name, &help, &value); i++) {
        if (strcmp(name, "reloads") == 0) {
            return value;
        }
    }
    fail_msg("nobody counts reloads");
    return 0;
}

static void workers_search_while_the_table_changes(void **state)
{
    fixture *f = *state;
    char options[128];
    cmp_embed_error error;
    busy b = {.stop = false};
    pthread_t threads[WORKERS];
    write_table(f, "1A0 d\n");
    snprintf(options, sizeof(options), "{table: %s, check_interval: 100ms}", f->path);
    const cmp_embed_settings settings = {.size = sizeof(settings),
                                         .peers = peers,
                                         .peer_count = COUNT(peers)};
    b.embed = cmp_embed_open(PLUGINS, "route_prefix", options, &settings, &error);
    if (b.embed == NULL) {
        fail_msg("%s", error.text);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, search, &b), 0);
    }
    for (int i = 0; i < SWAPS; i++) {
        write_table(f, i % 2 == 0 ? "1A0F c\n" : "1A0F1 b\n");
        while (reloads(b.embed) <= i) {
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
        TEST(a_bad_table_is_refused_by_line),
        TEST(bad_entries_of_peers_are_refused),
        TEST(who_has_no_host_cannot_be_referred_to),
        TEST(forward_goes_to_the_longest_prefix),
        TEST(a_named_host_is_not_for_a_prefix),
        TEST(never_back_to_where_it_came_from),
        TEST(referral_names_host_and_prefix),
        TEST(referral_of_an_addressed_host_is_for_the_ici_alone),
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
