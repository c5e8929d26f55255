/* SPDX-License-Identifier: Apache-2.0 */
/* The outbound HTTPS client against a server that is slow, dead, gone or back, and users that do
 * not wait. */
#include "outbound_rig.h"

/* ---- time ---- */

static void test_slow_answer(void **state)
{
    (void)state;
    enum { TIMEOUT_MS = 3000 }; /* half of it is what the server has for the answer to a PING */
    for (int http1 = 0; http1 < 2; http1++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = http1 == 1});
        rig r = rig_for(s);
        outcome out[CIRCUIT_FAILURES];
        ask(&r, NULL); /* and now it is known what the server speaks */
        wait_until_written(&r);
        const uint64_t from = loop_ms(&r);
        for (int i = 0; i < CIRCUIT_FAILURES; i++) {
            begin(&r, "do=silent", TIMEOUT_MS, &out[i]);
        }
        while (https_requests(s) < 1 + CIRCUIT_FAILURES && out[0].times == 0) {
            run_for(&r, 1);
        }
        https_refuse_connections(s); /* what opens the circuit does not pass */
        for (int i = 0; i < CIRCUIT_FAILURES; i++) {
            wait_for(&r, &out[i]);
            assert_outcome(out[i], CMP_HTTPS_TIMEOUT);
        }
        assert_true(loop_ms(&r) - from >= TIMEOUT_MS);
        /* An h2 connection that answers our PING lives: somebody behind it is slow. HTTP/1.1 has no
         * such sign. */
        assert_true((origin_circuit(r.to) == CIRCUIT_CLOSED) == (http1 == 0));
        assert_int_equal(https_connections(s), http1 == 0 ? 1 : CIRCUIT_FAILURES);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_dead_connection(void **state)
{
    (void)state;
    https_server *s = https_start(&(https_options){.name = "good"});
    rig r = rig_for(s);
    outcome other, out;
    ask(&r, NULL);
    begin(&r, "do=silent", PATIENCE_MS, &other);
    begin(&r, "do=freeze", 1000, &out);
    wait_for(&r, &out);
    assert_outcome(out, CMP_HTTPS_TIMEOUT);
    wait_for(&r, &other); /* sent on the same connection */
    assert_outcome(other, CMP_HTTPS_BROKEN);
    assert_string_equal(other.detail, "the connection gave no sign of life");
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    assert_int_equal(https_connections(s), 2);
    rig_end(&r);
    https_stop(&s);
}

static void test_mute_server(void **state)
{
    (void)state;
    uint16_t port;
    const int fd = mute_listen(&port);
    char url[64];
    origin_options options = options_for(port, url);
    options.connect_timeout_ms = 1000;
    rig r = rig_make(&options);
    outcome first, second;
    const uint64_t from = loop_ms(&r);
    begin(&r, NULL, 2, &first);
    begin(&r, NULL, PATIENCE_MS, &second);
    wait_for(&r, &second);
    assert_true(loop_ms(&r) - from >= 1000);
    assert_outcome(second, CMP_HTTPS_NOT_SENT);
    assert_string_equal(second.detail, "no end of the TLS handshake in time");
    assert_outcome(first, CMP_HTTPS_TIMEOUT);
    assert_true(first.place < second.place);
    rig_end(&r);
    close(fd);
}

/* ---- the circuit ---- */

static void test_circuit(void **state)
{
    (void)state;
    uint16_t port;
    const int kept = port_keep(&port);
    char url[64];
    const origin_options options = options_for(port, url);
    rig r = rig_make(&options);
    for (int i = 0; i < CIRCUIT_FAILURES; i++) {
        assert_int_equal(origin_circuit(r.to), CIRCUIT_CLOSED);
        const outcome out = ask(&r, NULL);
        assert_outcome(out, CMP_HTTPS_NOT_SENT);
        assert_string_equal(out.detail, "Connection refused");
    }
    assert_int_not_equal(origin_circuit(r.to), CIRCUIT_CLOSED);
    assert_string_equal(ask(&r, NULL).detail, "not used for now, after failures");

    const uint64_t wires = lane_get(r.o, r.to)->last_wire_id;

    /* Another worker sees it, too. */
    outbound *other = outbound_create(r.l, r.p), *mine = r.o;
    r.o = other;
    assert_string_equal(ask(&r, NULL).detail, "not used for now, after failures");
    r.o = mine;

    while (lane_get(r.o, r.to)->last_wire_id == wires) { /* until a probe has failed */
        loop_turn(r.l);
    }
    while (origin_circuit(r.to) == CIRCUIT_PROBING) {
        loop_turn(r.l);
    }
    assert_int_equal(origin_circuit(r.to), CIRCUIT_OPEN);
    https_server *s = https_start(&(https_options){.name = "good", .port = port});
    while (origin_circuit(r.to) != CIRCUIT_CLOSED) {
        loop_turn(r.l);
    }
    assert_int_equal(https_requests(s), 0); /* found without a request */
    assert_outcome(ask(&r, NULL), CMP_HTTPS_ANSWERED);
    assert_int_equal(https_connections(s), 1); /* the probe's */
    outbound_destroy(&other);
    rig_end(&r);
    https_stop(&s);
    close(kept);
}

