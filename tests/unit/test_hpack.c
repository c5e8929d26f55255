/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks: what libh2o's own reader makes of them, and no more than the limits. */
#include "http/hpack.h"

#include "hpack_rig.h"
#include "http/hpack_huffman.h"

#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BLOCK_MAX 8192

static const hpack_limits wide = {.fields = SIZE_MAX, .bytes = SIZE_MAX, .body_bytes = SIZE_MAX};

/* A sequence of its own for each test, the same in every run. */
static uint64_t dice;
static unsigned entries; /* of the dynamic table, so that most indices exist */

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((dice >> 33) % sides);
}

static const char *const names[] = {
    ":method",
    ":path",
    ":scheme",
    ":authority",
    ":status",
    ":strange",
    "",
    "cookie",
    "te",
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "x-trace",
    "X-Capital",
    "cache-digest",
    "accept",
    "user-agent",
    "bad name",
    "nul\1",
    ":",
    "traceparent",
    "www-authenticate",
};
static const char *const values[] = {
    "GET",
    "POST",
    "/",
    "/mc-3/resolve-ici?tid=0190&ici=1A0F1-1",
    "https",
    "http",
    "trailers",
    "Trailers",
    "localhost",
    "17",
    "99999999999999999999",
    "",
    "a\tb",
    "line\nfeed",
    "\177",
    "\x80\xff",
    "<{}>|~^`\\",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "x",
};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* One of the list; mostly the last, which does no harm. */
static const char *pick(const char *const *list, unsigned count)
{
    return list[roll(8) == 0 ? roll(count) : count - 1];
}

static uint8_t *put_value(uint8_t *at)
{
    const char *value = pick(values, COUNT(values));
    return hpack_put_string(at, value, strlen(value), roll(2) == 0);
}

/* Mostly of an entry that there is, and that is no pseudo-header field. */
static unsigned roll_index(void)
{
    return roll(40) == 0 ? 1 + roll(140)
                         : 15 + roll(4) + (roll(2) == 0 ? 44 + roll(entries + 1) : 0);
}

/* A literal with a name from a table, or one of its own. */
static uint8_t *put_literal(uint8_t *at)
{
    static const struct {
        uint8_t bits;
        unsigned prefix;
    } forms[] = {{64, 6}, {64, 6}, {0, 4}, {16, 4}};
    const unsigned form = roll(4);
    if (roll(2) == 0) {
        const char *name = pick(names, COUNT(names));
        *at++ = forms[form].bits;
        at = hpack_put_string(at, name, strlen(name), roll(2) == 0);
    } else {
        const unsigned index = roll_index();
        at = hpack_put_integer(at, forms[form].bits, forms[form].prefix, index);
    }
    return put_value(at);
}

static uint8_t *put_field(uint8_t *at)
{
    switch (roll(12)) {
    case 0:
        return roll(4) == 0 ? hpack_put_integer(at, 32, 5, roll(4100)) : at;
    case 1:
    case 2:
    case 3:
        return hpack_put_integer(at, 128, 7, roll_index());
    default:
        return put_literal(at);
    }
}

/* What every request has, so that some blocks are good ones. */
static uint8_t *put_request(uint8_t *at)
{
    *at++ = 0x82;
    *at++ = 0x87;
    at = hpack_put_integer(at, 0, 4, 4);
    at = hpack_put_string(at, "/mc-3/resolve-ici", 17, true);
    return at;
}

static size_t make_block(uint8_t *block)
{
    uint8_t *at = roll(3) == 0 ? block : put_request(block);
    for (unsigned n = roll(8); n > 0; n--) {
        at = put_field(at);
    }
    size_t size = (size_t)(at - block);
    for (unsigned n = roll(30) == 0 ? 1 + roll(3) : 0; n > 0 && size > 0; n--) {
        block[roll((unsigned)size)] = (uint8_t)roll(256);
    }
    return roll(50) == 0 ? size - size / (1 + roll(9)) : size;
}

