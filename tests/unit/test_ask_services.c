/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline/ask_services.c: what auth plugins are shown beside the message, and parameters that they
 * take; at once, later, and on the pool. */
#include "pipeline_rig.h"

#include "observe/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static rig r;
static uint64_t misuses_before; /* scripted plugins have one name, and so one counter */

static int setup(void **state)
{
    (void)state;
    rig_init(&r);
    misuses_before = counter_read(r.instances[0].stale_operations);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_dispose(&r);
    return 0;
}

/* Since the test began. */
static uint64_t misuses(void)
{
    return counter_read(r.instances[0].stale_operations) - misuses_before;
}

/* What was seen last, as a text; "-" when it was absent. */
static char seen[1024];

static void see(cmp_str text)
{
    snprintf(seen, sizeof(seen), "%.*s", text.at != NULL ? (int)text.size : 1,
             text.at != NULL ? text.at : "-");
}

static void ask_in_every_way(rig_plugin *p, const char *text, void (*then)(void))
{
    for (rig_how how = RIG_AT_ONCE; how <= RIG_BLOCKING; how++) {
        const unsigned before = r.answers;
        p->how = how;
        rig_use(&r, r.listener.auth.count, 1, 0);
        seen[0] = '\0';
        rig_ask(&r, text);
        if (how == RIG_LATER) {
            rig_complete(p);
        }
        if (r.answers == before) {
            rig_wait_answer(&r);
        }
        then();
    }
    p->how = RIG_AT_ONCE;
    rig_use(&r, r.listener.auth.count, 1, 0);
}

/* ---- header fields ---- */

static const char *const only_authorization[] = {"authorization", NULL};
static const char *const only_other[] = {"x-other", NULL};

static void look_at_authorization(rig_plugin *p, cmp_op op)
{
    see(p->host->txn_header(p->host, op, "authorization"));
}

static void look_at_other(rig_plugin *p, cmp_op op)
{
    see(p->host->txn_header(p->host, op, "x-other"));
}

static void saw_the_token(void)
{
    assert_string_equal(seen, "Bearer t");
    assert_int_equal(r.status, 404);
}

static void a_field_that_was_asked_for_is_shown(void **state)
{
    (void)state;
    cmp_pair headers[] = {{CMP_STR("authorization"), CMP_STR("Bearer t")},
                          {CMP_STR("x-other"), CMP_NONE}};
    r.headers = headers;
    r.header_count = 2;
    r.auth[0].auth_ops.headers = only_authorization;
    r.auth[0].look = look_at_authorization;
    ask_in_every_way(&r.auth[0], RIG_GOOD, saw_the_token);
    assert_int_equal(misuses(), 0);
    r.auth[0].auth_ops.headers = only_other;
    r.auth[0].look = look_at_other;
    rig_ask(&r, RIG_GOOD);
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 0);
}

static void a_field_of_another_plugin_is_not(void **state)
{
    (void)state;
    cmp_pair headers[] = {{CMP_STR("authorization"), CMP_STR("Bearer t")}};
    r.headers = headers;
    r.header_count = 1;
    r.auth[0].auth_ops.headers = only_other;
    r.auth[0].look = look_at_authorization;
    rig_ask(&r, RIG_GOOD);
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 1);
    r.auth[0].look = NULL;
    r.stores[0].look = look_at_authorization;
    rig_ask(&r, RIG_GOOD);
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 2);
}

/* The front's octets go with the client's request. */
static void what_waits_has_fields_of_its_own(void **state)
{
    (void)state;
    char value[] = "Bearer t";
    cmp_pair headers[] = {{CMP_STR("authorization"), {value, sizeof(value) - 1}}};
    r.headers = headers;
    r.header_count = 1;
    r.auth[0].auth_ops.headers = only_authorization;
    r.auth[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    memset(value, 'X', sizeof(value));
    headers[0].value = CMP_NONE;
    look_at_authorization(&r.auth[0], r.auth[0].op);
    assert_string_equal(seen, "Bearer t");
    const cmp_op op = r.auth[0].op;
    rig_complete(&r.auth[0]);
    look_at_authorization(&r.auth[0], op); /* over */
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 1);
}

/* ---- the certificate ---- */

static void look_at_certificate(rig_plugin *p, cmp_op op)
{
    const cmp_certificate *c = p->host->txn_certificate(p->host, op);
    if (c == NULL) {
        see(CMP_NONE);
        return;
    }
    snprintf(seen, sizeof(seen), "%02x%02x %s %.*s %.*s=%.*s", c->fingerprint[0],
             c->fingerprint[31], c->verified ? "good" : "bad", (int)c->subject.size, c->subject.at,
             (int)c->names[0].name.size, c->names[0].name.at, (int)c->names[0].value.size,
             c->names[0].value.at);
}

