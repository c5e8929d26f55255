/* SPDX-License-Identifier: Apache-2.0 */
/* http/gate.c: shares, what is in common, and that all comes back. */
#include "http/gate.h"

#include <pthread.h>

#include "scratch.h"

/* Limits of 10, and listeners. */
static conf *with(const char *listeners)
{
    cmp_report report;
    char text[1024];
    report_init(&report);
    snprintf(text, sizeof(text), "resolve: {stores: []}\nlimits: {connections: 10}\nlisteners:\n%s",
             listeners);
    scratch_write("c.yaml", text);
    conf *c = conf_load("c.yaml", &report);
    assert_report(&report, "");
    report_dispose(&report);
    return c;
}

/* Three listeners with shares of 2, 3 and 0, out of 10. */
static conf *three(void)
{
    return with("  - {name: a, bind: '*:1', interfaces: mc-1, connections: 2}\n"
                "  - {name: b, bind: '*:2', interfaces: mc-1, connections: 3}\n"
                "  - {name: c, bind: '*:3', interfaces: mc-1}\n");
}

/* Gates of theirs, and a share of each. */
typedef struct fixture {
    gates *all;
    gate *a, *b, *none, *admin;
} fixture;

static fixture open_three(int64_t connections)
{
    conf *c = three();
    fixture f = {.all = gates_create()};
    gates_configure(f.all, c, connections);
    f.a = gate_ref(f.all, "a");
    f.b = gate_ref(f.all, "b");
    f.none = gate_ref(f.all, "c");
    f.admin = gate_ref_admin(f.all);
    conf_destroy(&c);
    return f;
}

static void close_all(fixture *f)
{
    gate_unref(&f->a);
    gate_unref(&f->b);
    gate_unref(&f->none);
    gate_unref(&f->admin);
    gates_destroy(&f->all);
    assert_null(f->all);
}

static void reconfigure(const fixture *f, const char *listeners, int64_t connections)
{
    conf *c = with(listeners);
    gates_configure(f->all, c, connections);
    conf_destroy(&c);
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
    fixture f = open_three(10);
    /* Whoever comes first gets what is in common, and the others still have their own. */
    assert_int_equal(enter_all(f.none), 5);
    assert_int_equal(enter_all(f.a), 2);
    assert_int_equal(enter_all(f.b), 3);
    assert_int_equal(enter_all(f.admin), 16);
    leave(f.none, 1);
    assert_int_equal(enter_all(f.a), 1);
    assert_int_equal(enter_all(f.none), 0);
    /* Of those beyond a share, the first to leave gives back one in common. */
    leave(f.a, 1);
    assert_int_equal(enter_all(f.b), 1);
    leave(f.b, 1);
    leave(f.b, 3);
    assert_int_equal(enter_all(f.none), 1);
    assert_int_equal(enter_all(f.a), 0);
    assert_int_equal(enter_all(f.b), 3);
    leave(f.admin, 1);
    assert_int_equal(enter_all(f.admin), 1);
    close_all(&f);
}

/* With fewer than were asked for, shares shrink with them. */
static void fewer_than_asked_for(void **state)
{
    (void)state;
    fixture f = open_three(5);
    assert_int_equal(enter_all(f.none), 3);
    assert_int_equal(enter_all(f.a), 1);
    assert_int_equal(enter_all(f.b), 1);
    close_all(&f);
}

typedef struct states {
    gate_state at[8];
    char names[8][16];
    size_t count;
} states;

static void on_state(const gate_state *s, void *arg)
{
    states *all = arg;
    snprintf(all->names[all->count], sizeof(all->names[0]), "%s", s->listener);
    all->at[all->count++] = *s;
}

static states states_of(const fixture *f)
{
    states all = {.count = 0};
    gates_each(f->all, on_state, &all);
    return all;
}

