/* The outbound HTTPS client against a real server on loopback: what goes wrong comes first. */
#include "outbound/internal.h"
#include "scratch.h"

#include "base/log.h"
#include "https_server.h"
#include "outbound/wire.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define PATIENCE_MS 10000 /* for what comes by itself, however busy the machine is */

/* ---- a worker with one origin ---- */

typedef struct rig {
    loop *l;
    pool *p;
    outbound *o;
    origin *to;
} rig;

typedef struct outcome {
    unsigned times;
    unsigned place; /* among all outcomes */
    cmp_https_result result;
    char detail[128];
    int status;
    char type[64];
    unsigned retry_after_s;
    size_t size;
    char body[512];
} outcome;

static origin_options options_for(uint16_t port, char url[64])
{
    snprintf(url, 64, "https://127.0.0.1:%u/mc", port);
    return (origin_options){.name = "peer",
                            .url = url,
                            .ca = "ca.pem",
                            .connections_max = 4,
                            .waiting_max = 100,
                            .connect_timeout_ms = PATIENCE_MS,
                            .idle_timeout_ms = 60000,
                            .resolve_interval_ms = 60000};
}

static rig rig_make(const origin_options *options)
{
    char error[256] = "";
    rig r = {.l = loop_create(), .p = pool_create(1, 8)};
    r.o = outbound_create(r.l, r.p);
    r.to = origin_create(options, error, sizeof(error));
    if (r.to == NULL) {
        fail_msg("%s", error);
    }
    return r;
}

static rig rig_for(const https_server *s)
{
    char url[64];
    const origin_options options = options_for(https_port(s), url);
    return rig_make(&options);
}

static void rig_end(rig *r)
{
    outbound_destroy(&r->o);
    origin_unref(&r->to);
    assert_true(pool_destroy(&r->p, 2000));
    loop_destroy(&r->l);
}

static void on_answer(void *arg, const cmp_https_answer *a)
{
    static unsigned outcomes;
    outcome *out = arg;
    out->times++;
    out->place = ++outcomes;
    out->result = a->result;
    snprintf(out->detail, sizeof(out->detail), "%s", a->detail != NULL ? a->detail : "");
    out->status = a->status;
    snprintf(out->type, sizeof(out->type), "%.*s", (int)a->content_type.size, a->content_type.at);
    out->retry_after_s = a->retry_after_s;
    out->size = a->body.size;
    snprintf(out->body, sizeof(out->body), "%.*s", (int)(a->body.size < 500 ? a->body.size : 500),
             a->body.at);
}

static outbound_call *begin(rig *r, const char *query, uint64_t timeout_ms, outcome *out)
{
    char path[512];
    memset(out, 0, sizeof(*out));
    snprintf(path, sizeof(path), "?%s", query != NULL ? query : "");
    const cmp_https_request request = {.method = "GET",
                                       .path = query != NULL ? cmp_str_from(path) : CMP_NONE,
                                       .timeout_ms = timeout_ms,
                                       .answer_max = 65536};
    outbound_call *c = outbound_start(r->o, r->to, &request, on_answer, out);
    assert_int_equal(out->times, 0); /* never from within */
    return c;
}

static void wait_for(rig *r, const outcome *out)
{
    while (out->times == 0) {
        loop_turn(r->l);
    }
    assert_int_equal(out->times, 1);
}

static outcome ask(rig *r, const char *query)
{
    outcome out;
    begin(r, query, PATIENCE_MS, &out);
    wait_for(r, &out);
    return out;
}

