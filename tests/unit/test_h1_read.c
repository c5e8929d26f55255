/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP/1.1 answers: what must be refused, what is read, and that any pieces do. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_garbage_at_once),
        cmocka_unit_test(test_good_heads),
    };
    return cmocka_run_group_tests_name("h1_read", tests, NULL, NULL);
}