static bool goes_on(int result)
{
    return result == 0 || result == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR;
}

static void same_as_libh2o(void **state)
{
    (void)state;
    hpack_set_limits(&wide);
    dice = 1;
    unsigned good = 0, characters = 0, ended = 0, most = 0;
    const char *repeat = getenv("HPACK_BLOCKS");
    const unsigned blocks = repeat != NULL ? (unsigned)atoi(repeat) : 40000;
    hpack_rig rig;
    hpack_rig_init(&rig);
    for (unsigned i = 0; i < blocks; i++) {
        uint8_t block[BLOCK_MAX];
        entries = (unsigned)rig.ours.table.num_entries;
        const size_t size = make_block(block);
        const char *difference = hpack_rig_read(&rig, block, size, roll(10) == 0);
        if (difference != NULL) {
            fail_msg("block %u: %s", i, difference);
        }
        most = entries > most ? entries : most;
        good += rig.ours.result == 0;
        characters += rig.ours.result == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR;
        if (!goes_on(rig.ours.result)) {
            ended++;
            hpack_rig_dispose(&rig);
            hpack_rig_init(&rig);
        }
    }
    hpack_rig_dispose(&rig);
    print_message("%u good, %u with wrong characters, %u wrong, at most %u entries\n", good,
                  characters, ended, most);
    assert_true(good > blocks / 4 && characters > blocks / 50 && ended > blocks / 50 && most > 40);
}

static void same_as_libh2o_for_any_octets(void **state)
{
    (void)state;
    hpack_set_limits(&wide);
    dice = 2;
    for (unsigned i = 0; i < 40000; i++) {
        uint8_t block[64];
        const unsigned size = roll(sizeof(block));
        for (unsigned at = 0; at < size; at++) {
            block[at] = (uint8_t)roll(256);
        }
        hpack_rig rig;
        hpack_rig_init(&rig);
        assert_null(hpack_rig_read(&rig, block, size, false));
        hpack_rig_dispose(&rig);
    }
}

/* ---- Huffman ---- */

static void every_symbol(void **state)
{
    (void)state;
    hpack_huffman_setup();
    for (unsigned c = 0; c < 256; c++) {
        for (unsigned count = 1; count < 40; count++) {
            nghttp2_hd_deflater *deflater;
            assert_int_equal(nghttp2_hd_deflate_new(&deflater, 0), 0);
            uint8_t text[40], coded[256];
            memset(text, (int)c, count);
            nghttp2_nv nv = {.name = (uint8_t *)"x",
                             .namelen = 1,
                             .value = text,
                             .valuelen = count};
            const ssize_t size = nghttp2_hd_deflate_hd(deflater, coded, sizeof(coded), &nv, 1);
            nghttp2_hd_deflate_del(deflater);
            hpack_side side;
            hpack_side_init(&side);
            hpack_side_read(&side, coded, (size_t)size, false);
            assert_int_equal(side.req.headers.size, 1);
            const h2o_iovec_t value = side.req.headers.entries[0].value;
            assert_int_equal(value.len, count);
            assert_memory_equal(value.base, text, count);
            assert_int_equal(side.result, (hpack_class_of((uint8_t)c) & HPACK_NOT_IN_VALUE) != 0
                                              ? H2O_HTTP2_ERROR_INVALID_HEADER_CHAR
                                              : 0);
            hpack_side_dispose(&side);
        }
    }
}

static size_t decoded(const char *octets, size_t size, char *out)
{
    unsigned classes = 0;
    return hpack_huffman_decode((const uint8_t *)octets, size, out, &classes);
}

