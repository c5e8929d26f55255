/* SPDX-License-Identifier: Apache-2.0 */
/* The meter in front of HTTP/2: what passes, what is cut out, and what is too much. */
#include "http/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HOUR    UINT64_C(3600)
#define START   UINT64_C(1000000) /* milliseconds; no clock begins at 0 */

enum {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
    ALTSVC
};
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };

static const meter_limits limits = {.frames = {100, 20 * HOUR},
                                    .resets = {20, 10 * HOUR},
                                    .block_bytes = 1000,
                                    .continuations = 3,
                                    .body_bytes = 200000};

/* A client: a meter, and the octets that are to come. */
typedef struct client {
    meter meter;
    uint64_t now_ms;
    uint8_t octets[65536];
    size_t size;
} client;

static void add(client *c, const void *octets, size_t size)
{
    assert_true(c->size + size <= sizeof(c->octets));
    memcpy(c->octets + c->size, octets, size);
    c->size += size;
}

static void add_frame(client *c, uint8_t type, uint8_t flags, uint32_t stream, size_t size)
{
    const uint8_t head[] = {(uint8_t)(size >> 16),
                            (uint8_t)(size >> 8),
                            (uint8_t)size,
                            type,
                            flags,
                            (uint8_t)(stream >> 24),
                            (uint8_t)(stream >> 16),
                            (uint8_t)(stream >> 8),
                            (uint8_t)stream};
    add(c, head, sizeof(head));
    for (size_t i = 0; i < size; i++) {
        c->octets[c->size++] = (uint8_t)(type * 16 + i % 16);
    }
}

static client *connect(void)
{
    client *c = calloc(1, sizeof(*c));
    c->now_ms = START;
    add(c, PREFACE, 24);
    add_frame(c, SETTINGS, 0, 0, 12);
    return c;
}

/* Reads all that was added; returns what was kept, in `octets`. */
static meter_verdict read_all(client *c)
{
    ptrdiff_t kept;
    const meter_verdict v = meter_read(&c->meter, &limits, c->octets, c->size, c->now_ms, &kept);
    assert_true(kept >= 0 && (size_t)kept <= c->size);
    c->size = (size_t)kept;
    return v;
}

/* Reads what was added, whole frames, and forgets it as libh2o would. */
static meter_verdict pass(client *c)
{
    const meter_verdict v = read_all(c);
    c->size = 0;
    return v;
}

static meter_verdict pass_frame(client *c, uint8_t type, uint8_t flags, uint32_t stream,
                                size_t size)
{
    add_frame(c, type, flags, stream, size);
    return pass(c);
}

static meter_verdict pass_frames(client *c, unsigned count, uint8_t type, uint8_t flags,
                                 uint32_t stream, size_t size)
{
    for (unsigned i = 0; i < count; i++) {
        const meter_verdict v = pass_frame(c, type, flags, stream, size);
        if (v != METER_GOOD) {
            return v;
        }
    }
    return METER_GOOD;
}

/* ---- cutting ---- */

static void add_mixture(client *c, client *expected)
{
    static const struct {
        uint8_t type, flags;
        uint32_t stream;
        size_t size;
        bool cut;
    } frames[] = {
        {HEADERS, END_STREAM | END_HEADERS, 1, 30, false},
        {ALTSVC, 0, 0, 17, true},
        {PRIORITY, 0, 3, 5, true},
        {PRIORITY, 0, 3, 4, false}, /* libh2o ends the connection for these two */
        {PRIORITY, 0, 0, 5, false},
        {200, 255, 7, 0, true},
        {PING, 0, 0, 8, false},
        {16, 0, 0, 300, true},
        {16, 0, 0, 16385, false},
        {HEADERS, 0, 3, 10, false},
        {CONTINUATION, END_HEADERS, 3, 10, false},
        {ALTSVC, 0, 0, 1, true},
        {DATA, END_STREAM, 3, 100, false},
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        add_frame(c, frames[i].type, frames[i].flags, frames[i].stream, frames[i].size);
        if (!frames[i].cut) {
            add_frame(expected, frames[i].type, frames[i].flags, frames[i].stream, frames[i].size);
        }
    }
}

