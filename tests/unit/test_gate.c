/* SPDX-License-Identifier: Apache-2.0 */
/* http/gate.c: shares, what is in common, and that all comes back. */
#include "http/gate.h"

#include <pthread.h>

#include "scratch.h"

/* Three listeners with shares of 2, 3 and 0, out of 10. */
static conf *three(void)
{
    cmp_report report;
    report_init(&report);
    scratch_write("c.yaml", "resolve: {stores: []}\nlimits: {connections: 10}\nlisteners:\n"
                            "  - {name: a, bind: '*:1', interfaces: mc-1, connections: 2}\n"
                            "  - {name: b, bind: '*:2', interfaces: mc-1, connections: 3}\n"
                            "  - {name: c, bind: '*:3', interfaces: mc-1}\n");
    conf *c = conf_load("c.yaml", &report);
    assert_report(&report, "");
    report_dispose(&report);
    return c;
}

static unsigned enter_all(gate *g)
{
    unsigned entered = 0;
    while (entered < 1000 && gate_enter(g)) {
        entered++;
    }
    return entered;
}

static void leave(gate *g, unsigned times)
{
    while (times-- > 0) {
        gate_leave(g, GATE_HEADER);
    }
}

static void shares_are_kept(void **state)
{
    (void)state;
    conf *c = three();
    gates *all = gates_create(c, 10);
    gate *a = gates_listener(all, 0), *b = gates_listener(all, 1), *none = gates_listener(all, 2);
    /* Whoever comes first gets what is in common, and the others still have their own. */
    assert_int_equal(enter_all(none), 5);
    assert_int_equal(enter_all(a), 2);
    assert_int_equal(enter_all(b), 3);
    assert_int_equal(enter_all(gates_admin(all)), 16);
    leave(none, 1);
    assert_int_equal(enter_all(a), 1);
    assert_int_equal(enter_all(none), 0);
    /* Of those beyond a share, the first to leave gives back one in common. */
    leave(a, 1);
    assert_int_equal(enter_all(b), 1);
    leave(b, 1);
    leave(b, 3);
    assert_int_equal(enter_all(none), 1);
    assert_int_equal(enter_all(a), 0);
    assert_int_equal(enter_all(b), 3);
    leave(gates_admin(all), 1);
    assert_int_equal(enter_all(gates_admin(all)), 1);
    gates_destroy(&all);
    assert_null(all);
    conf_destroy(&c);
}

/* With fewer than were asked for, shares shrink with them. */
static void fewer_than_asked_for(void **state)
{
    (void)state;
    conf *c = three();
    gates *all = gates_create(c, 5);
    assert_int_equal(enter_all(gates_listener(all, 2)), 3);
    assert_int_equal(enter_all(gates_listener(all, 0)), 1);
    assert_int_equal(enter_all(gates_listener(all, 1)), 1);
    gates_destroy(&all);
    conf_destroy(&c);
}

static void stages_are_counted(void **state)
{
    (void)state;
    conf *c = three();
    gates *all = gates_create(c, 10);
    gate *b = gates_listener(all, 1);
    assert_int_equal(gates_count(all), 4);
    assert_true(gate_enter(b) && gate_enter(b));
    gate_move(b, GATE_HEADER, GATE_OPEN);
    const gate_state s = gates_state(all, 1);
    assert_string_equal(s.listener, "b");
    assert_int_equal(s.share, 3);
    assert_int_equal(s.stages[GATE_HEADER], 1);
    assert_int_equal(s.stages[GATE_OPEN], 1);
    gate_leave(b, GATE_OPEN);
    gate_leave(b, GATE_HEADER);
    assert_int_equal(gates_state(all, 1).stages[GATE_OPEN], 0);
    assert_string_equal(gates_state(all, 3).listener, "admin");
    gates_destroy(&all);
    conf_destroy(&c);
}

static void *come_and_go(void *arg)
{
    gates *all = arg;
    for (unsigned i = 0; i < 30000; i++) {
        gate *g = gates_listener(all, i % 3);
        if (gate_enter(g)) {
            gate_move(g, GATE_HEADER, GATE_OPEN);
            gate_leave(g, GATE_OPEN);
        }
    }
    return NULL;
}

static void threads_leave_nothing(void **state)
{
    (void)state;
    conf *c = three();
    gates *all = gates_create(c, 10);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, all), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(enter_all(gates_listener(all, 2)), 5);
    assert_int_equal(enter_all(gates_listener(all, 0)), 2);
    assert_int_equal(enter_all(gates_listener(all, 1)), 3);
    gates_destroy(&all);
    conf_destroy(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(fewer_than_asked_for),
        cmocka_unit_test(stages_are_counted),
        cmocka_unit_test(threads_leave_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
