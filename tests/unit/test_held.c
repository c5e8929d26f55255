/* SPDX-License-Identifier: Apache-2.0 */
/* http/held.c: how much may lie here, and whose end it is when it is more. */
#include "http/held.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONNECTIONS_MAX = 40 };

/* Bounds of 100 octets for a connection, 150 for a source, 400 for all. */
typedef struct fixture {
    server_worker worker;
    connection connections[CONNECTIONS_MAX];
    size_t count;
    bool still; /* too much, after the last look */
} fixture;

static unsigned ended_for_source;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->worker.limits.request_max = 1000;
    f->worker.limits.held_connection_max = 100;
    f->worker.limits.held_source_max = 150;
    f->worker.limits.held_max = 400;
    ended_for_source = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* One of HTTP/2, from 192.0.2.NUMBER. */
static connection *open_from(fixture *f, uint8_t number)
{
    connection *c = &f->connections[f->count++];
    const uint8_t source[16] = {[10] = 0xFF, 0xFF, 192, 0, 2, number};
    c->sw = &f->worker;
    c->metered = (metered *)f; /* it is not looked into */
    c->next = f->worker.connections;
    f->worker.connections = c;
    memcpy(c->source, source, sizeof(source));
    held_source_known(c);
    return c;
}

static bool answered(connection *c, size_t octets)
{
    c->untaken += octets;
    return held_add(c, octets);
}

static void end(connection *c, bool source)
{
    assert_false(c->cut);
    c->cut = true;
    ended_for_source += source;
}

static void look(fixture *f)
{
    f->still = held_look(&f->worker, end);
}

static void a_connection_alone(void **state)
{
    fixture *f = *state;
    connection *a = open_from(f, 1), *b = open_from(f, 2);
    assert_false(answered(a, 100));
    assert_false(answered(b, 100));
    look(f);
    assert_false(a->cut || b->cut);
    assert_false(answered(a, 1)); /* too little has come since the look */
    assert_true(answered(a, 5));
    look(f);
    assert_true(a->cut);
    assert_false(b->cut);
    assert_int_equal(ended_for_source, 0);
    assert_int_equal(f->worker.held.all, 100);
}

static void what_has_gone_is_not_counted(void **state)
{
    fixture *f = *state;
    connection *c = open_from(f, 1);
    for (int i = 0; i < 10; i++) {
        c->received += 60;
        assert_false(held_add(c, 60));
        c->received += 60;
        assert_true(held_add(c, 60));
        c->unfinished = 0; /* all of its requests are whole */
        look(f);
        assert_int_equal(c->received, 0);
        assert_int_equal(f->worker.held.all, 0);
    }
    assert_false(c->cut);
}

static void many_connections_of_one_source(void **state)
{
    fixture *f = *state;
    connection *other = open_from(f, 2);
    assert_false(answered(other, 90)); /* more than any of those below */
    for (int i = 0; i < 15; i++) {
        assert_false(answered(open_from(f, 1), 10));
    }
    connection *most = open_from(f, 1);
    assert_true(answered(most, 20));
    look(f);
    assert_true(most->cut);
    assert_false(other->cut);
    assert_int_equal(ended_for_source, 1);
    for (int i = 0; i < 10; i++) {
        (void)answered(open_from(f, 1), 10);
    }
    look(f);
    assert_int_equal(ended_for_source, 11);
    assert_false(other->cut);
}

static void sources_together(void **state)
{
    fixture *f = *state;
    connection *most = NULL;
    for (uint8_t i = 0; i < 5; i++) {
        connection *c = open_from(f, i);
        (void)answered(c, i == 2 ? 90 : 80);
        most = i == 2 ? c : most;
    }
    assert_true(answered(open_from(f, 9), 7));
    look(f);
    assert_true(most->cut);
    assert_int_equal(ended_for_source, 0);
    assert_int_equal(f->worker.held.all, 327);
}

static void a_balancer_is_no_source(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        connection *c = open_from(f, 1);
        c->source_held = NULL;
        assert_false(answered(c, 40));
    }
    look(f);
    for (size_t i = 0; i < f->count; i++) {
        assert_false(f->connections[i].cut);
    }
    assert_int_equal(f->worker.held.all, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_gone_is_not_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_connections_of_one_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sources_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_balancer_is_no_source, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