/* An answer may be there before its request counts as written; until then nothing more is. */
static void wait_until_written(rig *r)
{
    const wire *w = TAILQ_FIRST(&lane_get(r->o, r->to)->wires);
    while (w != NULL) {
        if (w->flushing || h2o_socket_is_writing(w->socket)) {
            loop_turn(r->l);
        } else {
            w = TAILQ_NEXT(w, entry);
        }
    }
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

static void run_for(rig *r, uint64_t ms)
{
    bool over = false;
    loop_timer_start(r->l, ms, set_flag, &over);
    while (!over) {
        loop_turn(r->l);
    }
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#define assert_outcome(out, expected)                                                              \
    do {                                                                                           \
        const outcome seen_ = (out);                                                               \
        if (seen_.result != (expected)) {                                                          \
            fail_msg("%s: %s %d: %s", #expected, #out, (int)seen_.result, seen_.detail);           \
        }                                                                                          \
    } while (0)

/* ---- origins ---- */

static void test_bad_origins(void **state)
{
    (void)state;
    static const struct {
        const char *url, *server_name, *ca, *certificate, *source, *error;
    } cases[] = {
        {"http://a.test/", NULL, "ca.pem", NULL, NULL, "does not begin with https://"},
        {"https://", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://:443/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://user@a.test/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://[::1/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://[a.test]/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://a.test:0/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://a.test:65536/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://a.test:/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://[::1]443/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://a.test/p?q", NULL, "ca.pem", NULL, NULL, "behind the path"},
        {"https://a.test/p#f", NULL, "ca.pem", NULL, NULL, "behind the path"},
        {"https://a.test/p q", NULL, "ca.pem", NULL, NULL, "behind the path"},
        {"https://a.test/", "", "ca.pem", NULL, NULL, "is no host name"},
        {"https://a.test/", NULL, "missing.pem", NULL, NULL, "missing.pem: No such file"},
        {"https://a.test/", NULL, "ca.key", NULL, NULL, "cannot use the CA ca.key"},
        {"https://a.test/", NULL, "ca.pem", "missing.pem", NULL, "certificate missing.pem"},
        {"https://a.test/", NULL, "ca.pem", "good.pem", NULL, "key client.key"},
        {"https://a.test/", NULL, "ca.pem", NULL, "somewhere", "somewhere is no address"},
        {"https://127.0.0.1/", NULL, "ca.pem", NULL, "::1", "two address families"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[256] = "";
        const origin_options options = {.name = "peer",
                                        .url = cases[i].url,
                                        .server_name = cases[i].server_name,
                                        .ca = cases[i].ca,
                                        .certificate = cases[i].certificate,
                                        .key = cases[i].certificate != NULL ? "client.key" : NULL,
                                        .source = cases[i].source};
        assert_null(origin_create(&options, error, sizeof(error)));
        if (strstr(error, cases[i].error) == NULL) {
            fail_msg("%s: %s", cases[i].url, error);
        }
    }
}

static void test_origin_parts(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority, *path;
        uint16_t port;
    } cases[] = {
        {"https://a.test", "a.test", "/", 443},
        {"HTTPS://a.test:8443/x/y", "a.test:8443", "/x/y", 8443},
        {"https://[::1]:1/z", "[::1]:1", "/z", 1},
        {"https://localhost:65535/", "localhost:65535", "/", 65535},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[256];
        const origin_options options = {.name = "peer", .url = cases[i].url, .ca = "ca.pem"};
        origin *o = origin_create(&options, error, sizeof(error));
        assert_non_null(o);
        assert_string_equal(origin_authority(o), cases[i].authority);
        assert_string_equal(origin_path(o), cases[i].path);
        assert_int_equal(o->port, cases[i].port);
        assert_int_equal(origin_circuit(o), CIRCUIT_CLOSED);
        origin *second = origin_ref(o);
        origin_unref(&o);
        assert_null(o);
        origin_unref(&second);
    }
}

/* ---- who is at the other end ---- */

static void test_identity(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *ca, *host, *server_name;
        cmp_https_result result;
        const char *detail;
    } cases[] = {
        {"named", "ca.pem", "127.0.0.1", NULL, CMP_HTTPS_NOT_SENT, "IP address mismatch"},
        {"named", "ca.pem", "localhost", NULL, CMP_HTTPS_NOT_SENT, "hostname mismatch"},
        {"named", "ca.pem", "127.0.0.1", "peer.test", CMP_HTTPS_NOT_SENT, "hostname mismatch"},
        {"good", "ca.pem", "127.0.0.1", "127.0.0.2", CMP_HTTPS_NOT_SENT, "IP address mismatch"},
        {"good", "other-ca.pem", "127.0.0.1", NULL, CMP_HTTPS_NOT_SENT,
         "unable to get local issuer certificate"},
        {"expired", "ca.pem", "127.0.0.1", NULL, CMP_HTTPS_NOT_SENT, "certificate has expired"},
        {"good", "ca.pem", "127.0.0.1", NULL, CMP_HTTPS_ANSWERED, ""},
        {"good", "ca.pem", "localhost", NULL, CMP_HTTPS_ANSWERED, ""},
        {"good", "ca.pem", "localhost", "127.0.0.1", CMP_HTTPS_ANSWERED, ""},
        {"named", "ca.pem", "127.0.0.1", "other.test", CMP_HTTPS_ANSWERED, ""},
    };
    const size_t count = sizeof(cases) / sizeof(cases[0]);
    for (size_t i = 0; i < count * 4; i++) {
        const bool tls12 = (i & 1) != 0, http1 = (i & 2) != 0;
        https_server *s = https_start(
            &(https_options){.name = cases[i / 4].certificate, .tls12 = tls12, .http1 = http1});
        char url[64];
        origin_options options = options_for(https_port(s), url);
        snprintf(url, sizeof(url), "https://%s:%u/mc", cases[i / 4].host, https_port(s));
        options.ca = cases[i / 4].ca;
        options.server_name = cases[i / 4].server_name;
        rig r = rig_make(&options);
        const outcome out = ask(&r, "a=b");
        if (out.result != cases[i / 4].result || strcmp(out.detail, cases[i / 4].detail) != 0) {
            fail_msg("case %zu, TLS 1.%d: %d, %s", i / 4, tls12 ? 2 : 3, out.result, out.detail);
        }
        assert_int_equal(https_requests(s), out.result == CMP_HTTPS_ANSWERED ? 1 : 0);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_client_certificate(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        const bool tls12 = (i & 1) != 0, http1 = (i & 2) != 0, given = (i & 4) != 0;
        https_server *s = https_start(&(
            https_options){.name = "good", .tls12 = tls12, .http1 = http1, .client_wanted = true});
        char url[64];
        origin_options options = options_for(https_port(s), url);
        options.certificate = given ? "client.pem" : NULL;
        options.key = given ? "client.key" : NULL;
        rig r = rig_make(&options);
        const outcome out = ask(&r, NULL);
        assert_outcome(out, given ? CMP_HTTPS_ANSWERED : CMP_HTTPS_NOT_SENT);
        assert_string_equal(out.detail,
                            given ? "" : (tls12 ? "handshake failure" : "certificate required"));
        assert_int_equal(https_requests(s), given ? 1 : 0);
        rig_end(&r);
        https_stop(&s);
    }
}

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
        memset(&out, 0, sizeof(out));
        outbound_start(r.o, r.to, &post, on_answer, &out);
        wait_for(&r, &out);
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
    outcome out = {0};
    outbound_start(r.o, r.to, &request, on_answer, &out);
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

/* ---- connections ---- */

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
    enum { IDLE_MS = 200, PAUSE_MS = 110 };
    https_server *s = https_start(&(https_options){.name = "good"});
    char url[64];
    origin_options options = options_for(https_port(s), url);
    options.idle_timeout_ms = IDLE_MS;
    rig r = rig_make(&options);
    uint64_t longest, from;
    unsigned before;
    do { /* until the machine lets us come in time */
        ask(&r, NULL);
        before = https_connections(s);
        longest = 0;
        for (int i = 0; i < 2; i++) { /* the pauses are together longer than the time-out */
            from = now_ms();
            run_for(&r, PAUSE_MS);
            ask(&r, NULL);
            longest = now_ms() - from > longest ? now_ms() - from : longest;
        }
    } while (longest >= IDLE_MS);
    assert_int_equal(https_connections(s), before);
    from = now_ms();
    while (atomic_load(&r.to->references) > 1) { /* until the lane has gone with the connection */
        loop_turn(r.l);
    }
    assert_true(now_ms() - from > IDLE_MS / 2);
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

/* ---- time ---- */

static void test_slow_answer(void **state)
{
    (void)state;
    enum { TIMEOUT_MS = 1000 }; /* half of it is what the server has for the answer to a PING */
    for (int http1 = 0; http1 < 2; http1++) {
        https_server *s = https_start(&(https_options){.name = "good", .http1 = http1 == 1});
        rig r = rig_for(s);
        outcome out[CIRCUIT_FAILURES];
        ask(&r, NULL); /* and now it is known what the server speaks */
        wait_until_written(&r);
        const uint64_t from = now_ms();
        for (int i = 0; i < CIRCUIT_FAILURES; i++) {
            begin(&r, "do=silent", TIMEOUT_MS, &out[i]);
        }
        while (https_requests(s) < 1 + CIRCUIT_FAILURES) {
            run_for(&r, 1);
        }
        https_refuse_connections(s); /* what opens the circuit does not pass */
        for (int i = 0; i < CIRCUIT_FAILURES; i++) {
            wait_for(&r, &out[i]);
            assert_outcome(out[i], CMP_HTTPS_TIMEOUT);
        }
        assert_true(now_ms() - from >= TIMEOUT_MS);
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
    begin(&r, "do=freeze", 100, &out);
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

/* Nobody else is given the port while it is kept, and a connection to it is refused. */
static int port_keep(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* in no server's way */
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, size), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Takes TCP connections (the kernel does) and never says anything. */
static int mute_listen(uint16_t *port)
{
    const int fd = port_keep(port);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void test_mute_server(void **state)
{
    (void)state;
    uint16_t port;
    const int fd = mute_listen(&port);
    char url[64];
    origin_options options = options_for(port, url);
    options.connect_timeout_ms = 100;
    rig r = rig_make(&options);
    outcome first, second;
    const uint64_t from = now_ms();
    begin(&r, NULL, 30, &first);
    begin(&r, NULL, PATIENCE_MS, &second);
    wait_for(&r, &second);
    assert_true(now_ms() - from >= 100);
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
        for (int i = 0; i < CALLS && connections < 50; i++) {
            const size_t word = (unsigned)rand_r(&seed) % (sizeof(words) / sizeof(words[0]));
            outbound_call *c = begin(&r, words[word], 50, &out[i]);
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
        run_for(&r, 250);
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

static int enter(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(100);
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    if (scratch_enter(state) != 0) {
        return 1;
    }
    https_make_certificates();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_origins),
        cmocka_unit_test(test_origin_parts),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_large_request),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_good_framings),
        cmocka_unit_test(test_idle_connection_closed),
        cmocka_unit_test(test_our_idle_timeout),
        cmocka_unit_test(test_unprocessed_is_retried),
        cmocka_unit_test(test_streams_and_waiting),
        cmocka_unit_test(test_many_streams_on_one),
        cmocka_unit_test(test_source_address),
        cmocka_unit_test(test_slow_answer),
        cmocka_unit_test(test_dead_connection),
        cmocka_unit_test(test_mute_server),
        cmocka_unit_test(test_circuit),
        cmocka_unit_test(test_prober_goes_away),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_ends_once),
        cmocka_unit_test(test_endless_failing),
        cmocka_unit_test(test_bad_weather),
        cmocka_unit_test(test_two_workers),
    };
    return cmocka_run_group_tests_name("outbound", tests, enter, scratch_leave);
}