static void useless_frames_are_cut_out(void **state)
{
    (void)state;
    client *c = connect(), *expected = connect();
    add_mixture(c, expected);
    assert_int_equal(read_all(c), METER_GOOD);
    assert_int_equal(c->size, expected->size);
    assert_memory_equal(c->octets, expected->octets, c->size);
    assert_int_equal(c->meter.cut_count, 5);
    free(c);
    free(expected);
}

/* As libh2o has it: what it could not use lies before what comes. */
static void however_the_octets_come(void **state)
{
    (void)state;
    client *whole = connect(), *expected = connect(), *c = calloc(1, sizeof(*c));
    add_mixture(whole, expected);
    srand(1);
    for (unsigned round = 0; round < 300; round++) {
        memset(&c->meter, 0, sizeof(c->meter));
        size_t at = 0, held = 0;
        while (at < whole->size) {
            const size_t most = 1 + (size_t)rand() % (round % 3 == 0 ? 5 : 400);
            const size_t size = most < whole->size - at ? most : whole->size - at;
            memcpy(c->octets + held, whole->octets + at, size);
            ptrdiff_t kept;
            assert_int_equal(meter_read(&c->meter, &limits, c->octets + held, size, START, &kept),
                             METER_GOOD);
            held = (size_t)((ptrdiff_t)held + kept);
            at += size;
        }
        assert_int_equal(held, expected->size);
        assert_memory_equal(c->octets, expected->octets, held);
    }
    free(whole);
    free(expected);
    free(c);
}

/* ---- bodies ---- */

static void add_bodies(client *c, client *expected)
{
    static const struct {
        uint8_t type, flags;
        uint32_t stream;
        size_t size, padding;
        enum { KEPT, END, CUT } becomes;
    } frames[] = {
        {HEADERS, END_HEADERS, 1, 30, 0, KEPT},
        {HEADERS, END_HEADERS, 3, 30, 0, KEPT},
        {HEADERS, END_HEADERS, 5, 30, 0, KEPT},
        {DATA, 0, 1, 40, 0, KEPT},
        {DATA, PADDED, 1, 40, 29, KEPT}, /* 50 octets together: just as many as may be */
        {DATA, 0, 1, 1, 0, KEPT},
        {DATA, 0, 3, 60, 0, KEPT},
        {DATA, 0, 1, 100, 0, END},
        {DATA, PADDED, 1, 100, 0, CUT},
        {DATA, END_STREAM, 3, 10, 0, END},
        {DATA, 0, 1, 16384, 0, CUT},
        {DATA, END_STREAM, 5, 60, 0, KEPT},
        {DATA, END_STREAM, 1, 0, 0, CUT},
        {DATA, 0, 1, 1, 0, KEPT}, /* it is over: libh2o says so */
        {HEADERS, END_STREAM | END_HEADERS, 7, 30, 0, KEPT},
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        const size_t at = c->size;
        add_frame(c, frames[i].type, frames[i].flags, frames[i].stream, frames[i].size);
        if ((frames[i].flags & PADDED) != 0) {
            c->octets[at + 9] = (uint8_t)frames[i].padding;
        }
        if (frames[i].becomes == KEPT) {
            add(expected, c->octets + at, c->size - at);
        } else if (frames[i].becomes == END) {
            add_frame(expected, DATA, END_STREAM, frames[i].stream, 0);
        }
    }
}