static void padding_is_short_and_of_ones(void **state)
{
    (void)state;
    hpack_huffman_setup();
    char out[64];
    assert_int_equal(decoded("", 0, out), 0);
    assert_int_equal(decoded("\x1f", 1, out), 1); /* a and 111 */
    assert_int_equal(out[0], 'a');
    assert_int_equal(decoded("\x1e", 1, out), SIZE_MAX);
    assert_int_equal(decoded("\x1f\xff", 2, out), SIZE_MAX); /* eleven bits of it */
    assert_int_equal(decoded("\xff", 1, out), SIZE_MAX);     /* eight */
    assert_int_equal(decoded("\xff\xff\xff\xff", 4, out), SIZE_MAX);
    assert_int_equal(decoded("\xff\xff\xff\xfc\xff\xff\xff\xff\xff\xff", 10, out), SIZE_MAX);
}

/* ---- what nghttp2 writes ---- */

static size_t make_fields(nghttp2_nv *fields, char texts[][80])
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t count = 1 + roll(20);
    for (size_t i = 0; i < count; i++) {
        char *name = texts[2 * i], *value = texts[2 * i + 1];
        const size_t name_size = 1 + roll(12), value_size = roll(80);
        name[0] = 'x'; /* no name that has a meaning */
        for (size_t at = 1; at < name_size; at++) {
            name[at] = token[roll(sizeof(token) - 1)];
        }
        for (size_t at = 0; at < value_size; at++) {
            value[at] = (char)(roll(4) == 0 ? 32 + roll(95) : '0' + roll(10));
        }
        fields[i] = (nghttp2_nv){.name = (uint8_t *)name,
                                 .namelen = name_size,
                                 .value = (uint8_t *)value,
                                 .valuelen = value_size,
                                 .flags = roll(6) == 0 ? NGHTTP2_NV_FLAG_NO_INDEX : 0};
    }
    return count;
}

static void what_nghttp2_writes(void **state)
{
    (void)state;
    hpack_set_limits(&wide);
    dice = 3;
    nghttp2_hd_deflater *deflater;
    assert_int_equal(nghttp2_hd_deflate_new(&deflater, 4096), 0);
    hpack_side side;
    hpack_side_init(&side);
    for (unsigned i = 0; i < 20000; i++) {
        nghttp2_nv fields[20];
        char texts[40][80];
        uint8_t block[BLOCK_MAX];
        if (roll(10) == 0) {
            nghttp2_hd_deflate_change_table_size(deflater, roll(4097));
        }
        const size_t count = make_fields(fields, texts);
        const ssize_t size = nghttp2_hd_deflate_hd(deflater, block, sizeof(block), fields, count);
        assert_true(size > 0);
        hpack_side_read(&side, block, (size_t)size, false);
        assert_int_equal(side.result, 0);
        assert_int_equal(side.req.headers.size, count);
        for (size_t f = 0; f < count; f++) {
            const h2o_header_t *h = &side.req.headers.entries[f];
            assert_int_equal(h->name->len, fields[f].namelen);
            assert_memory_equal(h->name->base, fields[f].name, h->name->len);
            assert_int_equal(h->value.len, fields[f].valuelen);
            assert_memory_equal(h->value.base, fields[f].value, h->value.len);
        }
    }
    hpack_side_dispose(&side);
    nghttp2_hd_deflate_del(deflater);
}

/* ---- limits ---- */

/* Reads one block on a fresh connection. */
static int result_of(const uint8_t *block, size_t size)
{
    hpack_side side;
    hpack_side_init(&side);
    hpack_side_read(&side, block, size, false);
    const int result = side.result;
    hpack_side_dispose(&side);
    return result;
}

