/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_remote with a scripted server: what is asked, and what is made of every kind of
 * answer. */
#include "remote.h"

#include <cmp-test/test.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(list) (sizeof(list) / sizeof(list[0]))
#define URL         "https://codes.example.net:8444/codes/v1"

enum { LOOKUPS_MAX = 8 };

typedef struct fixture {
    cmp_test *host;
    options options;
    cmp_test_op *ops[LOOKUPS_MAX];
    size_t op_count;
} fixture;

static const cmp_peer peers[] = {{.name = {"b", 1}}};

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    cmp_test_peers(f->host, peers, COUNT(peers));
    f->options = (options){.url = URL "/",
                           .token = "t0ken",
                           .timeout_ms = 500,
                           .batch = 4,
                           .waiting = 6,
                           .connections = 2,
                           .answer_bytes = 100000};
    *state = f;
    return 0;
}

static void end_all(fixture *f)
{
    while (f->op_count > 0) {
        cmp_test_end(&f->ops[--f->op_count]);
    }
}

static int tear_down(void **state)
{
    fixture *f = *state;
    end_all(f);
    cmp_test_destroy(&f->host);
    free(f);
    return 0;
}

static void open_store(fixture *f)
{
    assert_true(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, &f->options));
}

static const cmp_store_ops *vtable(void)
{
    return cmp_plugin_descriptor.ops.store;
}

static cmp_store_verdict look_up(fixture *f, const char *ici)
{
    cmp_test_op *op = cmp_test_lookup(f->host, ici, NULL);
    f->ops[f->op_count++] = op;
    return (cmp_store_verdict)cmp_test_verdict(op);
}

static void turn_end(fixture *f)
{
    vtable()->turn_end(cmp_test_instance(f->host), cmp_test_worker(f->host));
}

/* Looks up A, B and C in one turn. */
static void ask_three(fixture *f)
{
    end_all(f);
    assert_int_equal(look_up(f, "A"), CMP_STORE_PENDING);
    assert_int_equal(look_up(f, "B"), CMP_STORE_PENDING);
    assert_int_equal(look_up(f, "C"), CMP_STORE_PENDING);
    turn_end(f);
}

static void answer(fixture *f, int status, const char *content_type, const char *body)
{
    const cmp_https_answer a = {.result = CMP_HTTPS_ANSWERED,
                                .status = status,
                                .content_type = cmp_str_from(content_type),
                                .body = cmp_str_from(body)};
    cmp_test_answer(f->host, &a);
}

static void answer_json(fixture *f, const char *body)
{
    answer(f, 200, "application/json", body);
}

static void expect(const fixture *f, size_t at, cmp_store_verdict verdict)
{
    assert_int_equal(cmp_test_verdict(f->ops[at]), verdict);
}

static void expect_all(const fixture *f, cmp_store_verdict verdict)
{
    for (size_t i = 0; i < f->op_count; i++) {
        expect(f, i, verdict);
    }
}

static bool body_is(const fixture *f, const char *body)
{
    const cmp_https_request *r = cmp_test_request(f->host, 0);
    return r != NULL && cmp_str_equal(r->body, cmp_str_from(body));
}

/* ---- options ---- */

static void options_that_contradict_each_other(void **state)
{
    fixture *f = *state;
    const options good = f->options;
    static const struct {
        const char *token, *peer, *certificate, *key, *said;
    } cases[] = {
        {"t", "b", NULL, NULL, "exclude each other"},
        {NULL, NULL, NULL, NULL, "the server has to know us"},
        {NULL, "nobody", NULL, NULL, "peer: there is no peer \"nobody\""},
        {"t", NULL, "c.pem", NULL, "given together"},
        {"a b", NULL, NULL, NULL, "token: a token has visible ASCII characters only"},
        {"a\r\nX: y", NULL, NULL, NULL, "token: a token has visible ASCII characters only"},
        {"", NULL, NULL, NULL, "token: a token has visible ASCII characters only"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        f->options = good;
        f->options.token = cases[i].token;
        f->options.peer = cases[i].peer;
        f->options.tls.certificate = cases[i].certificate;
        f->options.tls.key = cases[i].key;
        assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, &f->options));
        if (!cmp_test_reported(f->host, cases[i].said)) {
            fail_msg("case %zu: %s", i, cmp_test_report(f->host));
        }
    }
}