static void bodies_end_behind_their_limit(void **state)
{
    (void)state;
    meter_limits small = limits;
    small.body_bytes = 50;
    client *whole = connect(), *expected = connect(), *c = calloc(1, sizeof(*c));
    add_bodies(whole, expected);
    srand(1);
    for (unsigned round = 0; round < 300; round++) {
        memset(&c->meter, 0, sizeof(c->meter));
        size_t at = 0, held = 0;
        while (at < whole->size) {
            const size_t most =
                round == 0 ? whole->size : 1 + (size_t)rand() % (round % 2 ? 5 : 99);
            const size_t size = most < whole->size - at ? most : whole->size - at;
            memcpy(c->octets + held, whole->octets + at, size);
            ptrdiff_t kept;
            assert_int_equal(meter_read(&c->meter, &small, c->octets + held, size, START, &kept),
                             METER_GOOD);
            held = (size_t)((ptrdiff_t)held + kept);
            at += size;
        }
        assert_int_equal(held, expected->size);
        assert_memory_equal(c->octets, expected->octets, held);
        assert_int_equal(c->meter.body_cut, 100 + 100 + 10 + 16384);
    }
    free(whole);
    free(expected);
    free(c);
}

/* A number of theirs may come again after so many streams. */
static void a_body_counts_for_its_stream_alone(void **state)
{
    (void)state;
    client *c = connect();
    for (uint32_t stream = 1; stream < 8 * METER_BODIES; stream += 2) {
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(pass_frame(c, DATA, 0, stream, 16384), METER_GOOD);
        }
        if (stream % 4 == 1) {
            assert_int_equal(pass_frame(c, RST_STREAM, 0, stream, 4), METER_GOOD);
        }
        c->now_ms += 1000;
    }
    assert_int_equal(c->meter.body_cut, 0);
    free(c);
}

/* ---- frames that carry nothing ---- */

static void frames_that_carry_nothing_are_counted(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, flags;
        size_t size;
    } frames[] = {{PING, 0, 8},     {PING, 1, 8},   {SETTINGS, 0, 6},   {WINDOW_UPDATE, 0, 4},
                  {PRIORITY, 0, 5}, {ALTSVC, 0, 0}, {200, 0, 1000},     {GOAWAY, 0, 8},
                  {DATA, 0, 0},     {DATA, 0, 63},  {DATA, PADDED, 256}};
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        client *c = connect();
        assert_int_equal(pass(c), METER_GOOD); /* takes one, for SETTINGS */
        assert_int_equal(pass_frames(c, 99, frames[i].type, frames[i].flags, 1, frames[i].size),
                         METER_GOOD);
        assert_int_equal(pass_frame(c, frames[i].type, frames[i].flags, 1, frames[i].size),
                         METER_FRAMES);
        free(c);
    }
}

static void bodies_are_not(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass_frames(c, 500, DATA, 0, 1, 64), METER_GOOD);
    assert_int_equal(pass_frames(c, 500, DATA, END_STREAM, 1, 0), METER_GOOD);
    assert_int_equal(pass_frames(c, 500, DATA, PADDED, 1, 320), METER_GOOD);
    free(c);
}

static void time_requests_and_answers_give_back(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass(c), METER_GOOD);
    assert_int_equal(pass_frames(c, 99, PING, 0, 0, 8), METER_GOOD);
    c->now_ms += 1000; /* twenty */
    assert_int_equal(pass_frames(c, 20, PING, 0, 0, 8), METER_GOOD);
    for (uint32_t stream = 1; stream < 200; stream += 2) {
        assert_int_equal(pass_frame(c, HEADERS, END_HEADERS | END_STREAM, stream, 20), METER_GOOD);
        assert_int_equal(pass_frames(c, 4, WINDOW_UPDATE, 0, stream, 4), METER_GOOD);
    }
    meter_add_written(&c->meter, 30 * 1024);
    assert_int_equal(pass_frames(c, 30, WINDOW_UPDATE, 0, 0, 4), METER_GOOD);
    assert_int_equal(pass_frame(c, PING, 0, 0, 8), METER_FRAMES);
    free(c);
}

/* A stream counts once, whatever comes on it. */
static void trailers_give_nothing_back(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS, 1, 20), METER_GOOD);
    assert_int_equal(pass_frames(c, 100, PING, 0, 0, 8), METER_GOOD);
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS | END_STREAM, 1, 20), METER_GOOD);
    assert_int_equal(pass_frame(c, PING, 0, 0, 8), METER_FRAMES);
    free(c);
}

/* ---- resets ---- */