static void fields_are_bounded(void **state)
{
    (void)state;
    hpack_set_limits(&(hpack_limits){.fields = 10, .bytes = SIZE_MAX, .body_bytes = SIZE_MAX});
    uint8_t block[32];
    memset(block, 0x90, sizeof(block)); /* accept-encoding, from the static table */
    assert_int_equal(result_of(block, 10), 0);
    assert_false(hpack_exceeded());
    assert_int_equal(result_of(block, 11), H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
    assert_true(hpack_exceeded());
    assert_false(hpack_exceeded());
    memset(block, 0x20, 10); /* table size updates count as well */
    assert_int_equal(result_of(block, 11), H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
    assert_true(hpack_exceeded());
}

/* The bomb: a value is sent once, and named again and again. */
static void decoded_octets_are_bounded(void **state)
{
    (void)state;
    hpack_set_limits(&(hpack_limits){.fields = SIZE_MAX, .bytes = 10 * (7 + 100)});
    uint8_t block[200], *at = block;
    *at++ = 64;
    at = hpack_put_string(at, "x-large", 7, false);
    char value[100];
    memset(value, 'a', sizeof(value));
    at = hpack_put_string(at, value, sizeof(value), false);
    memset(at, 0x80 | 62, 10);
    const size_t first = (size_t)(at - block);
    assert_int_equal(result_of(block, first + 9), 0);
    assert_false(hpack_exceeded());
    assert_int_equal(result_of(block, first + 10), H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
    assert_true(hpack_exceeded());
}

static void all_can_be_refused(void **state)
{
    (void)state;
    hpack_set_limits(&wide);
    hpack_refuse(true);
    assert_int_equal(result_of((const uint8_t *)"\x82", 1), H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
    assert_int_equal(result_of((const uint8_t *)"", 0), H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
    assert_true(hpack_exceeded());
    hpack_refuse(false);
    assert_int_equal(result_of((const uint8_t *)"\x82", 1), 0);
    assert_false(hpack_exceeded());
}

/* ---- what is kept ---- */

/* libh2o would not stand for less of it than that. */
static void the_length_of_a_body_that_is_too_long_is_a_field(void **state)
{
    (void)state;
    hpack_set_limits(&(hpack_limits){.fields = SIZE_MAX, .bytes = SIZE_MAX, .body_bytes = 1000});
    for (unsigned length = 999; length <= 1001; length++) {
        uint8_t block[100], *at = block;
        char text[16];
        *at++ = 64;
        at = hpack_put_string(at, "content-length", 14, false);
        at = hpack_put_string(at, text, (size_t)snprintf(text, sizeof(text), "%u", length), false);
        hpack_side side;
        hpack_side_init(&side);
        hpack_side_read(&side, block, (size_t)(at - block), false);
        assert_int_equal(side.result, 0);
        assert_int_equal(side.content_length, length <= 1000 ? length : SIZE_MAX);
        assert_int_equal(side.req.headers.size, length > 1000);
        hpack_side_dispose(&side);
    }
}

static void trailers_are_dropped(void **state)
{
    (void)state;
    hpack_set_limits(&wide);
    uint8_t block[100], *at = block;
    *at++ = 64;
    at = hpack_put_string(at, "x-forwarded-for", 15, true);
    at = hpack_put_string(at, "192.0.2.1", 9, true);
    hpack_side side;
    hpack_side_init(&side);
    hpack_side_read(&side, block, (size_t)(at - block), true);
    assert_int_equal(side.result, 0);
    assert_int_equal(side.req.headers.size, 0);
    assert_int_equal(side.table.num_entries, 1); /* the next block may refer to it */
    hpack_side_read(&side, (const uint8_t *)"\xbe", 1, false);
    assert_int_equal(side.req.headers.size, 1);
    hpack_side_read(&side, (const uint8_t *)"\x82", 1, true);
    assert_int_equal(side.result, H2O_HTTP2_ERROR_PROTOCOL); /* :method */
    hpack_side_dispose(&side);
}

int main(void)
{
    hpack_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_libh2o),
        cmocka_unit_test(same_as_libh2o_for_any_octets),
        cmocka_unit_test(every_symbol),
        cmocka_unit_test(padding_is_short_and_of_ones),
        cmocka_unit_test(what_nghttp2_writes),
        cmocka_unit_test(fields_are_bounded),
        cmocka_unit_test(decoded_octets_are_bounded),
        cmocka_unit_test(all_can_be_refused),
        cmocka_unit_test(the_length_of_a_body_that_is_too_long_is_a_field),
        cmocka_unit_test(trailers_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
