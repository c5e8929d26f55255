/* HTTP/1.1 answers: what must be refused, what is read, and that pieces of any size do. */
#include "outbound/h1_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_bad_heads(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\nA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 O\001K\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nName : space\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNa(me: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nN\303\244me: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        h1_head head;
        size_t scanned = 0, used = 0;
        if (h1_read_head(cmp_str_from(cases[i]), &scanned, &used, &head) != H1_BAD) {
            fail_msg("accepted: %s", cases[i]);
        }
    }
}

static void test_garbage_at_once(void **state)
{
    (void)state;
    h1_head head;
    size_t scanned = 0, used = 0;
    assert_int_equal(h1_read_head(CMP_STR("SSH"), &scanned, &used, &head), H1_BAD);
    assert_int_equal(h1_read_head(CMP_STR("HTT"), &scanned, &used, &head), H1_MORE);
    assert_int_equal(h1_read_head(CMP_STR(""), &scanned, &used, &head), H1_MORE);
}

static void test_good_heads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        bool keep, chunked, has_length;
        uint64_t length;
        const char *type, *retry;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 200, true, false, false, 0, NULL, NULL},
        {"HTTP/1.1 204\r\n\r\n", 204, true, false, false, 0, NULL, NULL},
        {"HTTP/1.0 599 \r\n\r\n", 599, false, false, false, 0, NULL, NULL},
        {"HTTP/1.1 200 OK\r\ncontent-length:7\r\n\r\n", 200, true, false, true, 7, NULL, NULL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n", 200, true, false,
         true, 7, NULL, NULL},
        {"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: \tChunked \r\n\r\n", 200, true, true, false, 0,
         NULL, NULL},
        {"HTTP/1.1 503 No\r\nConnection: x , CLOSE\r\nContent-Type:  a/b;c=d \r\nRetry-After: 3\r\n"
         "\r\n",
         503, false, false, false, 0, "a/b;c=d", "3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t size = strlen(cases[i].text);
        h1_head head;
        size_t scanned = 0, used = 0;
        for (size_t n = 0; n < size; n++) {
            const cmp_str part = {cases[i].text, n};
            assert_int_equal(h1_read_head(part, &scanned, &used, &head), H1_MORE);
        }
        const cmp_str whole = {cases[i].text, size};
        assert_int_equal(h1_read_head(whole, &scanned, &used, &head), H1_DONE);
        assert_int_equal(used, size);
        assert_int_equal(head.status, cases[i].status);
        assert_int_equal(head.keep, cases[i].keep);
        assert_int_equal(head.chunked, cases[i].chunked);
        assert_int_equal(head.has_length, cases[i].has_length);
        assert_int_equal(head.length, cases[i].length);
        assert_true(cmp_str_equal(head.content_type, cmp_str_from(cases[i].type)));
        assert_true(cmp_str_equal(head.retry_after, cmp_str_from(cases[i].retry)));
    }
}

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
    static const char *const begins[] = {"1;", "0\r\n"};
    for (size_t i = 0; i < 2; i++) {
        h1_chunks c = {0};
        size_t used, octets = 0;
        cmp_str data;
        assert_int_equal(h1_read_chunked(&c, cmp_str_from(begins[i]), &used, &data), H1_MORE);
        while (h1_read_chunked(&c, CMP_STR("xxxxxxxxxxxxxxxx"), &used, &data) == H1_MORE) {
            octets += used;
            assert_true(octets < 10000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_heads),      cmocka_unit_test(test_garbage_at_once),
        cmocka_unit_test(test_good_heads),     cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_endless_extras),
    };
    return cmocka_run_group_tests_name("h1_read", tests, NULL, NULL);
}