static void a_server_that_cannot_be_opened(void **state)
{
    fixture *f = *state;
    cmp_test_origin_error(f->host, "url: it is no https");
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, &f->options));
    assert_true(cmp_test_reported(f->host, "url: it is no https"));
}

/* ---- requests ---- */

static void one_request_for_all_look_ups_of_a_turn(void **state)
{
    fixture *f = *state;
    open_store(f);
    assert_string_equal(cmp_test_origin(f->host, 0)->url, URL);
    assert_int_equal(cmp_test_origin(f->host, 0)->waiting_max, 6);
    ask_three(f);
    assert_int_equal(cmp_test_requests(f->host), 1);
    const cmp_https_request *r = cmp_test_request(f->host, 0);
    assert_string_equal(r->method, "POST");
    assert_true(cmp_str_equal(r->path, CMP_STR("/lookup")));
    assert_true(cmp_str_equal(r->content_type, CMP_STR("application/json")));
    assert_true(cmp_str_equal(r->accept, CMP_STR("application/json")));
    assert_true(cmp_str_equal(r->authorization, CMP_STR("Bearer t0ken")));
    assert_int_equal(r->header_count, 0);
    assert_int_equal(r->timeout_ms, 500);
    assert_int_equal(r->answer_max, 100000);
    assert_true(body_is(f, "{\"icis\":[\"A\",\"B\",\"C\"]}"));
    turn_end(f);
    assert_int_equal(cmp_test_requests(f->host), 1);
    answer_json(f, "{\"records\":[]}");
    assert_int_equal(cmp_test_counted(f->host, "requests"), 1);
    assert_int_equal(cmp_test_counted(f->host, "lookups"), 3);
}

static void icis_are_escaped(void **state)
{
    fixture *f = *state;
    open_store(f);
    look_up(f, "a\"b\\c/{}");
    turn_end(f);
    assert_true(body_is(f, "{\"icis\":[\"a\\\"b\\\\c/{}\"]}"));
    answer_json(f, "{\"records\":[{\"ici\":\"a\\\"b\\\\c/{}\",\"content\":\"x\"}]}");
    expect(f, 0, CMP_STORE_FOUND);
}

static void an_ici_is_asked_for_once_in_a_request(void **state)
{
    fixture *f = *state;
    open_store(f);
    look_up(f, "A");
    look_up(f, "B");
    look_up(f, "A");
    turn_end(f);
    assert_true(body_is(f, "{\"icis\":[\"A\",\"B\"]}"));
    answer_json(f, "{\"records\":[{\"ici\":\"A\",\"content\":\"x\"}]}");
    expect(f, 0, CMP_STORE_FOUND);
    expect(f, 1, CMP_STORE_ABSENT);
    expect(f, 2, CMP_STORE_FOUND);
}

static void a_batch_and_those_who_wait_are_bounded(void **state)
{
    fixture *f = *state;
    open_store(f);
    static const char *const icis[] = {"A", "B", "C", "D", "E", "F"};
    for (size_t i = 0; i < COUNT(icis); i++) {
        assert_int_equal(look_up(f, icis[i]), CMP_STORE_PENDING);
    }
    assert_int_equal(look_up(f, "G"), CMP_STORE_UNAVAILABLE);
    cmp_test_end(&f->ops[--f->op_count]);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "too many look-ups are under way"));
    turn_end(f);
    assert_int_equal(cmp_test_requests(f->host), 2);
    assert_true(body_is(f, "{\"icis\":[\"E\",\"F\"]}"));
    answer_json(f, "{\"records\":[]}");
    assert_true(body_is(f, "{\"icis\":[\"A\",\"B\",\"C\",\"D\"]}"));
    answer_json(f, "{\"records\":[]}");
    expect_all(f, CMP_STORE_ABSENT);
    assert_int_equal(look_up(f, "G"), CMP_STORE_PENDING);
    turn_end(f);
    answer_json(f, "{\"records\":[]}");
}

/* ---- signatures ---- */

#define KEY(key_id, of, text, from, until)                                                         \
    {                                                                                              \
        .id = CMP_STR(key_id), .peer = CMP_STR(of), .use = CMP_KEY_RECEIVED,                       \
        .secret = (const uint8_t *)(text), .secret_size = sizeof(text) - 1,                        \
        .not_before_ms = (from), .not_after_ms = (until)                                           \
    }

