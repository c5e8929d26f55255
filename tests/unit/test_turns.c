/* SPDX-License-Identifier: Apache-2.0 */
/* http/pace.c: whose request has its turn, and who waits. */
#include "http/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { REQUESTS_MAX = 5000, CONNECTIONS_MAX = 200, OCTETS_A_TURN = 64 * 1024 };

typedef struct fixture {
    server_worker server;
    worker worker;
    connection connections[CONNECTIONS_MAX];
    h2o_req_t requests[REQUESTS_MAX];
    size_t connection_count, request_count, refused_count;
} fixture;

/* Whose requests had their turn, in order. */
static h2o_req_t *done[REQUESTS_MAX];
static size_t done_count;

static void run(h2o_req_t *req)
{
    done[done_count++] = req;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    f->worker.loop = loop_create();
    f->server.worker = &f->worker;
    done_count = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < f->request_count; i++) {
        h2o_mem_clear_pool(&f->requests[i].pool);
    }
    if (f->server.pace.timer != NULL) {
        loop_timer_stop(f->server.pace.timer);
    }
    loop_destroy(&f->worker.loop);
    free(f);
    return 0;
}

/* A connection from 192.0.2.NUMBER; a stranger's, at first. */
static connection *open_from(fixture *f, uint8_t number, bool http2)
{
    connection *c = &f->connections[f->connection_count++];
    const uint8_t source[16] = {[10] = 0xFF, 0xFF, 192, 0, 2, number};
    c->sw = &f->server;
    c->metered = http2 ? (metered *)f : NULL; /* it is not looked into */
    memcpy(c->source, source, sizeof(source));
    return c;
}

/* A request that comes; as front.c does. */
static h2o_req_t *come(fixture *f, connection *c)
{
    h2o_req_t *req = &f->requests[f->request_count++];
    h2o_mem_init_pool(&req->pool);
    switch (pace_take(c, req, run)) {
    case PACE_NOW:
        run(req);
        break;
    case PACE_LATER:
        break;
    case PACE_NEVER:
        f->refused_count++;
        break;
    }
    return req;
}

static void come_often(fixture *f, connection *c, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        come(f, c);
    }
}

/* The end of this turn, and what waits has the next one. */
static void turn(fixture *f)
{
    pace_turn_end(&f->server);
    if (f->server.pace.timer != NULL) {
        loop_turn(f->worker.loop);
    }
}

static void strangers_are_served_so_many_a_turn(void **state)
{
    fixture *f = *state;
    connection *c = open_from(f, 1, true);
    come_often(f, c, 100);
    assert_int_equal(done_count, PACE_STRANGERS);
    assert_int_equal(c->active, 100 - PACE_STRANGERS);
    assert_int_equal(c->waiting, 100 - PACE_STRANGERS);
    turn(f);
    assert_int_equal(done_count, 2 * PACE_STRANGERS);
    turn(f);
    turn(f);
    assert_int_equal(done_count, 100);
    assert_int_equal(c->active, 0);
    for (size_t i = 0; i < done_count; i++) {
        assert_ptr_equal(done[i], &f->requests[i]); /* in their order */
    }
    pace_turn_end(&f->server);
    assert_null(f->server.pace.timer);
}

static void a_partner_does_not_wait(void **state)
{
    fixture *f = *state;
    connection *partner = open_from(f, 2, true);
    partner->partner = true;
    come_often(f, open_from(f, 1, true), 100);
    come_often(f, partner, 100);
    assert_int_equal(done_count, PACE_STRANGERS + 100);
}

/* Whoever asks once is served with the first of those who ask all the time. */
static void each_source_has_its_turn(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < 100; i++) {
        come(f, open_from(f, 1, false));
    }
    const h2o_req_t *second = come(f, open_from(f, 2, false));
    const h2o_req_t *third = come(f, open_from(f, 3, false));
    assert_int_equal(done_count, PACE_STRANGERS);
    pace_turn_end(&f->server);
    come_often(f, open_from(f, 1, true), 1); /* who comes later waits behind them */
    assert_int_equal(done_count, PACE_STRANGERS);
    loop_turn(f->worker.loop);
    assert_int_equal(done_count, 2 * PACE_STRANGERS);
    assert_ptr_equal(done[PACE_STRANGERS + 1], second);
    assert_ptr_equal(done[PACE_STRANGERS + 2], third);
}