static void saw_the_certificate(void)
{
    assert_string_equal(seen, "0120 good CN=b dns=b.example.net");
}

static void a_certificate_is_shown_to_who_wants_it(void **state)
{
    (void)state;
    char subject[] = "CN=b";
    cmp_pair names[] = {{CMP_STR("dns"), CMP_STR("b.example.net")}};
    cmp_certificate shown = {.fingerprint = {[0] = 1, [31] = 0x20},
                             .verified = true,
                             .subject = {subject, sizeof(subject) - 1},
                             .names = names,
                             .name_count = 1};
    r.certificate = &shown;
    r.auth[0].look = look_at_certificate;
    rig_ask(&r, RIG_GOOD);
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 1);
    r.auth[0].auth_ops.wants = CMP_AUTH_CERTIFICATE;
    ask_in_every_way(&r.auth[0], RIG_GOOD, saw_the_certificate);
    /* The connection ends, and all of it with it. */
    r.auth[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    memset(subject, 'X', sizeof(subject));
    memset(&shown, 0, sizeof(shown));
    memset(names, 0, sizeof(names));
    look_at_certificate(&r.auth[0], r.auth[0].op);
    saw_the_certificate();
    rig_complete(&r.auth[0]);
    r.auth[0].how = RIG_AT_ONCE;
    r.certificate = NULL;
    rig_ask(&r, RIG_GOOD);
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 1);
}

/* ---- parameters that are taken ---- */

#define WITH_TOKEN RIG_GOOD "&x=1&access_token=secret&y=2"

static void take_token(rig_plugin *p, cmp_op op)
{
    see(p->host->txn_consume(p->host, op, "access_token"));
}

static char left[1024]; /* what the store sees of the contextual parameters */

static void look_at_contextual(rig_plugin *p, cmp_op op)
{
    const cmp_pair *pair;
    left[0] = '\0';
    for (size_t i = 0; (pair = p->host->txn_contextual(p->host, op, i)) != NULL; i++) {
        snprintf(left + strlen(left), sizeof(left) - strlen(left), "%.*s=%.*s ",
                 (int)pair->name.size, pair->name.at, (int)pair->value.size, pair->value.at);
    }
}

static void token_was_taken(void)
{
    assert_string_equal(seen, "secret");
    assert_string_equal(left, "x=1 y=2 ");
}

static void who_accepts_keeps_what_it_took(void **state)
{
    (void)state;
    r.auth[0].look = take_token;
    r.stores[0].look = look_at_contextual;
    ask_in_every_way(&r.auth[0], WITH_TOKEN, token_was_taken);
    rig_ask(&r, RIG_GOOD "&x=1");
    assert_string_equal(seen, "-");
    assert_string_equal(left, "x=1 ");
}

static void who_abstains_has_taken_nothing(void **state)
{
    (void)state;
    rig_use(&r, 2, 1, 0);
    r.auth[0].verdict = CMP_AUTH_ABSTAIN;
    r.auth[0].look = take_token;
    r.stores[0].look = look_at_contextual;
    rig_ask(&r, WITH_TOKEN);
    assert_string_equal(seen, "secret");
    assert_string_equal(left, "x=1 access_token=secret y=2 ");
}

static void only_verify_takes(void **state)
{
    (void)state;
    r.stores[0].look = take_token;
    rig_ask(&r, WITH_TOKEN);
    assert_string_equal(seen, "-");
    assert_int_equal(misuses(), 1);
}

/* It comes again, with the token that is valid by then. */
static void a_retransmission_may_have_another_token(void **state)
{
    (void)state;
    r.auth[0].look = take_token;
    r.auth[0].auth.once = CMP_ONCE_IDENTICAL;
    rig_ask(&r, RIG_GOOD "&x=1&access_token=first");
    assert_int_equal(r.status, 404);
    rig_ask(&r, RIG_GOOD "&x=1&access_token=second");
    assert_int_equal(r.status, 404);
    rig_ask(&r, RIG_GOOD "&x=2&access_token=second");
    assert_int_equal(r.status, 409);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_field_that_was_asked_for_is_shown),
        TEST(a_field_of_another_plugin_is_not),
        TEST(what_waits_has_fields_of_its_own),
        TEST(a_certificate_is_shown_to_who_wants_it),
        TEST(who_accepts_keeps_what_it_took),
        TEST(who_abstains_has_taken_nothing),
        TEST(only_verify_takes),
        TEST(a_retransmission_may_have_another_token),
    };
    pipeline_setup(); /* its counters, so that they are not those of the plugins */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