static void stages_are_counted(void **state)
{
    (void)state;
    fixture f = open_three(10);
    assert_true(gate_enter(f.b) && gate_enter(f.b));
    gate_move(f.b, GATE_HEADER, GATE_OPEN);
    const states then = states_of(&f);
    assert_int_equal(then.count, 4);
    assert_string_equal(then.names[1], "b");
    assert_int_equal(then.at[1].share, 3);
    assert_int_equal(then.at[1].stages[GATE_HEADER], 1);
    assert_int_equal(then.at[1].stages[GATE_OPEN], 1);
    gate_leave(f.b, GATE_OPEN);
    gate_leave(f.b, GATE_HEADER);
    assert_int_equal(states_of(&f).at[1].stages[GATE_OPEN], 0);
    assert_string_equal(then.names[3], "admin");
    close_all(&f);
}

/* Whose name stays keeps its connections, and who has more than its new share has them of what is
 * in common. */
static void another_configuration(void **state)
{
    (void)state;
    fixture f = open_three(10);
    assert_int_equal(enter_all(f.b), 8); /* 5 of them in common */
    const sources *of_b = gate_sources(f.b);
    reconfigure(&f,
                "  - {name: d, bind: '*:4', interfaces: mc-1, connections: 1}\n"
                "  - {name: b, bind: '*:2', interfaces: mc-1, connections: 5}\n",
                10);
    assert_ptr_equal(gate_sources(f.b), of_b);
    /* 1 and 5 are kept, and of the 4 in common b has 3. */
    gate *d = gate_ref(f.all, "d");
    assert_int_equal(enter_all(d), 2);
    leave(f.b, 3);
    assert_int_equal(enter_all(f.b), 3);
    leave(f.b, 8);
    assert_int_equal(enter_all(f.b), 8);
    gate_unref(&d);
    close_all(&f);
}

/* A gate whose listener is gone goes with the last who uses it. */
static void a_listener_that_is_gone(void **state)
{
    (void)state;
    fixture f = open_three(10);
    assert_true(gate_enter(f.a) && gate_enter(f.a));
    reconfigure(&f, "  - {name: b, bind: '*:2', interfaces: mc-1, connections: 3}\n", 10);
    const states then = states_of(&f);
    assert_int_equal(then.count, 4);
    assert_string_equal(then.names[0], "b");
    assert_string_equal(then.names[3], "admin");
    assert_int_equal(then.at[1].share + then.at[2].share, 0);
    /* Its two are of the seven in common. */
    assert_int_equal(enter_all(f.b), 8);
    leave(f.a, 2);
    assert_int_equal(enter_all(f.b), 2);
    gate_unref(&f.a);
    assert_int_equal(states_of(&f).count, 3);
    /* It may come back, and whoever comes late for what is gone finds it as well. */
    f.a = gate_ref(f.all, "a");
    assert_null(gate_sources(f.a));
    conf *c = three();
    gates_configure(f.all, c, 10);
    conf_destroy(&c);
    gate *again = gate_ref(f.all, "a");
    assert_ptr_equal(again, f.a);
    assert_non_null(gate_sources(again));
    gate_unref(&again);
    close_all(&f);
}

static void *come_and_go(void *arg)
{
    const fixture *f = arg;
    for (unsigned i = 0; i < 30000; i++) {
        gate *g = i % 3 == 0 ? f->a : i % 3 == 1 ? f->b : f->none;
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
    fixture f = open_three(10);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &f), 0);
    }
    for (size_t i = 0; i < 100; i++) {
        reconfigure(&f, "  - {name: b, bind: '*:2', interfaces: mc-1, connections: 1}\n",
                    3 + i % 3);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    conf *c = three();
    gates_configure(f.all, c, 10);
    conf_destroy(&c);
    assert_int_equal(enter_all(f.none), 5);
    assert_int_equal(enter_all(f.a), 2);
    assert_int_equal(enter_all(f.b), 3);
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_kept),         cmocka_unit_test(fewer_than_asked_for),
        cmocka_unit_test(stages_are_counted),      cmocka_unit_test(another_configuration),
        cmocka_unit_test(a_listener_that_is_gone), cmocka_unit_test(threads_leave_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
