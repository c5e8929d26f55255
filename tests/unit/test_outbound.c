/* SPDX-License-Identifier: Apache-2.0 */
/* The outbound HTTPS client against a real server on loopback: answers and connections. */
#include "outbound_rig.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <pthread.h>

/* ---- answers ---- */

static void test_requests(void **state)
{
    (void)state;
    for (int http1 = 0; http1 < 2; http1++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = http1 == 1});
        rig r = rig_for(s);
        outcome out = ask(&r, "tid=1&ici=2");
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_int_equal(out.status, 200);
        assert_string_equal(out.type, "application/json");
        assert_string_equal(out.body, "GET /mc?tid=1&ici=2 ");
        out = ask(&r, NULL);
        assert_string_equal(out.body, "GET /mc ");

        const cmp_pair trace = {CMP_STR("traceparent"), CMP_STR("00-1-2-01")};
        const cmp_https_request post = {.method = "POST",
                                        .content_type = CMP_STR("application/json"),
                                        .body = CMP_STR("{\"a\":1}"),
                                        .accept = CMP_STR("application/json"),
                                        .authorization = CMP_STR("Bearer x"),
                                        .headers = &trace,
                                        .header_count = 1,
                                        .timeout_ms = PATIENCE_MS,
                                        .answer_max = 20};
        out = ask_for(&r, &post);
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_string_equal(out.body, "POST /mc {\"a\":1}");

        out = ask(&r, "do=busy");
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_int_equal(out.status, 503);
        assert_int_equal(out.retry_after_s, 7);
        assert_int_equal(https_connections(s), 1); /* one for all of them */
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_large_request(void **state)
{
    (void)state;
    enum { SIZE = 300000 }; /* several times what a server takes at once */
    https_server *s = https_start(&(https_options){.name = "good"});
    rig r = rig_for(s);
    char *body = malloc(SIZE);
    memset(body, 'b', SIZE);
    const cmp_https_request request = {.method = "POST",
                                       .path = CMP_STR("?do=count"),
                                       .content_type = CMP_STR("text/plain"),
                                       .body = {body, SIZE},
                                       .timeout_ms = PATIENCE_MS,
                                       .answer_max = 100};
    outcome out;
    begin_request(&r, &request, &out);
    memset(body, 'x', SIZE); /* it was copied */
    free(body);
    wait_for(&r, &out);
    assert_outcome(out, CMP_HTTPS_ANSWERED);
    assert_string_equal(out.body, "300000");
    rig_end(&r);
    https_stop(&s);
}

static void test_server_name(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"127.0.0.1", NULL, "none"}, /* an address is no server name */
        {"127.0.0.1", "peer.test", "peer.test"},
        {"localhost", NULL, "localhost"},
    };
    https_server *s = https_start(&(https_options){.name = "good"});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char url[64];
        origin_options options = options_for(https_port(s), url);
        snprintf(url, sizeof(url), "https://%s:%u/mc", cases[i][0], https_port(s));
        options.server_name = cases[i][1];
        rig r = rig_make(&options);
        const outcome out = ask(&r, "do=sni");
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_string_equal(out.body, cases[i][2]);
        rig_end(&r);
    }
    https_stop(&s);
}

