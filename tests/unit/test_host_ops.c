/* SPDX-License-Identifier: Apache-2.0 */
/* Operations in a host that is no daemon: answers that come later stay when their plugin spoils
 * and frees what it has answered with. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- plugins whose answers the test gives ---- */

static cmp_auth_verdict verify(void *instance, void *worker, cmp_op op, cmp_auth_answer *answer)
{
    (void)instance, (void)worker, (void)op, (void)answer;
    return CMP_AUTH_PENDING;
}

static cmp_sign_verdict sign(void *instance, void *worker, const cmp_outgoing *outgoing, cmp_op op,
                             cmp_signature *signature)
{
    (void)instance, (void)worker, (void)outgoing, (void)op, (void)signature;
    return CMP_SIGN_PENDING;
}

static cmp_store_verdict lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                cmp_record *record)
{
    (void)instance, (void)worker, (void)ici, (void)op, (void)record;
    return CMP_STORE_PENDING;
}

static cmp_route_verdict route(void *instance, void *worker, cmp_route_reason reason,
                               cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)instance, (void)worker, (void)reason, (void)target, (void)op, (void)answer;
    return CMP_ROUTE_PENDING;
}

static void cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)instance, (void)worker, (void)op, (void)data;
}

static void *create(const cmp_host *host, const void *options, void *previous, cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    return (void *)(uintptr_t)host;
}

static void destroy(void *instance)
{
    (void)instance;
}

static const cmp_auth_ops auth_ops = {.size = sizeof(auth_ops),
                                      .verify = verify,
                                      .sign = sign,
                                      .cancel = cancel};
static const cmp_store_ops store_ops = {.size = sizeof(store_ops),
                                        .lookup = lookup,
                                        .cancel = cancel};
static const cmp_route_ops route_ops = {.size = sizeof(route_ops),
                                        .route = route,
                                        .cancel = cancel};

static cmp_test *opened(cmp_plugin_kind kind)
{
    cmp_plugin plugin = {CMP_PLUGIN_ABI,     .name = "later",  .kind = kind,      .version = "1",
                         .summary = "later", .create = create, .destroy = destroy};
    switch (kind) {
    case CMP_PLUGIN_AUTH:
        plugin.ops.auth = &auth_ops;
        break;
    case CMP_PLUGIN_STORE:
        plugin.ops.store = &store_ops;
        break;
    default:
        plugin.ops.route = &route_ops;
        break;
    }
    cmp_test *t = cmp_test_create();
    if (!cmp_test_open(t, &plugin, NULL)) {
        fail_msg("%s", cmp_test_report(t));
    }
    return t;
}

/* ---- octets that are spoilt ---- */

static struct {
    void *at[32];
    size_t size[32], count;
} lent;

static void *lend(const void *from, size_t size)
{
    void *at = malloc(size);
    assert_non_null(at);
    assert_true(lent.count < 32);
    lent.at[lent.count] = memcpy(at, from, size);
    lent.size[lent.count++] = size;
    return at;
}

static cmp_str say(const char *text)
{
    return (cmp_str){lend(text, strlen(text)), strlen(text)};
}

static void spoil(void)
{
    for (size_t i = 0; i < lent.count; i++) {
        memset(lent.at[i], '#', lent.size[i]);
        free(lent.at[i]);
    }
    lent.count = 0;
}

