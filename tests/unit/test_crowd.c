/* SPDX-License-Identifier: Apache-2.0 */
/* http/crowd.c: who gives way to a new connection. */
#include "http/crowd.h"

#include "http/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW             100000
#define GRACE           1000
#define GRACE_AMONG_OWN 250

static h2o_loop_t *loop_;

/* A connection of 192.0.NUMBER that was used so long ago. */
static connection *make(uint16_t number, uint64_t idle_ms)
{
    connection *c = calloc(1, sizeof(*c));
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[1]);
    const uint8_t source[16] = {[10] = 0xFF, 0xFF, 192, 0, (uint8_t)(number >> 8), (uint8_t)number};
    memcpy(c->source, source, sizeof(source));
    c->last_ms = NOW - idle_ms;
    c->socket = h2o_evloop_socket_create(loop_, ends[0], 0);
    return c;
}

static connection *add(crowd *all, uint16_t number, uint64_t idle_ms)
{
    connection *c = make(number, idle_ms);
    crowd_add(all, c);
    return c;
}

static void end(crowd *all, connection *c)
{
    crowd_remove(all, c);
    h2o_socket_close(c->socket);
    free(c);
}

static void the_oldest_of_a_source(void **state)
{
    (void)state;
    crowd all = {0};
    assert_null(crowd_weakest(&all, NULL, NOW));
    connection *first = add(&all, 1, 5000), *second = add(&all, 1, 4000);
    connection *other = add(&all, 2, 9000);
    assert_ptr_equal(crowd_weakest(&all, first->source, NOW), first);
    assert_ptr_equal(crowd_weakest(&all, other->source, NOW), other);
    crowd_touch(&all, first);
    assert_ptr_equal(crowd_weakest(&all, first->source, NOW), second);
    second->active = 1;
    assert_ptr_equal(crowd_weakest(&all, first->source, NOW), first);
    first->active = 1;
    assert_null(crowd_weakest(&all, first->source, NOW));
    end(&all, second);
    first->active = 0;
    assert_ptr_equal(crowd_weakest(&all, first->source, NOW), first);
    end(&all, first);
    end(&all, other);
    assert_null(crowd_weakest(&all, NULL, NOW));
}

static void who_is_new_has_time(void **state)
{
    (void)state;
    crowd all = {0};
    connection *c = add(&all, 1, 0);
    assert_null(crowd_weakest(&all, NULL, NOW + GRACE - 1));
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW + GRACE), c);
    assert_null(crowd_weakest(&all, c->source, NOW + GRACE_AMONG_OWN - 1));
    assert_ptr_equal(crowd_weakest(&all, c->source, NOW + GRACE_AMONG_OWN), c);
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW - 50000), c); /* a clock set back */
    c->requests = 1;                                             /* it has had what it came for */
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW), c);
    end(&all, c);
}

/* Whoever has most, and be his connections younger. */
static void most_give_way_first(void **state)
{
    (void)state;
    crowd all = {0};
    connection *few = add(&all, 1, 9000), *many[8];
    for (size_t i = 0; i < 8; i++) {
        many[i] = add(&all, 2, 2000);
    }
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW), many[0]);
    for (size_t i = 0; i < 8; i++) {
        end(&all, many[i]);
    }
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW), few);
    end(&all, few);
}

/* Nobody pays for a neighbour that has many more, and whose bucket is his by chance. */
static void a_neighbour_pays_for_itself(void **state)
{
    (void)state;
    crowd all = {0};
    connection *few = add(&all, 1, 9000), *many[8];
    uint16_t number = 2;
    for (connection *c = make(number, 0);; c = make(++number, 0)) {
        const bool neighbour =
            (sources_hash(c->source) - sources_hash(few->source)) % CROWD_BUCKETS == 0;
        end(&all, c);
        if (neighbour) {
            break;
        }
        assert_true(number < UINT16_MAX);
    }
    for (size_t i = 0; i < 8; i++) {
        many[i] = add(&all, number, 2000);
    }
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW), many[0]);
    for (size_t i = 0; i < 8; i++) {
        many[i]->active = 1;
    }
    assert_ptr_equal(crowd_weakest(&all, NULL, NOW), few); /* better than to refuse */
    for (size_t i = 0; i < 8; i++) {
        end(&all, many[i]);
    }
    end(&all, few);
}

static void removing_is_safe_in_any_order(void **state)
{
    (void)state;
    crowd all = {0};
    connection *c[5];
    for (size_t i = 0; i < 5; i++) {
        c[i] = add(&all, 1, 2000);
    }
    static const size_t order[] = {2, 0, 4, 1, 3};
    for (size_t i = 0; i < 5; i++) {
        crowd_remove(&all, c[order[i]]);
        crowd_remove(&all, c[order[i]]); /* once more is nothing */
        end(&all, c[order[i]]);
    }
    assert_null(crowd_weakest(&all, NULL, NOW));
}

static int open_loop(void **state)
{
    (void)state;
    loop_ = h2o_evloop_create();
    return 0;
}

static int close_loop(void **state)
{
    (void)state;
    h2o_evloop_run(loop_, 0);
    h2o_evloop_destroy(loop_);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_of_a_source),
        cmocka_unit_test(who_is_new_has_time),
        cmocka_unit_test(most_give_way_first),
        cmocka_unit_test(a_neighbour_pays_for_itself),
        cmocka_unit_test(removing_is_safe_in_any_order),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