static void test_bad_answers(void **state)
{
    (void)state;
    static const struct {
        bool http1;
        const char *query;
        cmp_https_result result;
        const char *detail;
        bool same_wire; /* the connection goes on */
    } cases[] = {
        {false, "do=big", CMP_HTTPS_BAD_ANSWER, "the answer's body is too large", true},
        {false, "do=fields", CMP_HTTPS_BAD_ANSWER, "the answer's header fields are too large",
         true},
        {false, "do=garbage", CMP_HTTPS_BAD_ANSWER, "the server broke the protocol", false},
        {false, "do=reset", CMP_HTTPS_BAD_ANSWER, "INTERNAL_ERROR", true},
        {false, "do=drop", CMP_HTTPS_BROKEN, "the server closed the connection", false},
        {false, "do=refuse-always", CMP_HTTPS_NOT_SENT, "the server refused the stream", false},
        {true, "do=big", CMP_HTTPS_BAD_ANSWER, "the answer's body is too large", false},
        {true, "do=fields", CMP_HTTPS_BAD_ANSWER, "the answer's header fields are too large",
         false},
        {true, "do=garbage", CMP_HTTPS_BAD_ANSWER, "the answer is not good HTTP", false},
        {true, "do=both", CMP_HTTPS_BAD_ANSWER, "the answer is not good HTTP", false},
        {true, "do=cut", CMP_HTTPS_BROKEN, "socket closed by peer", false},
        {true, "do=drop", CMP_HTTPS_BROKEN, "the server closed the connection", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = cases[i].http1});
        rig r = rig_for(s);
        outcome out = ask(&r, cases[i].query);
        if (out.result != cases[i].result || strcmp(out.detail, cases[i].detail) != 0) {
            fail_msg("%s: %d, %s", cases[i].query, out.result, out.detail);
        }
        out = ask(&r, NULL);
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_int_equal(https_connections(s), cases[i].same_wire ? 1 : 2);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_good_framings(void **state)
{
    (void)state;
    static const struct {
        bool http1;
        const char *query, *body, *type;
    } cases[] = {
        {false, "do=interim", "GET /mc?do=interim ", "application/json"},
        {true, "do=chunked", "hello world", "text/plain"},
        {true, "do=close", "until the end", "text/plain"},
        {true, "do=more", "ok", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = cases[i].http1});
        rig r = rig_for(s);
        for (int again = 0; again < 2; again++) {
            const outcome out = ask(&r, cases[i].query);
            assert_outcome(out, CMP_HTTPS_ANSWERED);
            assert_string_equal(out.body, cases[i].body);
            assert_string_equal(out.type, cases[i].type);
        }
        rig_end(&r);
        https_stop(&s);
    }
}

/* As long as the caller takes, and not one octet more. */
static void test_longest_answers(void **state)
{
    (void)state;
    static const struct {
        bool http1;
        const char *query, *body;
    } cases[] = {{false, "", "GET /mc "},
                 {true, "", "GET /mc "},
                 {true, "?do=chunked", "hello world"},
                 {true, "?do=close", "until the end"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = cases[i].http1});
        rig r = rig_for(s);
        cmp_https_request request = {.method = "GET",
                                     .path = cases[i].query[0] != '\0'
                                                 ? cmp_str_from(cases[i].query)
                                                 : CMP_NONE,
                                     .timeout_ms = PATIENCE_MS,
                                     .answer_max = strlen(cases[i].body)};
        outcome out = ask_for(&r, &request);
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_string_equal(out.body, cases[i].body);
        request.answer_max--;
        out = ask_for(&r, &request);
        assert_outcome(out, CMP_HTTPS_BAD_ANSWER);
        assert_string_equal(out.detail, "the answer's body is too large");
        rig_end(&r);
        https_stop(&s);
    }
}

/* ---- connections ---- */

/* Whose answer would the rest of it be? */
static void test_half_an_answer(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good", .http1 = true});
    rig r = rig_for(s);
    outcome out;
    ask(&r, NULL);
    begin(&r, "do=half", 2000, &out);
    wait_for(&r, &out);
    assert_outcome(out, CMP_HTTPS_TIMEOUT);
    assert_string_equal(out.detail, "no whole answer in time");
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    assert_int_equal(https_connections(s), 2);
    rig_end(&r);
    https_stop(&s);
}

static void test_last_answer_of_a_connection(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good", .http1 = true});
    rig r = rig_for(s);
    for (unsigned i = 1; i <= 3; i++) { /* it is the server that has not closed yet */
        assert_outcome(ask(&r, "do=late"), CMP_HTTPS_ANSWERED);
        assert_int_equal(https_connections(s), i);
    }
    rig_end(&r);
    https_stop(&s);
}