static void expect(cmp_str text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

/* ---- what stays ---- */

static void lend_record(cmp_record *to)
{
    const cmp_condition conditions[] = {{say("language"), say("de")}, {say("shop"), say("7")}};
    const cmp_variant variants[] = {{.content = say("https://example.org/de"),
                                     .content_type = say("uri"),
                                     .conditions = lend(conditions, sizeof(conditions)),
                                     .condition_count = 2}};
    *to = CMP_RECORD_INIT;
    to->content = say("something");
    to->content_type = say("text");
    to->ttl_s = 7;
    to->variants = lend(variants, sizeof(variants));
    to->variant_count = 1;
}

static void expect_record(const cmp_record *record)
{
    expect(record->content, "something");
    expect(record->content_type, "text");
    assert_null(record->transferred_to.at);
    assert_int_equal(record->ttl_s, 7);
    assert_int_equal(record->variant_count, 1);
    const cmp_variant *v = record->variants;
    expect(v->content, "https://example.org/de");
    expect(v->content_type, "uri");
    assert_int_equal(v->condition_count, 2);
    expect(v->conditions[0].name, "language");
    expect(v->conditions[0].value, "de");
    expect(v->conditions[1].name, "shop");
    expect(v->conditions[1].value, "7");
}

static void a_record_stays(void **state)
{
    (void)state;
    cmp_test *t = opened(CMP_PLUGIN_STORE);
    cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
    cmp_record record;
    lend_record(&record);
    cmp_store_complete(cmp_test_host(t), cmp_test_handle(op), CMP_STORE_FOUND, &record);
    spoil();
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_FOUND);
    expect_record(cmp_test_record(op));
    cmp_test_end(&op);

    op = cmp_test_lookup(t, "A-1", NULL);
    record = CMP_RECORD_INIT;
    record.transferred_to = say("c.example.net");
    record.content_type = (cmp_str){(const char *)1, 7}; /* nothing may look at it */
    cmp_store_complete(cmp_test_host(t), cmp_test_handle(op), CMP_STORE_FOUND, &record);
    spoil();
    expect(cmp_test_record(op)->transferred_to, "c.example.net");
    assert_null(cmp_test_record(op)->content_type.at);
    cmp_test_end(&op);
    cmp_test_destroy(&t);
}

static void who_has_sent_it_stays(void **state)
{
    (void)state;
    static const struct {
        cmp_auth_verdict verdict;
        bool peer, credential;
    } cases[] = {{CMP_AUTH_ACCEPT, true, true},
                 {CMP_AUTH_ABSTAIN, true, false},
                 {CMP_AUTH_REJECT, false, false},
                 {CMP_AUTH_UNAVAILABLE, false, false}};
    cmp_test *t = opened(CMP_PLUGIN_AUTH);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const cmp_str wild = {(const char *)1, 7}; /* nothing may look at it */
        cmp_test_op *op = cmp_test_verify(t, NULL);
        const cmp_auth_answer answer = {
            .peer = cases[i].peer ? say("b") : wild,
            .credential = cases[i].credential ? say("key-1") : wild,
            .reason = "none",
        };
        cmp_auth_complete(cmp_test_host(t), cmp_test_handle(op), cases[i].verdict, &answer);
        spoil();
        assert_int_equal(cmp_test_verdict(op), cases[i].verdict);
        expect(cmp_test_auth(op)->peer, cases[i].peer ? "b" : "");
        expect(cmp_test_auth(op)->credential, cases[i].credential ? "key-1" : "");
        assert_string_equal(cmp_test_auth(op)->reason, "none");
        cmp_test_end(&op);
    }
    cmp_test_destroy(&t);
}

static void a_signature_stays(void **state)
{
    (void)state;
    cmp_test *t = opened(CMP_PLUGIN_AUTH);
    cmp_test_op *op = cmp_test_sign(t, "b", "tid", "A-1");
    const cmp_pair headers[] = {{say("authorization"), say("Bearer x")}};
    cmp_signature signature = {.apikeyid = say("key-1"),
                               .text = "c0ffee",
                               .size = 6,
                               .headers = lend(headers, sizeof(headers)),
                               .header_count = 1};
    cmp_sign_complete(cmp_test_host(t), cmp_test_handle(op), CMP_SIGN_DONE, &signature);
    spoil();
    const cmp_signature *got = cmp_test_signature(op);
    expect(got->apikeyid, "key-1");
    expect((cmp_str){got->text, got->size}, "c0ffee");
    assert_int_equal(got->header_count, 1);
    expect(got->headers[0].name, "authorization");
    expect(got->headers[0].value, "Bearer x");
    cmp_test_end(&op);

    op = cmp_test_sign(t, "b", "tid", "A-1");
    signature = (cmp_signature){.headers = (const cmp_pair *)8, .header_count = 1000};
    cmp_sign_complete(cmp_test_host(t), cmp_test_handle(op), CMP_SIGN_NO_KEY, &signature);
    assert_int_equal(cmp_test_signature(op)->header_count, 0);
    cmp_test_end(&op);
    cmp_test_destroy(&t);
}