static void requests_are_signed_with_the_newest_key_of_the_peer(void **state)
{
    fixture *f = *state;
    const cmp_key keys[] = {
        KEY("old", "b", "secret 1", 1000, INT64_MAX),
        KEY("new", "b", "secret 2", 2000, INT64_MAX),
        KEY("future", "b", "secret 3", cmp_test_now_ms(f->host) + 1000, INT64_MAX),
        KEY("ended", "b", "secret 4", 3000, 4000),
        KEY("others", "c", "secret 5", 5000, INT64_MAX),
    };
    cmp_test_keys(f->host, keys, COUNT(keys));
    f->options.token = NULL;
    f->options.peer = "b";
    open_store(f);
    ask_three(f);
    const cmp_https_request *r = cmp_test_request(f->host, 0);
    assert_null(r->authorization.at);
    assert_int_equal(r->header_count, 3);
    assert_true(cmp_str_equal(r->headers[0].name, CMP_STR("cmp-tid")));
    assert_true(cmp_str_equal(r->headers[1].name, CMP_STR("cmp-key-id")));
    assert_true(cmp_str_equal(r->headers[1].value, CMP_STR("new")));
    assert_true(cmp_str_equal(r->headers[2].name, CMP_STR("cmp-signature")));

    /* A UUIDv7 of now. */
    const cmp_str tid = r->headers[0].value;
    assert_int_equal(tid.size, 36);
    char time[16];
    snprintf(time, sizeof(time), "%08llx-%04llx",
             (unsigned long long)(cmp_test_now_ms(f->host) >> 16),
             (unsigned long long)(cmp_test_now_ms(f->host) & 0xFFFF));
    assert_memory_equal(tid.at, time, 13);
    assert_true(tid.at[13] == '-' && tid.at[14] == '7' && tid.at[18] == '-' && tid.at[23] == '-');

    char text[64], hex[65];
    uint8_t mac[32];
    const int size = snprintf(text, sizeof(text), "%.*sA\nB\nC", (int)tid.size, tid.at);
    HMAC(EVP_sha256(), "secret 2", 8, (const uint8_t *)text, (size_t)size, mac, NULL);
    for (size_t i = 0; i < sizeof(mac); i++) {
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    }
    assert_true(cmp_str_equal(r->headers[2].value, cmp_str_from(hex)));
    answer_json(f, "{\"records\":[]}");
}

static void the_last_of_equal_keys_signs_until_the_keyring_is_another(void **state)
{
    fixture *f = *state;
    const cmp_key keys[] = {
        KEY("first", "b", "secret 1", 1000, INT64_MAX),
        KEY("last", "b", "secret 2", 1000, INT64_MAX),
    };
    const cmp_key others[] = {KEY("fresh", "b", "secret 3", 0, INT64_MAX)};
    cmp_test_keys(f->host, keys, COUNT(keys));
    f->options.token = NULL;
    f->options.peer = "b";
    open_store(f);
    ask_three(f);
    assert_true(cmp_str_equal(cmp_test_request(f->host, 0)->headers[1].value, CMP_STR("last")));
    answer_json(f, "{\"records\":[]}");

    cmp_test_keys(f->host, others, COUNT(others));
    ask_three(f);
    assert_true(cmp_str_equal(cmp_test_request(f->host, 0)->headers[1].value, CMP_STR("fresh")));
    answer_json(f, "{\"records\":[]}");
}

static void without_a_valid_key_nothing_is_asked(void **state)
{
    fixture *f = *state;
    f->options.token = NULL;
    f->options.peer = "b";
    open_store(f);
    ask_three(f);
    assert_int_equal(cmp_test_requests(f->host), 0);
    assert_int_equal(cmp_test_verdict(f->ops[0]),
                     CMP_STORE_PENDING); /* not from within the turn's end */
    cmp_test_advance(f->host, 1);
    expect_all(f, CMP_STORE_UNAVAILABLE);
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_ERROR, "no key that the peer gave to us is valid now"));
}

/* ---- answers ---- */

