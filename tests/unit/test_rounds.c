/* SPDX-License-Identifier: Apache-2.0 */
/* http/rounds.c: how much is done in one turn of the loop, and that all have their turn. */
#include "http/rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    CONNECTIONS = 3000,
    LISTED = 1000,      /* of these libh2o has */
    ACTS_A_TURN = 64,   /* somewhat more than is meant: it is one group too late */
    LOOKS_A_TURN = 1100 /* the same */
};

/* What libh2o has of a connection, as far as it matters: a list goes through it. */
typedef struct fake_h2 {
    h2o_conn_t conn;
    h2o_socket_t *socket;
    h2o_linklist_t link;
} fake_h2;

typedef struct fixture {
    server_worker sw;
    worker worker;
    connection connections[CONNECTIONS];
    fake_h2 h2[LISTED];
    h2o_socket_t sockets[LISTED];
    unsigned visits[CONNECTIONS];
    unsigned acts_each; /* that a visit takes */
    unsigned visited;   /* in this turn */
    unsigned requests;  /* connections of which libh2o was asked for requests */
    unsigned rounds;    /* that have ended */
} fixture;

static fixture *here;

static h2o_socket_t *socket_of(h2o_conn_t *conn)
{
    return ((fake_h2 *)conn)->socket;
}

static const h2o_conn_callbacks_t conn_callbacks = {.get_socket = socket_of};

static int each_request(h2o_context_t *context, int (*visit)(h2o_req_t *req, void *arg), void *arg)
{
    (void)visit, (void)arg;
    for (const h2o_linklist_t *one = context->http2._conns.next; one != &context->http2._conns;
         one = one->next) {
        here->requests++;
    }
    return 0;
}

static void nothing(server_worker *sw)
{
    (void)sw;
}

static void visit_begin(connection *c)
{
    c->streams = 0;
}

static int on_request(h2o_req_t *req, void *sw)
{
    (void)req, (void)sw;
    return 0;
}

static void visit(connection *c, bool listed)
{
    assert_int_equal(listed, c - here->connections < LISTED);
    here->visits[c - here->connections]++;
    here->visited++;
    here->sw.rounds.acts += here->acts_each;
}

static void on_end(server_worker *sw)
{
    (void)sw;
    here->rounds++;
}

static uint64_t no_pause(server_worker *sw)
{
    (void)sw;
    return 0;
}

static const rounds_work work = {
    .begin = nothing,
    .visit_begin = visit_begin,
    .request = on_request,
    .visit = visit,
    .end = on_end,
    .pause_ms = no_pause,
};

static int set_up(void **state)
{
    fixture *f = here = calloc(1, sizeof(*f));
    f->worker.loop = loop_create();
    f->sw.worker = &f->worker;
    f->sw.config.http2.callbacks.foreach_request = each_request;
    f->sw.listed_at = offsetof(fake_h2, link);
    h2o_linklist_init_anchor(&f->sw.context.http2._conns);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        connection *c = &f->connections[i];
        c->sw = &f->sw;
        c->next = f->sw.connections;
        f->sw.connections = c;
        if (i < LISTED) {
            f->sockets[i].on_close.data = c;
            f->h2[i].conn.callbacks = &conn_callbacks;
            f->h2[i].socket = &f->sockets[i];
            h2o_linklist_insert(&f->sw.context.http2._conns, &f->h2[i].link);
        }
    }
    rounds_start(&f->sw, &work);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    rounds_stop(&f->sw);
    loop_destroy(&f->worker.loop);
    free(f);
    return 0;
}

/* The turns that a round takes, in none of which more than so many were visited. */
static unsigned turn_a_round(fixture *f, unsigned most)
{
    const unsigned rounds = f->rounds;
    unsigned turns = 0;
    for (; f->rounds == rounds; turns++) {
        f->visited = 0;
        loop_turn(f->worker.loop);
        assert_true(f->visited <= most);
    }
    return turns;
}

static void assert_all_visited(const fixture *f, unsigned times)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(f->visits[i], times);
    }
}

static void all_are_looked_at_once_in_each_round(void **state)
{
    fixture *f = *state;
    turn_a_round(f, LOOKS_A_TURN);
    assert_all_visited(f, 1);
    assert_int_equal(f->requests, LISTED);
    turn_a_round(f, LOOKS_A_TURN);
    assert_all_visited(f, 2);
}

static void what_takes_longer_is_done_for_fewer_at_a_time(void **state)
{
    fixture *f = *state;
    f->acts_each = 1;
    assert_true(turn_a_round(f, ACTS_A_TURN) >= CONNECTIONS / ACTS_A_TURN);
    assert_all_visited(f, 1);
}

static void a_new_round_begins_with_the_first(void **state)
{
    fixture *f = *state;
    f->acts_each = 1;
    for (int i = 0; i < 10; i++) {
        loop_turn(f->worker.loop);
    }
    f->acts_each = 0;
    rounds_begin(&f->sw);
    turn_a_round(f, LOOKS_A_TURN);
    unsigned twice = 0;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_true(f->visits[i] >= 1);
        twice += f->visits[i] == 2;
    }
    assert_true(twice > 0 && twice < CONNECTIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_looked_at_once_in_each_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_takes_longer_is_done_for_fewer_at_a_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_round_begins_with_the_first, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
