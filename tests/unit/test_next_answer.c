/* SPDX-License-Identifier: Apache-2.0 */
/* mc/next_answer.c: what a next hop may answer, and what is refused with its reason. */
#include "mc/next_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TID          "0193a1b2-0000-7000-8000-000000000001"
#define ICI          "1A0F1abc"
#define HEAD         "\"tid\":\"" TID "\",\"ici\":\"" ICI "\","

/* Members behind tid and ici. */
#define RESOLVED(members) "{" HEAD "\"status\":\"resolved\"," members "}"
#define REFERRAL(members) "{" HEAD "\"status\":\"referral\"," members "}"

#define JSON              "application/json"
#define PROBLEM           "application/problem+json"

typedef struct fixture {
    kit_arena memory;
    next_answer n;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return -1;
    }
    kit_arena_init(&f->memory, NULL, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    kit_arena_reset(&f->memory);
    free(f);
    return 0;
}

/* More octets lie behind it than it has. */
static const cmp_str ici = {ICI "D", sizeof(ICI) - 1};

/* The body is gone when the answer is looked at. */
static const next_answer *read_octets(fixture *f, int status, const char *type, cmp_str body)
{
    char *copy = malloc(body.size > 0 ? body.size : 1);
    assert_non_null(copy);
    memcpy(copy, body.at, body.size);
    next_answer_read(status, cmp_str_from(type), (cmp_str){copy, body.size}, CMP_STR(TID), ici,
                     &f->memory, &f->n);
    memset(copy, '?', body.size);
    free(copy);
    return &f->n;
}

static const next_answer *read_text(fixture *f, int status, const char *type, const char *body)
{
    return read_octets(f, status, type, cmp_str_from(body));
}

static void assert_bad(fixture *f, int status, const char *type, const char *body,
                       const char *detail)
{
    const next_answer *n = read_text(f, status, type, body);
    if (n->kind != NEXT_BAD) {
        fail_msg("taken for good: %s", body);
    }
    assert_string_equal(n->detail, detail);
    assert_null(n->resolved.content.at);
    assert_null(n->referral.addr.at);
    assert_int_equal(n->problem, ERROR_NONE);
}

static void assert_str(cmp_str text, const char *wanted)
{
    assert_non_null(text.at);
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

/* ---- bad ones ---- */

static void refuses_other_statuses(void **state)
{
    static const int statuses[] = {-1,  0,   100, 199, 201, 204, 301, 302, 400, 405,
                                   409, 413, 431, 500, 502, 504, 507, 509, 999};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        assert_bad(*state, statuses[i], JSON, RESOLVED("\"content\":\"a\""),
                   "an unexpected status");
    }
    assert_bad(*state, 401, PROBLEM, "{}", "status 401: the peer does not accept our signature");
    assert_bad(*state, 403, PROBLEM, "{}", "status 403: the peer does not allow us to ask that");
}

static void refuses_other_content_types(void **state)
{
    static const char *const types[] = {NULL,        "",
                                        "text/html", "application/json ",
                                        "text/json", "application/jsonp",
                                        PROBLEM};
    for (size_t i = 0; i < COUNT(types); i++) {
        assert_bad(*state, 200, types[i], RESOLVED("\"content\":\"a\""),
                   "the answer is not application/json");
    }
    assert_bad(*state, 404, JSON, "{\"status\":404,\"code\":\"unknown_ici\"}",
               "the problem is not application/problem+json");
    assert_bad(*state, 404, "text/html", "<html>", "the problem is not application/problem+json");
}

static void refuses_what_is_no_object(void **state)
{
    static const int statuses[] = {200, 404, 410, 508};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const char *type = statuses[i] == 200 ? JSON : PROBLEM;
        assert_bad(*state, statuses[i], type, "", "the body is no well-formed JSON object");
        assert_bad(*state, statuses[i], type, "[]", "the body is no well-formed JSON object");
        assert_bad(*state, statuses[i], type, "{\"tid\":\"\xFF\"}",
                   "the body is no well-formed JSON object");
        assert_bad(*state, statuses[i], type, "{\"code\":1,\"code\":1}",
                   "a member of the body is given twice");
    }
    assert_bad(*state, 200, JSON, RESOLVED("\"content\":\"a\"") " ,",
               "the body is no well-formed JSON object");
}