static meter_verdict open_and_reset(client *c, uint32_t stream)
{
    add_frame(c, HEADERS, END_HEADERS | END_STREAM, stream, 20);
    add_frame(c, RST_STREAM, 0, stream, 4);
    return pass(c);
}

static void rapid_resets_are_counted(void **state)
{
    (void)state;
    client *c = connect();
    uint32_t stream = 1;
    for (unsigned i = 0; i < 20; i++, stream += 2) {
        assert_int_equal(open_and_reset(c, stream), METER_GOOD);
    }
    c->now_ms += 300; /* three */
    for (unsigned i = 0; i < 3; i++, stream += 2) {
        assert_int_equal(open_and_reset(c, stream), METER_GOOD);
    }
    assert_int_equal(open_and_reset(c, stream), METER_RESETS);
    assert_int_equal(c->meter.reset_count, 24);
    free(c);
}

static void resets_of_either_side_are_one_sum(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass(c), METER_GOOD);
    assert_int_equal(meter_add_resets(&c->meter, &limits, 15), METER_GOOD);
    for (uint32_t stream = 1; stream < 11; stream += 2) {
        assert_int_equal(open_and_reset(c, stream), METER_GOOD);
    }
    assert_int_equal(meter_add_resets(&c->meter, &limits, 1), METER_RESETS);
    free(c);
}

/* Ninety requests whose deadline passes, again and again: a partner, and a slow server. */
static void patient_clients_may_cancel(void **state)
{
    (void)state;
    client *c = connect();
    uint32_t stream = 1;
    for (unsigned round = 0; round < 50; round++) {
        const uint32_t first = stream;
        for (unsigned i = 0; i < 90; i++, stream += 2) {
            assert_int_equal(pass_frame(c, HEADERS, END_HEADERS | END_STREAM, stream, 20),
                             METER_GOOD);
        }
        for (unsigned ms = 0; ms < 1000; ms += 100) { /* others keep the connection busy */
            c->now_ms += 100;
            assert_int_equal(pass_frame(c, PING, 0, 0, 8), METER_GOOD);
        }
        for (uint32_t s = first; s < stream; s += 2) {
            assert_int_equal(pass_frame(c, RST_STREAM, 0, s, 4), METER_GOOD);
        }
    }
    free(c);
}

static void young_streams_are_young_for_half_a_second(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS | END_STREAM, 101, 20), METER_GOOD);
    c->now_ms += METER_YOUNG_MS - 1;
    assert_int_equal(pass_frames(c, 20, RST_STREAM, 0, 101, 4), METER_GOOD);
    c->now_ms += 1;
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS | END_STREAM, 103, 20), METER_GOOD);
    c->now_ms += METER_YOUNG_MS - 1;
    assert_true(c->meter.old < 103);
    c->now_ms += 1;
    assert_int_equal(pass_frame(c, PING, 0, 0, 8), METER_GOOD);
    assert_int_equal(c->meter.old, 103);
    free(c);
}

/* ---- header blocks ---- */

static void header_blocks_are_bounded(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS, 1, 1000), METER_GOOD);
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS, 3, 1001), METER_BLOCK);
    free(c);

    c = connect();
    assert_int_equal(pass_frame(c, HEADERS, 0, 1, 500), METER_GOOD);
    assert_int_equal(pass_frame(c, CONTINUATION, 0, 1, 500), METER_GOOD);
    assert_int_equal(pass_frame(c, CONTINUATION, 0, 1, 1), METER_BLOCK);
    free(c);

    c = connect();
    for (uint32_t stream = 1; stream < 9; stream += 2) {
        assert_int_equal(pass_frame(c, HEADERS, 0, stream, 1), METER_GOOD);
        assert_int_equal(pass_frames(c, 2, CONTINUATION, 0, stream, 1), METER_GOOD);
        assert_int_equal(pass_frame(c, CONTINUATION, END_HEADERS, stream, 1), METER_GOOD);
    }
    assert_int_equal(pass_frame(c, HEADERS, 0, 9, 1), METER_GOOD);
    assert_int_equal(pass_frames(c, 3, CONTINUATION, 0, 9, 1), METER_GOOD);
    assert_int_equal(pass_frame(c, CONTINUATION, END_HEADERS, 9, 1), METER_BLOCK);
    free(c);
}