static void a_partner_at_the_address_of_strangers(void **state)
{
    fixture *f = *state;
    connection *partner = open_from(f, 1, false);
    come_often(f, open_from(f, 1, true), 100);
    partner->partner = true;
    come_often(f, partner, 3); /* pipelined: two at once */
    assert_int_equal(done_count, PACE_STRANGERS + 2);
    turn(f);
    assert_ptr_equal(done[PACE_STRANGERS + 3], &f->requests[102]);
}

static void pipelined_requests_come_by_twos(void **state)
{
    fixture *f = *state;
    connection *c = open_from(f, 1, false);
    come_often(f, c, 3);
    assert_int_equal(done_count, 2);
    turn(f);
    assert_int_equal(done_count, 3);
}

static void who_was_sent_much_waits(void **state)
{
    fixture *f = *state;
    connection *much = open_from(f, 1, true), *little = open_from(f, 2, true);
    much->partner = little->partner = true;
    pace_spent(much, OCTETS_A_TURN);
    pace_spent(little, OCTETS_A_TURN - 1);
    come(f, much);
    come(f, little);
    assert_int_equal(done_count, 1);
    pace_turn_end(&f->server);
    pace_spent(much, OCTETS_A_TURN); /* an answer that was under way */
    loop_turn(f->worker.loop);
    assert_int_equal(done_count, 1);
    turn(f);
    assert_int_equal(done_count, 2);
}

static void whose_client_goes_leaves(void **state)
{
    fixture *f = *state;
    connection *c = open_from(f, 1, true);
    come_often(f, c, PACE_STRANGERS);
    h2o_req_t *first = come(f, c), *second = come(f, c), *third = come(f, c);
    h2o_mem_clear_pool(&second->pool);
    h2o_mem_clear_pool(&third->pool);
    assert_int_equal(c->active, 1);
    turn(f);
    assert_int_equal(done_count, PACE_STRANGERS + 1);
    assert_ptr_equal(done[PACE_STRANGERS], first);
    come_often(f, c, PACE_STRANGERS - 1);
    h2o_req_t *alone = come(f, c);
    assert_int_equal(c->waiting, 1);
    h2o_mem_clear_pool(&alone->pool);
    assert_int_equal(c->waiting, 0);
    assert_int_equal(f->server.pace.waiting, 0);
    turn(f);
    come(f, c);
    assert_int_equal(done_count, 2 * PACE_STRANGERS + 1);
}

/* They would keep more memory than their turns are worth. */
static void too_many_do_not_wait(void **state)
{
    fixture *f = *state;
    connection *http2 = open_from(f, 1, true), *http1 = open_from(f, 2, false);
    connection *partner = open_from(f, 1, true);
    come_often(f, http2, 4500);
    assert_int_equal(http2->waiting, 4096);
    assert_int_equal(done_count, PACE_STRANGERS);
    assert_int_equal(f->refused_count, 4500 - 4096 - PACE_STRANGERS);
    come(f, http1); /* there is but one of each connection */
    assert_int_equal(http1->waiting, 1);
    partner->partner = true;
    pace_spent(partner, OCTETS_A_TURN);
    come(f, partner);
    assert_int_equal(done_count, PACE_STRANGERS + 1);
    /* Those who wait have their turn before who comes then. */
    turn(f);
    assert_int_equal(done_count, 2 * PACE_STRANGERS + 1);
    come(f, http2);
    assert_int_equal(done_count, 2 * PACE_STRANGERS + 1);
    assert_int_equal(http2->waiting + http1->waiting, 4097 - PACE_STRANGERS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(strangers_are_served_so_many_a_turn),
        TEST(a_partner_does_not_wait),
        TEST(each_source_has_its_turn),
        TEST(a_partner_at_the_address_of_strangers),
        TEST(pipelined_requests_come_by_twos),
        TEST(who_was_sent_much_waits),
        TEST(whose_client_goes_leaves),
        TEST(too_many_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