/* Who has begun to answer has processed the request, whatever it says afterwards. */
static void test_processed_is_not_retried(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good"});
    rig r = rig_for(s);
    assert_outcome(ask(&r, "do=refuse-late"), CMP_HTTPS_BAD_ANSWER);
    assert_int_equal(https_requests(s), 1);
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    rig_end(&r);
    https_stop(&s);
}

/* As a look-up of the host has found them. */
static void set_addresses(rig *r, const uint16_t *ports, unsigned count)
{
    lane *l = lane_get(r->o, r->to);
    for (unsigned i = 0; i < count; i++) {
        const struct sockaddr_in at = {.sin_family = AF_INET,
                                       .sin_port = htons(ports[i]),
                                       .sin_addr = {htonl(INADDR_LOOPBACK)}};
        memcpy(&l->addresses[i].at, &at, sizeof(at));
        l->addresses[i].size = sizeof(at);
    }
    l->address_count = count;
    l->address_first = 0;
    l->addresses_until_ms = clock_monotonic_ms() + 3600000;
}

/* The first takes connections and never says anything: it only has its share of the time. */
static void test_second_address(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good"});
    uint16_t ports[2] = {0, https_port(s)};
    const int mute = mute_listen(&ports[0]);
    char url[64];
    origin_options options = options_for(https_port(s), url);
    snprintf(url, sizeof(url), "https://localhost:%u/mc", https_port(s));
    options.connect_timeout_ms = 6000;
    rig r = rig_make(&options);
    set_addresses(&r, ports, 2);
    const uint64_t from = loop_ms(&r);
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    assert_true(loop_ms(&r) - from >= 3000);
    assert_int_equal(lane_get(r.o, r.to)->address_first, 1); /* and is the one to begin with */
    https_close_connections(s);
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    rig_end(&r);
    https_stop(&s);
    close(mute);
}

/* It is looked up again after the first failure, not at the end of resolve_interval. */
static void test_host_that_moves(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good", .http1 = true});
    uint16_t old;
    const int kept = port_keep(&old);
    char url[64];
    origin_options options = options_for(https_port(s), url);
    snprintf(url, sizeof(url), "https://localhost:%u/mc", https_port(s));
    options.resolve_interval_ms = 3600000;
    rig r = rig_make(&options);
    outcome held;
    ask(&r, NULL);
    outbound_call *c = begin(&r, "do=silent", PATIENCE_MS, &held); /* others need a connection */
    while (https_requests(s) < 2) {
        run_for(&r, 1);
    }
    set_addresses(&r, &old, 1);
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    assert_int_equal(https_connections(s), 2);
    outbound_cancel(c);
    rig_end(&r);
    https_stop(&s);
    close(kept);
}