static void refuses_answers_for_others(void **state)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{\"ici\":\"" ICI "\",\"status\":\"resolved\",\"content\":\"a\"}", "tid is missing"},
        {"{\"tid\":\"" TID "\",\"status\":\"resolved\",\"content\":\"a\"}", "ici is missing"},
        {"{\"tid\":\"t-1\",\"ici\":\"" ICI "\",\"status\":\"resolved\",\"content\":\"a\"}",
         "answer is for another tid"},
        {"{\"tid\":\"\",\"ici\":\"" ICI "\",\"status\":\"resolved\",\"content\":\"a\"}",
         "answer is for another tid"},
        {"{\"tid\":1,\"ici\":\"" ICI "\",\"status\":\"resolved\",\"content\":\"a\"}",
         "answer is for another tid"},
        {"{\"tid\":null,\"ici\":\"" ICI "\",\"status\":\"resolved\",\"content\":\"a\"}",
         "answer is for another tid"},
        {"{\"tid\":\"" TID "\",\"ici\":\"1a0f1ABC\",\"status\":\"resolved\",\"content\":\"a\"}",
         "answer is for another ici"},
        {"{\"tid\":\"" TID "\",\"ici\":[\"" ICI "\"],\"status\":\"resolved\",\"content\":\"a\"}",
         "answer is for another ici"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_bad(*state, 200, JSON, cases[i].body, cases[i].detail);
    }
}

#define BAD_STATUS   "status is neither resolved nor referral"
#define BAD_CONTENT  "content is no string of 1 to 65536 octets"
#define BAD_TYPE     "content_type is no string of 1 to 64 octets of visible ASCII"
#define BAD_TTL      "ttl is no whole number of seconds from 0 to 31536000"
#define BAD_LANGUAGE "language is not two letters"
#define BAD_ADDR     "addr is no host name"
#define BAD_PREFIX   "prefix is no routing prefix"
#define OTHER_PREFIX "prefix does not head the ici"

static void refuses_resolved_members(void **state)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{" HEAD "\"content\":\"a\"}", BAD_STATUS},
        {"{" HEAD "\"status\":200,\"content\":\"a\"}", BAD_STATUS},
        {"{" HEAD "\"status\":\"Resolved\",\"content\":\"a\"}", BAD_STATUS},
        {"{" HEAD "\"status\":\"resolved\"}", BAD_CONTENT},
        {RESOLVED("\"content\":\"\""), BAD_CONTENT},
        {RESOLVED("\"content\":null"), BAD_CONTENT},
        {RESOLVED("\"content\":1"), BAD_CONTENT},
        {RESOLVED("\"addr\":\"b.example.net\""), BAD_CONTENT},
        {RESOLVED("\"content\":\"a\",\"content_type\":\"\""), BAD_TYPE},
        {RESOLVED("\"content\":\"a\",\"content_type\":\"u ri\""), BAD_TYPE},
        {RESOLVED("\"content\":\"a\",\"content_type\":\"\\u00e9\""), BAD_TYPE},
        {RESOLVED("\"content\":\"a\",\"content_type\":null"), BAD_TYPE},
        {RESOLVED("\"content\":\"a\",\"content_type\":"
                  "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\""),
         BAD_TYPE},
        {RESOLVED("\"content\":\"a\",\"ttl\":-1"), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"ttl\":31536001"), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"ttl\":4294967297"), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"ttl\":18446744073709551616"), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"ttl\":1.0"), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"ttl\":\"1\""), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"ttl\":null"), BAD_TTL},
        {RESOLVED("\"content\":\"a\",\"language\":\"f\""), BAD_LANGUAGE},
        {RESOLVED("\"content\":\"a\",\"language\":\"fra\""), BAD_LANGUAGE},
        {RESOLVED("\"content\":\"a\",\"language\":\"f1\""), BAD_LANGUAGE},
        {RESOLVED("\"content\":\"a\",\"language\":\"\\u00e9\""), BAD_LANGUAGE},
        {RESOLVED("\"content\":\"a\",\"language\":null"), BAD_LANGUAGE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_bad(*state, 200, JSON, cases[i].body, cases[i].detail);
    }
}

static void refuses_referral_members(void **state)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{" HEAD "\"status\":\"referral\"}", BAD_ADDR},
        {REFERRAL("\"content\":\"a\""), BAD_ADDR},
        {REFERRAL("\"addr\":null"), BAD_ADDR},
        {REFERRAL("\"addr\":\"\""), BAD_ADDR},
        {REFERRAL("\"addr\":\"localhost\""), BAD_ADDR},
        {REFERRAL("\"addr\":\"192.0.2.1\""), BAD_ADDR},
        {REFERRAL("\"addr\":\"b.example.net:443\""), BAD_ADDR},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":null"), BAD_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":\"\""), BAD_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":\"1A\""), BAD_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":\"1A0X\""), BAD_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":\"1A1\""), OTHER_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":\"A0F\""), OTHER_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"prefix\":\"1A0F1ABCD\""), OTHER_PREFIX},
        {REFERRAL("\"addr\":\"b.example.net\",\"ttl\":-1"), BAD_TTL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_bad(*state, 200, JSON, cases[i].body, cases[i].detail);
    }
}

