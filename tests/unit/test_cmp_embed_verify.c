/* SPDX-License-Identifier: Apache-2.0 */
/* libcmp-embed: who has sent a message, and whether it may be used. */
#include "embed_rig.h"
#include "scratch.h"

/* One that accepts what b signs, once. */
static cmp_embed *e;
static cmp_embed_worker *w;
static char query[1024];
static cmp_embed_answer a;

static int open_one(void **state)
{
    (void)state;
    e = embed_open_hmac(0, NULL);
    embed_add_keys(e, "k", false);
    w = embed_attach(e);
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
    return 0;
}

static void accepts_once(void **state)
{
    (void)state;
    assert_true(embed_query(w, "tid-1", "A-1", "&shop=7", query, sizeof(query)));
    assert_int_equal(embed_verify(w, query, &a), 200);
    assert_null(a.code);
    assert_int_equal(a.verdict, CMP_AUTH_ACCEPT);
    assert_true(cmp_str_equal(a.peer, CMP_STR("b")));
    assert_true(cmp_str_equal(a.credential, CMP_STR("k")));
    assert_true(cmp_str_equal(cmp_embed_param(&a, CMP_PARAM_ICI), CMP_STR("A-1")));
    assert_true(cmp_str_equal(cmp_embed_contextual(&a, 0)->value, CMP_STR("7")));
    assert_null(cmp_embed_contextual(&a, 1));
    cmp_embed_done(&a, 404);
    assert_int_equal(embed_verify(w, query, &a), 409);
    assert_string_equal(a.code, "replayed");
    cmp_embed_done(&a, 503); /* it was not this one's to give back */
    assert_int_equal(embed_verify(w, query, &a), 409);
}

static void a_boundary_twin_is_a_replay(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        int twin;
    } cases[] = {{0, 409}, {CMP_EMBED_NO_REPLAY, 200}};
    for (size_t i = 0; i < 2; i++) {
        e = embed_open_hmac(cases[i].flags, NULL);
        embed_add_keys(e, "k", false);
        w = embed_attach(e);
        assert_true(embed_query(w, "ab", "c", "", query, sizeof(query)));
        assert_int_equal(embed_verify(w, query, &a), 200);
        const char *signature = strstr(query, "&apikeyid");
        char twin[1024];
        snprintf(twin, sizeof(twin), "tid=a&ici=bc&user=u%s", signature);
        assert_int_equal(embed_verify(w, twin, &a), cases[i].twin);
        cmp_embed_detach(&w);
        cmp_embed_close(&e);
    }
}

static void what_was_not_executed_may_come_again(void **state)
{
    (void)state;
    static const int statuses[] = {429, 500, 503};
    assert_true(embed_query(w, "tid", "A-1", "", query, sizeof(query)));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(embed_verify(w, query, &a), 200);
        cmp_embed_done(&a, statuses[i]);
        cmp_embed_done(&a, statuses[i]); /* harmless */
    }
    assert_int_equal(embed_verify(w, query, &a), 200);
    cmp_embed_done(&a, 200);
    assert_int_equal(embed_verify(w, query, &a), 409);
}

static void a_key_may_answer_repeats(void **state)
{
    (void)state;
    e = embed_open_hmac(0, NULL);
    embed_add_keys(e, "k", true);
    w = embed_attach(e);
    assert_true(embed_query(w, "tid", "A-1", "&language=de", query, sizeof(query)));
    assert_int_equal(embed_verify(w, query, &a), 200);
    assert_int_equal(embed_verify(w, query, &a), 200);
    query[strlen(query) - 1] = 'a'; /* da */
    assert_int_equal(embed_verify(w, query, &a), 409);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static void rejections_look_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *query, *reason;
        int status;
    } cases[] = {
        {"tid=t&ici=A-1&apikeyid=k&signature=00", "signature is neither", 401},
        {"tid=t&ici=A-1&apikeyid=nobody&signature=00", "unknown apikeyid", 401},
        {"tid=t&ici=A-1", "no apikeyid", 401},
        {"ici=A-1", "tid", 400},
        {"tid=t&ici=%C3%A9", "ici: Visible ASCII", 400},
        {"tid=t&tid=t&ici=A-1", "tid", 400},
        {"tid=t&ici=%", "", 400},
        {"", "tid", 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[512];
        assert_int_equal(embed_verify(w, cases[i].query, &a), cases[i].status);
        assert_non_null(strstr(a.reason, cases[i].reason));
        const size_t size = cmp_embed_body(&a, body, sizeof(body));
        assert_true(size > 0 && size < sizeof(body));
        body[size] = '\0';
        assert_non_null(strstr(body, a.code));
        assert_true(cases[i].status != 401 || strstr(body, cases[i].reason) == NULL);
    }
}

static void a_whole_message(void **state)
{
    (void)state;
    assert_true(embed_query(w, "tid", "A-1", "&count=x", query, sizeof(query)));
    assert_int_equal(embed_verify(w, query, &a), 200);
    assert_int_equal(cmp_embed_validate(&a), 400);
    assert_string_equal(a.code, "invalid_parameter");
    assert_memory_equal(a.reason, "count", 5);
    assert_true(embed_query(w, "tid\\2", "A-\"1", "", query, sizeof(query)));
    assert_int_equal(embed_verify(w, query, &a), 200);
    assert_int_equal(cmp_embed_validate(&a), 200);
    char body[512];
    const size_t size =
        cmp_embed_referral(&a, CMP_STR("1A"), CMP_STR("a.example.net"), 60, body, sizeof(body));
    static const char *const expected =
        "{\"tid\":\"tid\\\\2\",\"ici\":\"A-\\\"1\",\"status\":\"referral\",\"prefix\":\"1A\","
        "\"addr\":\"a.example.net\",\"ttl\":60}";
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(body, expected, size);
    assert_int_equal(cmp_embed_referral(&a, CMP_NONE, CMP_STR("a.example.net"), 60, body, 3),
                     size - strlen(",\"prefix\":\"1A\""));
}

static void only_peers_that_are_known(void **state)
{
    (void)state;
    static const cmp_peer peers[] = {{.name = CMP_STR("c")}};
    const cmp_embed_settings settings = {.size = sizeof(settings), .peers = peers, .peer_count = 1};
    cmp_embed_error error;
    e = cmp_embed_open(PLUGINS, "auth_hmac", NULL, &settings, &error);
    assert_non_null(e);
    embed_add_keys(e, "k", false);
    w = embed_attach(e);
    assert_true(embed_query(w, "tid", "A-1", "", query, sizeof(query)));
    assert_int_equal(embed_verify(w, query, &a), 401);
    assert_string_equal(a.reason, "the plugin named a peer that is not known");
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, open_one, close_it)
    const struct CMUnitTest tests[] = {
        ONE(accepts_once),
        cmocka_unit_test(a_boundary_twin_is_a_replay),
        ONE(what_was_not_executed_may_come_again),
        cmocka_unit_test(a_key_may_answer_repeats),
        ONE(rejections_look_the_same),
        ONE(a_whole_message),
        cmocka_unit_test(only_peers_that_are_known),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