static void test_idle_connection_closed(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        https_server *s = https_start(
            &(https_options){.name = "good", .http1 = (i & 1) != 0, .tls12 = (i & 2) != 0});
        rig r = rig_for(s);
        for (int again = 0; again < 3; again++) {
            assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
            https_close_connections(s);
        }
        assert_int_equal(https_connections(s), 3);
        assert_int_equal(https_requests(s), 3);
        assert_int_equal(origin_circuit(r.to), CIRCUIT_CLOSED);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_our_idle_timeout(void **state)
{
    (void)state;
    enum { IDLE_MS = 400, PAUSE_MS = 220 };
    https_server *s = https_start(&(https_options){.name = "good"});
    char url[64];
    origin_options options = options_for(https_port(s), url);
    options.idle_timeout_ms = IDLE_MS;
    rig r = rig_make(&options);
    uint64_t longest, from, asked; /* idle since then at the earliest */
    unsigned before;
    do { /* until the machine lets us come in time */
        asked = now_ms();
        ask(&r, NULL);
        before = https_connections(s);
        longest = 0;
        for (int i = 0; i < 2; i++) { /* the pauses are together longer than the time-out */
            from = asked;
            run_for(&r, PAUSE_MS);
            asked = now_ms();
            ask(&r, NULL);
            longest = now_ms() - from > longest ? now_ms() - from : longest;
        }
    } while (longest >= IDLE_MS);
    assert_int_equal(https_connections(s), before);
    while (atomic_load(&r.to->references) > 1) { /* until the lane has gone with the connection */
        loop_turn(r.l);
    }
    assert_true(now_ms() - asked >= IDLE_MS);
    ask(&r, NULL);
    assert_int_equal(https_connections(s), before + 1);
    rig_end(&r);
    https_stop(&s);
}

static void test_unprocessed_is_retried(void **state)
{
    (void)state;
    static const char *const queries[] = {"do=refuse", "do=goaway"};
    for (int i = 0; i < 2; i++) {
        https_server *s = https_start(&(https_options){.name = "good"});
        rig r = rig_for(s);
        const outcome out = ask(&r, queries[i]);
        assert_outcome(out, CMP_HTTPS_ANSWERED);
        assert_int_equal(https_connections(s), 2);
        assert_int_equal(https_requests(s), 2);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_streams_and_waiting(void **state)
{
    (void)state;
    enum { CALLS = 12 };
    for (int http1 = 0; http1 < 2; http1++) {
        https_server *s =
            https_start(&(https_options){.name = "good", .http1 = http1 == 1, .streams = 1});
        char url[64];
        origin_options options = options_for(https_port(s), url);
        options.connections_max = 2;
        options.waiting_max = 8;
        rig r = rig_make(&options);
        ask(&r, NULL);
        outcome held, out[CALLS];
        unsigned answered = 0, refused = 0;
        outbound_call *c = begin(&r, "do=silent", PATIENCE_MS, &held);
        assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
        assert_int_equal(https_connections(s), 2);
        wait_until_written(&r);
        for (int i = 0; i < CALLS; i++) {
            begin(&r, NULL, PATIENCE_MS, &out[i]);
        }
        for (int i = 0; i < CALLS; i++) {
            wait_for(&r, &out[i]);
            answered += out[i].result == CMP_HTTPS_ANSWERED;
            refused += out[i].result == CMP_HTTPS_NOT_SENT;
        }
        /* One is on the connection that is free, eight wait: the rest is too much. */
        assert_int_equal(answered, 9);
        assert_int_equal(refused, 3);
        assert_string_equal(out[CALLS - 1].detail, "too many requests wait for a connection");
        assert_true(out[CALLS - 1].retry_after_s > 0); /* it is our queue, not the peer */
        assert_int_equal(https_connections(s), 2);
        outbound_cancel(c);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_many_streams_on_one(void **state)
{
    (void)state;
    enum { CALLS = 64 };
    https_server *s = https_start(&(https_options){.name = "good", .streams = 100});
    rig r = rig_for(s);
    outcome out[CALLS];
    for (int i = 0; i < CALLS; i++) {
        begin(&r, i % 2 == 0 ? "n=even" : "n=odd", PATIENCE_MS, &out[i]);
    }
    for (int i = 0; i < CALLS; i++) {
        wait_for(&r, &out[i]);
        assert_outcome(out[i], CMP_HTTPS_ANSWERED);
        assert_string_equal(out[i].body, i % 2 == 0 ? "GET /mc?n=even " : "GET /mc?n=odd ");
    }
    assert_int_equal(https_connections(s), 1);
    rig_end(&r);
    https_stop(&s);
}

static void test_source_address(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good"});
    char url[64];
    origin_options options = options_for(https_port(s), url);
    options.source = "127.0.0.9";
    rig r = rig_make(&options);
    const outcome out = ask(&r, "do=source");
    assert_outcome(out, CMP_HTTPS_ANSWERED);
    assert_string_equal(out.body, "127.0.0.9");
    rig_end(&r);

    options.source = "192.0.2.1"; /* not ours */
    rig bad = rig_make(&options);
    const outcome none = ask(&bad, NULL);
    assert_outcome(none, CMP_HTTPS_NOT_SENT);
    assert_string_equal(none.detail, "Cannot assign requested address");
    rig_end(&bad);
    https_stop(&s);
}

/* A registry asks thousands of members: the table of lanes grows with them, and shrinks to none. */
static void test_many_origins(void **state)
{
    (void)state;
    enum { ORIGINS = 50 };
    https_server *s = https_start(&(https_options){.name = "good"});
    char url[64], error[256];
    const origin_options options = options_for(https_port(s), url);
    rig r = rig_make(&options);
    origin *first = r.to, *all[ORIGINS];
    outcome out[ORIGINS];
    for (int i = 0; i < ORIGINS; i++) {
        r.to = all[i] = origin_create(&options, error, sizeof(error));
        begin(&r, "tid=1", PATIENCE_MS, &out[i]);
    }
    assert_int_equal(r.o->lane_count, ORIGINS);
    assert_true(r.o->bucket_mask + 1 >= ORIGINS);
    for (int i = 0; i < ORIGINS; i++) {
        wait_for(&r, &out[i]);
        assert_outcome(out[i], CMP_HTTPS_ANSWERED);
        origin_unref(&all[i]);
    }
    assert_int_equal(https_connections(s), ORIGINS);
    r.to = first;
    rig_end(&r);
    https_stop(&s);
}

/* ---- two workers ---- */

typedef struct load {
    rig r;
    unsigned begun, ended, wanted;
} load;

static void load_more(load *w);

static void on_load(void *arg, const cmp_https_answer *a)
{
    load *w = arg;
    assert_int_equal(a->result, CMP_HTTPS_ANSWERED);
    w->ended++;
    load_more(w);
}

static void load_more(load *w)
{
    if (w->begun < w->wanted) {
        const cmp_https_request request = {.method = "GET",
                                           .timeout_ms = 10000,
                                           .answer_max = 65536};
        w->begun++;
        outbound_start(w->r.o, w->r.to, &request, on_load, w);
    }
}

static void *load_run(void *arg)
{
    load *w = arg;
    w->r.l = loop_create();
    w->r.o = outbound_create(w->r.l, w->r.p);
    for (int i = 0; i < 16; i++) {
        load_more(w);
    }
    while (w->ended < w->wanted) {
        loop_turn(w->r.l);
    }
    outbound_destroy(&w->r.o);
    loop_destroy(&w->r.l);
    origin_unref(&w->r.to);
    return NULL;
}

static void test_two_workers(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good", .streams = 8});
    char url[64], error[256];
    origin_options options = options_for(https_port(s), url);
    snprintf(url, sizeof(url), "https://localhost:%u/mc", https_port(s));
    pool *p = pool_create(1, 8);
    origin *to = origin_create(&options, error, sizeof(error));
    load loads[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        loads[i] = (load){.r = {.p = p, .to = origin_ref(to)}, .wanted = 500};
        assert_int_equal(pthread_create(&threads[i], NULL, load_run, &loads[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].ended, 500);
    }
    assert_int_equal(https_requests(s), 1000);
    origin_unref(&to);
    assert_true(pool_destroy(&p, 2000));
    https_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_large_request),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_good_framings),
        cmocka_unit_test(test_longest_answers),
        cmocka_unit_test(test_half_an_answer),
        cmocka_unit_test(test_last_answer_of_a_connection),
        cmocka_unit_test(test_processed_is_not_retried),
        cmocka_unit_test(test_second_address),
        cmocka_unit_test(test_host_that_moves),
        cmocka_unit_test(test_idle_connection_closed),
        cmocka_unit_test(test_our_idle_timeout),
        cmocka_unit_test(test_unprocessed_is_retried),
        cmocka_unit_test(test_streams_and_waiting),
        cmocka_unit_test(test_many_streams_on_one),
        cmocka_unit_test(test_source_address),
        cmocka_unit_test(test_many_origins),
        cmocka_unit_test(test_two_workers),
    };
    return cmocka_run_group_tests_name("outbound", tests, outbound_enter, outbound_leave);
}