static void found_and_absent(void **state)
{
    fixture *f = *state;
    open_store(f);
    ask_three(f);
    answer_json(f, "{\"records\":[{\"ici\":\"C\",\"transferred_to\":\"b.example.net\"},\n"
                   "{\"ici\":\"A\",\"content\":\"Gr\\u00fc\xC3\x9F"
                   "e \xF0\x9F\x98\x80\",\"ttl\":7,"
                   "\"variants\":[{\"when\":{\"language\":\"fr\"},\"content\":\"]}\"}]}]}");
    expect(f, 0, CMP_STORE_FOUND);
    expect(f, 1, CMP_STORE_ABSENT);
    expect(f, 2, CMP_STORE_FOUND);
    const cmp_record *a = cmp_test_record(f->ops[0]), *c = cmp_test_record(f->ops[2]);
    assert_true(cmp_str_equal(a->content, CMP_STR("Gr\xC3\xBC\xC3\x9F"
                                                  "e \xF0\x9F\x98\x80")));
    assert_int_equal(a->ttl_s, 7);
    assert_int_equal(a->variant_count, 1);
    assert_true(cmp_str_equal(a->variants[0].content, CMP_STR("]}")));
    assert_true(cmp_str_equal(c->transferred_to, CMP_STR("b.example.net")));
}

static void answers_that_are_not_believed(void **state)
{
    fixture *f = *state;
    open_store(f);
    static const struct {
        int status;
        const char *content_type, *body, *said;
    } cases[] = {
        {401, "application/problem+json", "{}", "it does not let us read (status 401)"},
        {403, "application/problem+json", "{}", "it does not let us read (status 403)"},
        {404, "application/problem+json", "{}", "it answers with status 404"},
        {503, "application/problem+json", "{}", "it answers with status 503"},
        {204, NULL, "", "it answers with status 204"},
        {200, NULL, "{\"records\":[]}", "something else than JSON"},
        {200, "text/html", "<html>", "something else than JSON"},
        {200, "application/json", "", "the answer is no {"},
        {200, "application/json", "{\"records\":[]", "the answer is no {"},
        {200, "application/json", "{\"records\":[{\"ici\":\"A\",\"content\":\"x\"}", "is no {"},
        {200, "application/json", "{\"records\":[{\"ici\":\"D\",\"content\":\"x\"}]}",
         "a record came that was not asked for"},
        {200, "application/json", "{\"records\":[{\"ici\":\"a\",\"content\":\"x\"}]}",
         "a record came that was not asked for"},
        {200, "application/json",
         "{\"records\":[{\"ici\":\"A\",\"content\":\"x\"},{\"ici\":\"A\",\"content\":\"x\"}]}",
         "a record came twice"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ask_three(f);
        answer(f, cases[i].status, cases[i].content_type, cases[i].body);
        expect_all(f, CMP_STORE_UNAVAILABLE);
        assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, cases[i].said));
        cmp_test_advance(f->host, 10000); /* the next one may be logged again */
    }
    assert_int_equal(cmp_test_counted(f->host, "lookups_failed"), 3 * COUNT(cases));
}

static void too_much_for_one_answer_is_asked_for_in_parts(void **state)
{
    fixture *f = *state;
    open_store(f);
    ask_three(f);
    answer(f, 413, "application/problem+json", "{}");
    assert_int_equal(cmp_test_requests(f->host), 2);
    assert_true(body_is(f, "{\"icis\":[\"A\"]}"));
    answer_json(f, "{\"records\":[{\"ici\":\"A\",\"content\":\"a\"}]}");
    expect(f, 0, CMP_STORE_FOUND);
    assert_true(body_is(f, "{\"icis\":[\"B\",\"C\"]}"));
    answer(f, 413, "application/problem+json", "{}");
    answer_json(f, "{\"records\":[]}");
    expect(f, 1, CMP_STORE_ABSENT);
    answer(f, 413, "application/problem+json", "{}"); /* one alone cannot be halved */
    expect(f, 2, CMP_STORE_UNAVAILABLE);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "it answers with status 413"));
}

static void no_answer_at_all(void **state)
{
    fixture *f = *state;
    open_store(f);
    for (cmp_https_result r = CMP_HTTPS_NOT_SENT; r <= CMP_HTTPS_BAD_ANSWER; r++) {
        ask_three(f);
        cmp_test_answer_failed(f->host, r, "connection refused");
        expect_all(f, CMP_STORE_UNAVAILABLE);
        assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "connection refused"));
        cmp_test_advance(f->host, 10000);
    }
}

