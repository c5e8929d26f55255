/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies: what must be refused, what is read, and that pieces of any size do. */
#include "base/h1_chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Reads a body in pieces of `step` octets; what is behind it stays in *left. */
static h1_progress read_all(cmp_str in, size_t step, char *body, size_t *left)
{
    h1_chunks c = {0};
    h1_progress progress = H1_MORE;
    size_t at = 0, size = 0;
    while (at < in.size && progress == H1_MORE) {
        const size_t there = in.size - at < step ? in.size - at : step;
        size_t used;
        cmp_str data;
        progress = h1_read_chunked(&c, (cmp_str){in.at + at, there}, &used, &data);
        assert_true(used > 0 && used <= there);
        memcpy(body + size, data.at, data.size);
        size += data.size;
        at += used;
    }
    body[size] = '\0';
    *left = in.size - at;
    return progress;
}

static void test_chunks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *body;
        h1_progress progress;
        size_t left;
    } cases[] = {
        {"x\r\n", "", H1_BAD, 0},
        {"\r\n", "", H1_BAD, 0},
        {" 1\r\na\r\n0\r\n\r\n", "", H1_BAD, 0},
        {"-1\r\na", "", H1_BAD, 0},
        {"0x1\r\na", "", H1_BAD, 0},
        {"1\na\r\n", "", H1_BAD, 0},
        {"1;x\na\r\n", "", H1_BAD, 0},
        {"1\r\nab\r\n", "a", H1_BAD, 0},
        {"1\r\na\n0\r\n\r\n", "a", H1_BAD, 0},
        {"1\r\na\rx", "a", H1_BAD, 0},
        {"1\rx", "", H1_BAD, 0},
        {"0\r\n\n", "", H1_BAD, 0},
        {"0\r\n\rx", "", H1_BAD, 0},
        {"0\r\nA: b\n\r\n", "", H1_BAD, 0},
        {"123456789\r\n", "", H1_BAD, 0},
        {"0_2e\r\n", "", H1_BAD, 0},
        {"5_0\r\n", "", H1_BAD, 0},
        {"0x5\r\nhello\r\n0\r\n\r\n", "", H1_BAD, 0},
        {"5 \r\nhello\r\n0\r\n\r\n", "", H1_BAD, 0},
        {"5 5\r\nhello", "", H1_BAD, 0},
        {"5\nhello\r\n0\r\n\r\n", "", H1_BAD, 0},
        {"5\r\nhello\n0\r\n\r\n", "hello", H1_BAD, 0},
        {"5\r\nhello\r\r\n0\r\n\r\n", "hello", H1_BAD, 0},
        {"5;a=b\rx\r\nhello", "", H1_BAD, 0},
        {"5;a\001b\r\nhello", "", H1_BAD, 0},
        {"5;a\x7F\r\nhello", "", H1_BAD, 0},
        {"5\r\r\nhello", "", H1_BAD, 0},
        {"0\n\r\n", "", H1_BAD, 0},
        {"0\r\n\r\r\n", "", H1_BAD, 0},
        {"0\r\nA: b\r\n c\r\n\r\n", "", H1_BAD, 0},
        {"0\r\n: b\r\n\r\n", "", H1_BAD, 0},
        {"0\r\nA b: c\r\n\r\n", "", H1_BAD, 0},
        {"0\r\nA\r\n\r\n", "", H1_BAD, 0},
        {"0\r\nA: b\rc\r\n\r\n", "", H1_BAD, 0},
        {"0\r\nGET / HTTP/1.1\r\n\r\n", "", H1_BAD, 0},
        {"7fffffffffffffff\r\nx", "", H1_BAD, 0},
        {"ffffffffffffffff\r\nx", "", H1_BAD, 0},
        {"10000000000000000\r\nx", "", H1_BAD, 0},
        {"ffffffff\r\nx", "x", H1_MORE, 0},
        {"5\t;a=\"\xC3\xBC\"\r\nhello\r\n0;x\r\nA:\r\nB:\tb \r\n\r\n", "hello", H1_DONE, 0},
        {"5\r\nhel", "hel", H1_MORE, 0},
        {"0\r\n", "", H1_MORE, 0},
        {"0\r\n\r\n", "", H1_DONE, 0},
        {"0\r\n\r\nHTTP", "", H1_DONE, 4},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", H1_DONE, 0},
        {"A \t;q=\"r\"\r\n0123456789\r\n00\r\nA: b\r\nC: d\r\n\r\n", "0123456789", H1_DONE, 0},
        {"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", "ab", H1_DONE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step <= 64; step *= 2) {
            char body[64];
            size_t left;
            const h1_progress progress = read_all(cmp_str_from(cases[i].text), step, body, &left);
            if (progress != cases[i].progress || strcmp(body, cases[i].body) != 0) {
                fail_msg("case %zu, by %zu: %d, \"%s\"", i, step, progress, body);
            }
            if (progress == H1_DONE) {
                assert_int_equal(left, cases[i].left);
            }
        }
    }
}

static void test_endless_extras(void **state)
{
    (void)state;
    static const char *const begins[] = {"1;", "1 ", "0\r\n", "0\r\nA:"};
    for (size_t i = 0; i < 4; i++) {
        const cmp_str fill = i == 1 ? CMP_STR("                ") : CMP_STR("xxxxxxxxxxxxxxxx");
        h1_chunks c = {0};
        size_t used, octets = 0;
        cmp_str data;
        assert_int_equal(h1_read_chunked(&c, cmp_str_from(begins[i]), &used, &data), H1_MORE);
        while (h1_read_chunked(&c, fill, &used, &data) == H1_MORE) {
            octets += used;
            assert_true(octets < 10000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_endless_extras),
    };
    return cmocka_run_group_tests_name("h1_chunks", tests, NULL, NULL);
}