static void refuses_problems(void **state)
{
    static const struct {
        int status;
        const char *body, *detail;
    } cases[] = {
        {404, "{\"code\":\"unknown_ici\"}", "the problem's status is not that of HTTP"},
        {404, "{\"status\":410,\"code\":\"unknown_ici\"}",
         "the problem's status is not that of HTTP"},
        {404, "{\"status\":\"404\",\"code\":\"unknown_ici\"}",
         "the problem's status is not that of HTTP"},
        {404, "{\"status\":404}", "the problem's code does not go with its status"},
        {404, "{\"status\":404,\"code\":404}", "the problem's code does not go with its status"},
        {404, "{\"status\":404,\"code\":\"not_found\"}",
         "the problem's code does not go with its status"},
        {410, "{\"status\":410,\"code\":\"unknown_ici\"}",
         "the problem's code does not go with its status"},
        {508, "{\"status\":508,\"code\":\"gone\"}",
         "the problem's code does not go with its status"},
        {404, "{\"status\":404,\"code\":\"unknown_ici\",\"tid\":\"t-1\"}",
         "answer is for another tid"},
        {404, "{\"status\":404,\"code\":\"unknown_ici\",\"tid\":null}",
         "answer is for another tid"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_bad(*state, cases[i].status, PROBLEM, cases[i].body, cases[i].detail);
    }
}

/* ---- good ones ---- */

static void busy_whatever_the_body(void **state)
{
    static const int statuses[] = {429, 503};
    static const char *const bodies[] = {"", "<html>", "{\"status\":503}"};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        for (size_t b = 0; b < COUNT(bodies); b++) {
            assert_int_equal(read_text(*state, statuses[i], NULL, bodies[b])->kind, NEXT_BUSY);
        }
    }
    fixture *f = *state;
    next_answer_read(503, CMP_NONE, CMP_NONE, CMP_STR(TID), CMP_STR(ICI), &f->memory, &f->n);
    assert_int_equal(f->n.kind, NEXT_BUSY);
    next_answer_read(200, CMP_STR(JSON), CMP_NONE, CMP_STR(TID), CMP_STR(ICI), &f->memory, &f->n);
    assert_int_equal(f->n.kind, NEXT_BAD);
}