static void a_record_that_cannot_be_read_makes_nobody_absent(void **state)
{
    fixture *f = *state;
    open_store(f);
    ask_three(f);
    answer_json(f, "{\"records\":[{\"ici\":\"A\",\"content\":\"x\"},{\"ici\":\"B\",\"new\":1}]}");
    expect(f, 0, CMP_STORE_FOUND);
    expect(f, 1, CMP_STORE_UNAVAILABLE);
    expect(f, 2, CMP_STORE_UNAVAILABLE);
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_ERROR, "a record cannot be read: new: unknown member"));
}

static void trouble_is_logged_once_in_a_while_and_its_end(void **state)
{
    fixture *f = *state;
    open_store(f);
    for (int i = 0; i < 3; i++) {
        ask_three(f);
        answer(f, 500, NULL, "");
    }
    assert_int_equal(cmp_test_log_count(f->host, CMP_LOG_ERROR), 1);
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, URL "/: it answers with status 500"));
    cmp_test_advance(f->host, 10000);
    ask_three(f);
    answer(f, 500, NULL, "");
    assert_true(cmp_test_logged(f->host, CMP_LOG_ERROR, "(2 more not logged)"));
    ask_three(f);
    answer_json(f, "{\"records\":[]}");
    assert_true(cmp_test_logged(f->host, CMP_LOG_NOTICE, "it answers again"));
}

/* ---- cancelling ---- */

static void cancel(fixture *f, size_t at)
{
    cmp_test_cancel(f->ops[at]);
    assert_int_not_equal(cmp_test_verdict(f->ops[at]), CMP_STORE_PENDING);
}

static void who_is_cancelled_before_the_request_is_not_asked_for(void **state)
{
    fixture *f = *state;
    open_store(f);
    look_up(f, "A");
    look_up(f, "B");
    look_up(f, "B");
    look_up(f, "C");
    cancel(f, 0);
    cancel(f, 1);
    turn_end(f);
    assert_true(body_is(f, "{\"icis\":[\"B\",\"C\"]}"));
    cancel(f, 2);
    answer_json(f, "{\"records\":[{\"ici\":\"B\",\"content\":\"x\"}]}");
    expect(f, 2, CMP_STORE_UNAVAILABLE);
    expect(f, 3, CMP_STORE_ABSENT);
    end_all(f);
    look_up(f, "A");
    cancel(f, 0);
    turn_end(f);
    assert_int_equal(cmp_test_requests(f->host), 0);
}

static void a_request_that_nobody_waits_for_ends_with_the_worker(void **state)
{
    fixture *f = *state;
    open_store(f);
    ask_three(f);
    for (size_t i = 0; i < 3; i++) {
        cancel(f, i);
    }
    assert_int_equal(cmp_test_requests(f->host), 1);
    end_all(f);
    cmp_test_close(f->host); /* cancels the request */
    assert_int_equal(cmp_test_requests(f->host), 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(options_that_contradict_each_other),
        WITH_STORE(a_server_that_cannot_be_opened),
        WITH_STORE(one_request_for_all_look_ups_of_a_turn),
        WITH_STORE(icis_are_escaped),
        WITH_STORE(an_ici_is_asked_for_once_in_a_request),
        WITH_STORE(a_batch_and_those_who_wait_are_bounded),
        WITH_STORE(requests_are_signed_with_the_newest_key_of_the_peer),
        WITH_STORE(the_last_of_equal_keys_signs_until_the_keyring_is_another),
        WITH_STORE(without_a_valid_key_nothing_is_asked),
        WITH_STORE(found_and_absent),
        WITH_STORE(answers_that_are_not_believed),
        WITH_STORE(too_much_for_one_answer_is_asked_for_in_parts),
        WITH_STORE(no_answer_at_all),
        WITH_STORE(a_record_that_cannot_be_read_makes_nobody_absent),
        WITH_STORE(trouble_is_logged_once_in_a_while_and_its_end),
        WITH_STORE(who_is_cancelled_before_the_request_is_not_asked_for),
        WITH_STORE(a_request_that_nobody_waits_for_ends_with_the_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
