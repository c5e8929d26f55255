/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of the interface codes: when they are read, and what of them is refused. */
#include "pipeline_rig.h"
#include "scratch.h"

#include "base/log.h"
#include "peers/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static rig r;
static keyring *ring;

static int set_up(void **state)
{
    (void)state;
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    rig_init(&r);
    cmp_report report;
    report_init(&report);
    scratch_write("k.yaml", "tokens: [{name: r, sha256: "
                            "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30}]");
    ring = keyring_load("k.yaml", NULL, NULL, &report);
    report_dispose(&report);
    assert_non_null(ring);
    r.worker.keyring = ring;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    r.worker.keyring = NULL;
    rig_dispose(&r);
    keyring_unref(&ring);
    return 0;
}

static void assert_answer(cmp_str bearer, const char *body, int status, const char *part)
{
    rig_send_list(&r, bearer, cmp_str_from(body));
    if (r.status != status || strstr(r.body, part) == NULL) {
        fail_msg("%s: got %d %s, wanted %d with %s", body, r.status, r.body, status, part);
    }
}

static const cmp_str reader = {"reader", 6}, nobody = {"nobody", 6};

static void a_list_is_read_for_who_has_a_token(void **state)
{
    (void)state;
    assert_answer(reader, "{\"icis\":[\"1A0F1-1\",\"1A0F1-\\u0032\"]}", 200, "{\"records\":[]}");
    assert_int_equal(r.stores[0].asked, 2);
    assert_answer(reader, "{\"icis\":[\"a\"", 400, "malformed");
    assert_answer(reader, "{\"icis\":[\"a\",\"b\",\"a\"]}", 400, "duplicate_parameter");
    assert_answer(reader, "{\"icis\":[\"a b\"]}", 400, "invalid_parameter");
    assert_int_equal(r.stores[0].asked, 2);
    assert_int_equal(r.auth[0].asked, 0);
}

/* Otherwise a wrong token would cost as much as its list is long. */
static void not_for_who_has_a_wrong_one(void **state)
{
    (void)state;
    static char *long_one;
    long_one = calloc(1, TOKEN_TEXT_MAX + 2);
    memset(long_one, 'x', TOKEN_TEXT_MAX + 1);
    assert_answer(nobody, "{\"icis\":[\"a\"", 401, "authentication_failed");
    assert_answer(CMP_STR(""), "{\"icis\":[\"a\"", 401, "authentication_failed");
    assert_answer(cmp_str_from(long_one), "{\"icis\":[\"a\"", 401, "authentication_failed");
    free(long_one);
}

static cmp_str seen;

static void look(rig_plugin *p, cmp_op op)
{
    static char text[64];
    const cmp_str ici = p->host->txn_param(p->host, op, CMP_PARAM_ICI);
    memcpy(text, ici.at, ici.size);
    seen = (cmp_str){text, ici.size};
}

/* A signature covers it, so it is read first, but not looked at any closer. */
static void a_signature_covers_the_list(void **state)
{
    (void)state;
    r.auth[0].look = look;
    r.auth[0].verdict = CMP_AUTH_REJECT;
    assert_answer(CMP_NONE, "{\"icis\":[\"a\"", 400, "malformed");
    assert_int_equal(r.auth[0].asked, 0);
    assert_answer(CMP_NONE, "{\"icis\":[\"a\",\"b\",\"a\"]}", 401, "authentication_failed");
    assert_true(cmp_str_equal(seen, CMP_STR("a\nb\na")));
    r.auth[0].verdict = CMP_AUTH_ACCEPT;
    assert_answer(CMP_NONE, "{\"icis\":[\"a\",\"b\",\"a\"]}", 400, "duplicate_parameter");
    assert_answer(CMP_NONE, "{\"icis\":[\"a\",\"b\"]}", 200, "{\"records\":[]}");
}

static void without_a_token_it_is_short(void **state)
{
    (void)state;
    static char body[8194] = "{\"icis\":[\"a\"]}";
    memset(body + 14, ' ', sizeof(body) - 15);
    body[sizeof(body) - 1] = '\0';
    assert_answer(reader, body, 200, "{\"records\":[]}");
    assert_answer(CMP_NONE, body, 413, "at most 8192 octets");
    body[sizeof(body) - 2] = '\0';
    assert_answer(CMP_NONE, body, 200, "{\"records\":[]}");
}

/* The front's octets are gone by the time the plugin has answered. */
static void the_list_outlives_its_request(void **state)
{
    (void)state;
    char body[] = "{\"icis\":[\"a\",\"b\"]}";
    r.auth[0].how = RIG_LATER;
    rig_send_list(&r, CMP_NONE, cmp_str_from(body));
    memset(body, 'x', sizeof(body));
    r.stores[0].look = look;
    rig_complete(&r.auth[0]);
    assert_int_equal(r.status, 200);
    assert_true(cmp_str_equal(seen, CMP_STR("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_list_is_read_for_who_has_a_token), TEST(not_for_who_has_a_wrong_one),
        TEST(a_signature_covers_the_list),        TEST(without_a_token_it_is_short),
        TEST(the_list_outlives_its_request),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