/* The worker that probes stops: the next request makes another one look after recovery. */
static void test_prober_goes_away(void **state)
{
    (void)state;
    uint16_t port;
    const int kept = port_keep(&port);
    char url[64];
    const origin_options options = options_for(port, url);
    rig r = rig_make(&options);
    for (int i = 0; i < CIRCUIT_FAILURES; i++) {
        ask(&r, NULL);
    }
    outbound_destroy(&r.o);
    r.o = outbound_create(r.l, r.p);
    https_server *s = https_start(&(https_options){.name = "good", .port = port});
    assert_outcome(ask(&r, NULL), CMP_HTTPS_NOT_SENT);
    while (origin_circuit(r.to) != CIRCUIT_CLOSED) {
        loop_turn(r.l);
    }
    rig_end(&r);
    https_stop(&s);
    close(kept);
}

/* The same while the probe is under way. */
static void test_prober_goes_away_while_it_probes(void **state)
{
    (void)state;
    uint16_t port;
    const int kept = port_keep(&port);
    char url[64];
    const origin_options options = options_for(port, url);
    rig r = rig_make(&options);
    for (int i = 0; i < CIRCUIT_FAILURES; i++) {
        ask(&r, NULL);
    }
    assert_int_equal(listen(kept, 8), 0); /* takes the probe, and says nothing */
    while (origin_circuit(r.to) != CIRCUIT_PROBING) {
        loop_turn(r.l);
    }
    outbound_destroy(&r.o);
    assert_int_equal(origin_circuit(r.to), CIRCUIT_OPEN);
    r.o = outbound_create(r.l, r.p);
    assert_outcome(ask(&r, NULL), CMP_HTTPS_NOT_SENT);
    while (origin_circuit(r.to) != CIRCUIT_PROBING) { /* somebody follows */
        loop_turn(r.l);
    }
    rig_end(&r);
    close(kept);
}

/* ---- cancelling and ending ---- */

/* Until the server has one more, or it is too late for that. */
static void wait_for_request(rig *r, const https_server *s, const outcome *out)
{
    const unsigned before = https_requests(s);
    while (https_requests(s) == before && out->times == 0) {
        run_for(r, 1);
    }
}

static void test_cancel(void **state)
{
    (void)state;
    for (int http1 = 0; http1 < 2; http1++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = http1 == 1});
        rig r = rig_for(s);
        outcome out, kept;
        outbound_cancel(begin(&r, NULL, PATIENCE_MS, &out)); /* before it is sent */
        ask(&r, NULL);
        assert_int_equal(https_requests(s), 1);
        outbound_call *c = begin(&r, NULL, PATIENCE_MS, &out);
        begin(&r, NULL, PATIENCE_MS, &kept);
        while (https_requests(s) < 2) {
            run_for(&r, 1);
        }
        if (out.times == 0) {
            outbound_cancel(c);
            wait_for(&r, &kept);
            run_for(&r, 20);
            assert_int_equal(out.times, 0);
        }
        c = begin(&r, "do=silent", 300, &out); /* ends by its own deadline */
        wait_for_request(&r, s, &out);
        if (out.times == 0) {
            outbound_cancel(c);
            run_for(&r, 350);
            assert_int_equal(out.times, 0);
        }
        c = begin(&r, "do=silent", PATIENCE_MS, &out); /* left on the wire at the end */
        wait_for_request(&r, s, &out);
        outbound_cancel(c);
        rig_end(&r);
        https_stop(&s);
    }
}