static void a_way_stays(void **state)
{
    (void)state;
    cmp_test *t = opened(CMP_PLUGIN_ROUTE);
    cmp_record record;
    const cmp_str wild = {(const char *)1, 7}; /* nothing may look at it */

    cmp_test_op *op = cmp_test_route(t, CMP_ROUTE_ABSENT, NULL, NULL);
    cmp_route_answer answer = {.peer = say("c"), .addr = say("d.example.net"), .prefix = wild};
    cmp_route_complete(cmp_test_host(t), cmp_test_handle(op), CMP_ROUTE_FORWARD, &answer);
    spoil();
    expect(cmp_test_routed(op)->peer, "c");
    expect(cmp_test_routed(op)->addr, "d.example.net");
    assert_null(cmp_test_routed(op)->prefix.at);
    cmp_test_end(&op);

    op = cmp_test_route(t, CMP_ROUTE_ABSENT, NULL, NULL);
    answer = (cmp_route_answer){.peer = wild, .addr = say("d.example.net"), .prefix = say("1A0F1")};
    cmp_route_complete(cmp_test_host(t), cmp_test_handle(op), CMP_ROUTE_REFERRAL, &answer);
    spoil();
    expect(cmp_test_routed(op)->addr, "d.example.net");
    expect(cmp_test_routed(op)->prefix, "1A0F1");
    assert_null(cmp_test_routed(op)->peer.at);
    cmp_test_end(&op);

    op = cmp_test_route(t, CMP_ROUTE_ABSENT, NULL, NULL);
    lend_record(&record);
    answer = (cmp_route_answer){.addr = wild, .record = lend(&record, sizeof(record))};
    cmp_route_complete(cmp_test_host(t), cmp_test_handle(op), CMP_ROUTE_ANSWER, &answer);
    spoil();
    expect_record(cmp_test_routed(op)->record);
    assert_null(cmp_test_routed(op)->addr.at);
    cmp_test_end(&op);

    op = cmp_test_route(t, CMP_ROUTE_ABSENT, NULL, NULL);
    answer = (cmp_route_answer){.record = (const cmp_record *)8};
    cmp_route_complete(cmp_test_host(t), cmp_test_handle(op), CMP_ROUTE_DECLINE, &answer);
    assert_null(cmp_test_routed(op)->record);
    cmp_test_end(&op);
    cmp_test_destroy(&t);
}

/* ---- handles ---- */

/* Otherwise a handle that was kept would stand for another operation than it was given for. */
static void no_two_operations_have_one_handle(void **state)
{
    (void)state;
    cmp_test *t = opened(CMP_PLUGIN_STORE);
    cmp_op before = CMP_OP_NONE;
    for (unsigned i = 0; i < 6; i++) {
        cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
        const cmp_op now = cmp_test_handle(op);
        assert_int_equal(now.worker, 1);
        assert_true(now.generation > before.generation);
        before = now;
        cmp_store_complete(cmp_test_host(t), now, CMP_STORE_ABSENT, NULL);
        cmp_test_end(&op);
        if (i % 2 == 1) {
            cmp_test_worker_restart(t);
        }
    }
    cmp_test_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_stays),
        cmocka_unit_test(who_has_sent_it_stays),
        cmocka_unit_test(a_signature_stays),
        cmocka_unit_test(a_way_stays),
        cmocka_unit_test(no_two_operations_have_one_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
