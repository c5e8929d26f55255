/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of operations: for whom they are good, where, and for how long. */
#include "observe/counters.h"
#include "pipeline/ask.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static cmp_plugin plugin = {.name = "store_fake", .kind = CMP_PLUGIN_STORE};
static instance one, other;
static desk d;

static uint64_t stale(const instance *i)
{
    return counter_read(i->stale_operations);
}

static void instance_init(instance *i, const char *name)
{
    *i = (instance){.plugin = &plugin, .name = name};
    i->host.core = i;
    instance_count_begin(i);
}

static int set_up(void **state)
{
    (void)state;
    instance_init(&one, "one");
    instance_init(&other, "other");
    d = (desk){.worker = 3};
    desk_enter(&d);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    desk_dispose(&d);
    return 0;
}

/* As if `one` had been asked and had not answered yet. */
static ask *asked(void)
{
    ask *a = desk_take(&d);
    desk_renew(&d, a);
    a->instance = &one;
    a->state = ASK_WAITING;
    return a;
}

static void expect_stale(const instance *caller, cmp_op op)
{
    const uint64_t before = stale(caller);
    assert_null(desk_find(&caller->host, op, "complete"));
    assert_int_equal(stale(caller), before + 1);
}

static void a_handle_finds_its_operation(void **state)
{
    (void)state;
    ask *all[200];
    for (size_t i = 0; i < 200; i++) { /* several slabs */
        all[i] = asked();
    }
    for (size_t i = 0; i < 200; i++) {
        assert_ptr_equal(desk_find(&one.host, all[i]->op, "complete"), all[i]);
        desk_give(&d, all[i]);
    }
    assert_int_equal(stale(&one), 0);
}

static void it_is_stale_when_the_operation_is_over(void **state)
{
    (void)state;
    ask *a = asked();
    const cmp_op op = a->op;
    a->state = ASK_DONE;
    expect_stale(&one, op);
    a->state = ASK_IDLE;
    expect_stale(&one, op);
    desk_renew(&d, a); /* the next plugin of the same request */
    a->state = ASK_WAITING;
    expect_stale(&one, op);
    desk_give(&d, a);
    ask *again = asked(); /* another request, in the same slot */
    assert_ptr_equal(again, a);
    expect_stale(&one, op);
    assert_ptr_equal(desk_find(&one.host, again->op, "complete"), again);
}

static void it_is_stale_for_another_instance(void **state)
{
    (void)state;
    const uint64_t before = stale(&one);
    expect_stale(&other, asked()->op);
    assert_int_equal(stale(&one), before); /* named is who called */
}

static void what_was_made_up_finds_nothing(void **state)
{
    (void)state;
    const cmp_op op = asked()->op;
    expect_stale(&one, CMP_OP_NONE);
    expect_stale(&one, (cmp_op){op.worker, op.slot, op.generation + 1});
    expect_stale(&one, (cmp_op){op.worker, op.slot + 1, op.generation});
    expect_stale(&one, (cmp_op){op.worker, UINT32_MAX, op.generation});
    expect_stale(&one, (cmp_op){op.worker + 1, op.slot, op.generation});
    expect_stale(&one, (cmp_op){UINT32_MAX, UINT32_MAX, UINT64_MAX});
}

static void *elsewhere(void *arg)
{
    const ask *a = arg;
    expect_stale(&one, a->op);
    desk second = {.worker = 3}; /* of the same number, and yet another one */
    desk_enter(&second);
    expect_stale(&one, a->op);
    desk_dispose(&second);
    return NULL;
}

static void it_is_stale_on_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, elsewhere, asked()), 0);
    pthread_join(thread, NULL);
}

static void a_thread_of_the_pool_knows_its_own_alone(void **state)
{
    (void)state;
    ask job = {.instance = &one, .state = ASK_CALLING}, *waiting = asked();
    desk_name_job(&d, &job);
    expect_stale(&one, job.op); /* on the desk's own thread */
    desk_lend_thread(&job);
    assert_ptr_equal(desk_find(&one.host, job.op, "txn_param"), &job);
    expect_stale(&one, waiting->op);
    expect_stale(&other, job.op);
    desk_lend_thread(NULL);
    expect_stale(&one, job.op);
    assert_ptr_equal(desk_find(&one.host, waiting->op, "txn_param"), waiting);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_handle_finds_its_operation),     TEST(it_is_stale_when_the_operation_is_over),
        TEST(it_is_stale_for_another_instance), TEST(what_was_made_up_finds_nothing),
        TEST(it_is_stale_on_another_thread),    TEST(a_thread_of_the_pool_knows_its_own_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