/* Whoever believes that a call ends with him comes too late when it has ended. */
static void test_ends_once(void **state)
{
    (void)state;
    char url[64];
    uint16_t port;
    const int kept = port_keep(&port);
    const origin_options options = options_for(port, url);
    rig r = rig_make(&options);
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        outcome out;
        outbound_call *c = begin(&r, NULL, 1000, &out);
        call_finish(c, CMP_HTTPS_BROKEN, "the first");
        call_finish(c, CMP_HTTPS_ANSWERED, NULL);
        call_unprocessed(c, "the third");
        if (cancelled == 1) {
            outbound_cancel(c);
        }
        run_for(&r, 5);
        assert_int_equal(out.times, cancelled == 1 ? 0 : 1);
        assert_string_equal(out.detail, cancelled == 1 ? "" : "the first");
    }
    rig_end(&r);
    close(kept);
}

typedef struct chain {
    rig *r;
    unsigned left, came;
    bool stop;
} chain;

static void on_chain(void *arg, const cmp_https_answer *a)
{
    chain *c = arg;
    c->came++;
    assert_int_equal(a->result, CMP_HTTPS_NOT_SENT);
    if (!c->stop) {
        const cmp_https_request request = {.method = "GET", .timeout_ms = 100};
        outbound_start(c->r->o, c->r->to, &request, on_chain, c);
    }
}

/* A user that begins a call for each that fails at once must not stop the loop. */
static void test_endless_failing(void **state)
{
    (void)state;
    char url[64];
    uint16_t port;
    const int kept = port_keep(&port);
    const origin_options options = options_for(port, url);
    rig r = rig_make(&options);
    chain c = {.r = &r};
    const cmp_https_request request = {.method = "GET", .timeout_ms = 100};
    outbound_start(r.o, r.to, &request, on_chain, &c);
    while (c.came <= CIRCUIT_FAILURES) {
        loop_turn(r.l);
    }
    run_for(&r, 50);
    c.stop = true;
    run_for(&r, 5);
    rig_end(&r);
    close(kept);
}

/* Everything at once: each call ends exactly once, or never when it was cancelled. */
static void test_bad_weather(void **state)
{
    (void)state;
    enum { CALLS = 240 };
    static const char *const words[] = {
        NULL,        "do=busy",  "do=big",     "do=fields",  "do=reset", "do=refuse-always",
        "do=silent", "do=drop",  "do=garbage", "do=chunked", "do=more",  "do=interim",
        "do=cut",    "do=close", NULL,         NULL,         NULL,       NULL,
    };
    for (unsigned http1 = 0; http1 < 2; http1++) {
        https_server *s =
            https_start(&(https_options){.name = "good", .http1 = http1 == 1, .streams = 4});
        rig r = rig_for(s);
        outcome *out = calloc(CALLS, sizeof(*out));
        bool cancelled[CALLS] = {false};
        unsigned seed = 7 + http1, answered = 0, connections = 0;
        ask(&r, NULL); /* no time is lost with the first connection */
        for (int i = 0; i < CALLS && connections < 50; i++) {
            const size_t word = (unsigned)rand_r(&seed) % (sizeof(words) / sizeof(words[0]));
            outbound_call *c = begin(&r, words[word], 2000, &out[i]);
            cancelled[i] = rand_r(&seed) % 8 == 0;
            if (cancelled[i]) {
                outbound_cancel(c);
            }
            if (rand_r(&seed) % 4 == 0) {
                run_for(&r, 2);
            }
            connections = https_connections(s);
            out[i].size = 1; /* begun */
        }
        for (int i = 0; i < CALLS; i++) {
            if (out[i].size > 0 && !cancelled[i]) {
                wait_for(&r, &out[i]);
            }
        }
        run_for(&r, 50); /* for what comes too late */
        for (int i = 0; i < CALLS; i++) {
            const bool begun = out[i].times > 0 || out[i].size > 0;
            assert_int_equal(out[i].times, begun && !cancelled[i] ? 1 : 0);
            answered += out[i].times == 1 && out[i].result == CMP_HTTPS_ANSWERED;
        }
        assert_true(answered > 5);
        rig_end(&r);
        free(out);
        https_stop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_answer),
        cmocka_unit_test(test_dead_connection),
        cmocka_unit_test(test_mute_server),
        cmocka_unit_test(test_circuit),
        cmocka_unit_test(test_prober_goes_away),
        cmocka_unit_test(test_prober_goes_away_while_it_probes),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_ends_once),
        cmocka_unit_test(test_endless_failing),
        cmocka_unit_test(test_bad_weather),
    };
    return cmocka_run_group_tests_name("outbound_failures", tests, outbound_enter, outbound_leave);
}