static void a_block_stays_on_its_stream(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass_frame(c, HEADERS, END_HEADERS, 1, 10), METER_GOOD); /* with a body */
    assert_int_equal(pass_frame(c, HEADERS, 0, 3, 10), METER_GOOD);
    assert_int_equal(pass_frame(c, CONTINUATION, END_HEADERS, 1, 10), METER_PROTOCOL);
    free(c);
}

/* ---- the end ---- */

static void what_came_before_is_kept(void **state)
{
    (void)state;
    client *c = connect(), *expected = connect();
    for (unsigned i = 0; i < 99; i++) {
        add_frame(c, PING, 0, 0, 8);
        add_frame(expected, PING, 0, 0, 8);
    }
    for (unsigned i = 0; i < 3; i++) {
        add_frame(c, PING, 0, 0, 8);
    }
    assert_int_equal(read_all(c), METER_FRAMES);
    assert_int_equal(c->size, expected->size);
    assert_memory_equal(c->octets, expected->octets, c->size);
    free(c);
    free(expected);
}

static const uint8_t *refusal(const client *c, meter_verdict v, size_t size)
{
    static uint8_t frame[METER_REFUSAL_MAX];
    memset(frame, 0xee, sizeof(frame));
    assert_int_equal(meter_refusal(&c->meter, v, frame), size);
    return frame;
}

static void refusals_fit_where_libh2o_is(void **state)
{
    (void)state;
    client *c = connect();
    assert_int_equal(pass(c), METER_GOOD);
    assert_memory_equal(refusal(c, METER_FRAMES, 14), "\0\0\5\2\0\x7f\xff\xff\xff", 9);
    assert_memory_equal(refusal(c, METER_PROTOCOL, 9), "\0\0\0\5\0\0\0\0\0", 9);
    add_frame(c, HEADERS, 0, 0x01020304, 10);
    c->size -= 3; /* libh2o waits for the rest, and is not yet in the block */
    assert_int_equal(pass(c), METER_GOOD);
    assert_memory_equal(refusal(c, METER_RESETS, 14), "\0\0\5\2\0\x7f\xff\xff\xff", 9);
    add(c, "abc", 3);
    assert_int_equal(pass(c), METER_GOOD);
    assert_memory_equal(refusal(c, METER_BLOCK, 9), "\0\0\0\x9\4\1\2\3\4", 9);
    add_frame(c, CONTINUATION, END_HEADERS, 0x01020304, 10);
    c->size -= 3;
    assert_int_equal(pass(c), METER_GOOD);
    assert_memory_equal(refusal(c, METER_RESETS, 9), "\0\0\0\x9\4\1\2\3\4", 9);
    add(c, "abc", 3);
    assert_int_equal(pass(c), METER_GOOD);
    assert_memory_equal(refusal(c, METER_RESETS, 14), "\0\0\5\2\0\x7f\xff\xff\xff", 9);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(useless_frames_are_cut_out),
        cmocka_unit_test(however_the_octets_come),
        cmocka_unit_test(bodies_end_behind_their_limit),
        cmocka_unit_test(a_body_counts_for_its_stream_alone),
        cmocka_unit_test(frames_that_carry_nothing_are_counted),
        cmocka_unit_test(bodies_are_not),
        cmocka_unit_test(time_requests_and_answers_give_back),
        cmocka_unit_test(trailers_give_nothing_back),
        cmocka_unit_test(rapid_resets_are_counted),
        cmocka_unit_test(resets_of_either_side_are_one_sum),
        cmocka_unit_test(patient_clients_may_cancel),
        cmocka_unit_test(young_streams_are_young_for_half_a_second),
        cmocka_unit_test(header_blocks_are_bounded),
        cmocka_unit_test(a_block_stays_on_its_stream),
        cmocka_unit_test(what_came_before_is_kept),
        cmocka_unit_test(refusals_fit_where_libh2o_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