static void problems_that_go_back(void **state)
{
    static const struct {
        int status;
        const char *body;
        error_code code;
    } cases[] = {
        {404, "{\"status\":404,\"code\":\"unknown_ici\"}", ERROR_UNKNOWN_ICI},
        {410, "{\"status\":410,\"code\":\"gone\",\"tid\":\"" TID "\"}", ERROR_GONE},
        {508, "{\"code\":\"loop_detected\",\"status\":508,\"title\":\"x\",\"more\":[1]}",
         ERROR_LOOP_DETECTED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const next_answer *n = read_text(*state, cases[i].status, PROBLEM, cases[i].body);
        assert_int_equal(n->kind, NEXT_PROBLEM);
        assert_int_equal(n->problem, cases[i].code);
    }
}

static void resolved_with_all_members(void **state)
{
    const next_answer *n = read_text(
        *state, 200, "Application/JSON",
        "{\"future\":{\"tid\":\"x\",\"a\":[1,2.5e9]},\"language\":\"fr\",\"ttl\":31536000,"
        "\"content_type\":\"t\\u0065xt\",\"content\":\"h\\u00e9 \xE2\x82\xAC\\n\",\"ici\":\"" ICI
        "\",\"status\":\"resolved\",\"tid\":\"" TID
        "\",\"Tid\":null,\"big\":99999999999999999999}");
    assert_int_equal(n->kind, NEXT_RESOLVED);
    assert_str(n->resolved.tid, TID);
    assert_str(n->resolved.ici, ICI);
    assert_str(n->resolved.content, "h\xC3\xA9 \xE2\x82\xAC\n");
    assert_str(n->resolved.content_type, "text");
    assert_str(n->resolved.language, "fr");
    assert_int_equal(n->resolved.ttl_s, 31536000);
}

static void resolved_with_the_least(void **state)
{
    static const struct {
        const char *body, *content, *type;
    } cases[] = {
        {RESOLVED("\"content\":\"https:\\/\\/example.net\\/\""), "https://example.net/", "uri"},
        {RESOLVED("\"content\":\"https://example.net/\""), "https://example.net/", "uri"},
        {RESOLVED("\"content\":\"MECARD:N:A;\""), "MECARD:N:A;", "text"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const next_answer *n = read_text(*state, 200, JSON, cases[i].body);
        assert_int_equal(n->kind, NEXT_RESOLVED);
        assert_str(n->resolved.content, cases[i].content);
        assert_str(n->resolved.content_type, cases[i].type);
        assert_null(n->resolved.language.at);
        assert_int_equal(n->resolved.ttl_s, 0);
    }
}

static void content_up_to_its_limit(void **state)
{
    fixture *f = *state;
    for (size_t size = 65536; size <= 65537; size++) {
        char *content = kit_arena_alloc(&f->memory, size + 1);
        memset(content, 'c', size);
        content[size] = '\0';
        const char *body =
            kit_arena_printf(&f->memory, "{" HEAD "\"status\":\"resolved\",\"content\":\"%s\"}",
                             content);
        const next_answer *n = read_text(f, 200, JSON, body);
        assert_int_equal(n->kind, size == 65536 ? NEXT_RESOLVED : NEXT_BAD);
        assert_int_equal(n->resolved.content.size, size == 65536 ? size : 0);
    }
}

static void referrals(void **state)
{
    const next_answer *n = read_text(*state, 200, JSON, REFERRAL("\"addr\":\"b.example.net\""));
    assert_int_equal(n->kind, NEXT_REFERRAL);
    assert_str(n->referral.tid, TID);
    assert_str(n->referral.ici, ICI);
    assert_str(n->referral.addr, "b.example.net");
    assert_null(n->referral.prefix.at);
    assert_int_equal(n->referral.ttl_s, 0);
    static const char *const prefixes[] = {"1A0", "1a0f1", "1A0F1ABC"};
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        fixture *f = *state;
        const char *body =
            kit_arena_printf(&f->memory,
                             REFERRAL("\"prefix\":\"%s\",\"addr\":\"b.example.net\",\"ttl\":60"),
                             prefixes[i]);
        n = read_text(f, 200, JSON, body);
        assert_int_equal(n->kind, NEXT_REFERRAL);
        assert_str(n->referral.prefix, prefixes[i]);
        assert_int_equal(n->referral.ttl_s, 60);
    }
}

/* What reply.c writes is read: two of us understand each other. */
static void own_answers_are_read(void **state)
{
    fixture *f = *state;
    const reply_resolved r = {.tid = CMP_STR(TID),
                              .ici = CMP_STR(ICI),
                              .content = CMP_STR("a \"quoted\"\n\\ \xF0\x9F\x98\x80"),
                              .content_type = CMP_STR("text"),
                              .language = CMP_STR("de"),
                              .ttl_s = 300};
    char body[1024];
    bool plain;
    const size_t size = reply_resolved_size(&r, &plain);
    assert_false(plain);
    reply_resolved_write(&r, plain, body);
    const next_answer *n = read_octets(f, 200, JSON, (cmp_str){body, size});
    assert_int_equal(n->kind, NEXT_RESOLVED);
    assert_true(cmp_str_equal(n->resolved.content, r.content));
    assert_str(n->resolved.language, "de");
    const reply_referral to = {.tid = r.tid,
                               .ici = r.ici,
                               .prefix = CMP_STR("1A0F"),
                               .addr = CMP_STR("b.example.net"),
                               .ttl_s = 5};
    reply_referral_write(&to, body);
    n = read_octets(f, 200, JSON, (cmp_str){body, reply_referral_size(&to)});
    assert_int_equal(n->kind, NEXT_REFERRAL);
    const reply_problem p = {.code = ERROR_GONE, .tid = r.tid, .detail = CMP_STR("it was revoked")};
    reply_problem_write(&p, body);
    n = read_octets(f, 410, PROBLEM, (cmp_str){body, reply_problem_size(&p)});
    assert_int_equal(n->kind, NEXT_PROBLEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_other_statuses, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_other_content_types, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_object, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_answers_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_resolved_members, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_referral_members, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_problems, setup, teardown),
        cmocka_unit_test_setup_teardown(busy_whatever_the_body, setup, teardown),
        cmocka_unit_test_setup_teardown(problems_that_go_back, setup, teardown),
        cmocka_unit_test_setup_teardown(resolved_with_all_members, setup, teardown),
        cmocka_unit_test_setup_teardown(resolved_with_the_least, setup, teardown),
        cmocka_unit_test_setup_teardown(content_up_to_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(referrals, setup, teardown),
        cmocka_unit_test_setup_teardown(own_answers_are_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
