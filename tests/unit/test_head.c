/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 heads that two parsers could read in two ways are refused; and libh2o is told by no other
 * reader what a good one says. */
#include "http/head.h"

#include "http/picohttp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINE         "GET /mc-3/resolve-ici?tid=1 HTTP/1.1\r\n"
#define HOST         "host: a.example.net\r\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FIELDS_MAX   8

static cmp_pair fields[FIELDS_MAX];
static head h;

/* Reads a copy that ends where its memory ends, so that a sanitizer sees octets read too many. */
static h1_progress read_part(const char *text, size_t size, size_t seen)
{
    static char *copy;
    free(copy);
    copy = malloc(size != 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    h = (head){.fields = fields, .field_max = FIELDS_MAX};
    return head_read((cmp_str){copy, size}, seen, &h);
}

static void refuses_what_is_ambiguous(void **state)
{
    static const struct {
        const char *head, *fault;
    } cases[] = {
        {LINE "\r\n", "There is no Host"},
        {LINE HOST HOST "\r\n", "There is more than one Host"},
        {LINE HOST "Host : x\r\n\r\n", "A header field's name has characters that are not allowed"},
        {LINE "Host: a b\r\n\r\n", "Host is not valid"},
        {LINE "Host: a/b\r\n\r\n", "Host is not valid"},
        {LINE "Host: a@b\r\n\r\n", "Host is not valid"},
        {LINE "Host: a:b:c\r\n\r\n", "Host is not valid"},
        {LINE "Host: [::1\r\n\r\n", "Host is not valid"},
        {"GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", "Host is not valid"},
        {LINE HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
         "There is more than one Content-Length"},
        {LINE HOST "Content-Length: +1\r\n\r\n", "Content-Length is not valid"},
        {LINE HOST "Content-Length: 1, 1\r\n\r\n", "Content-Length is not valid"},
        {LINE HOST "Content-Length: 0x1\r\n\r\n", "Content-Length is not valid"},
        {LINE HOST "Content-Length:\r\n\r\n", "Content-Length is not valid"},
        {LINE HOST "Content-Length: 18446744073709551616\r\n\r\n", "Content-Length is not valid"},
        {LINE HOST "Transfer-Encoding: xchunked\r\n\r\n", "Transfer-Encoding is not chunked"},
        {LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding is not chunked"},
        {LINE HOST "Transfer-Encoding: chunked, identity\r\n\r\n",
         "Transfer-Encoding is not chunked"},
        {LINE HOST "Transfer-Encoding: \x0b"
                   "chunked\r\n\r\n",
         "A line does not end in CR LF"},
        {LINE HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding contradict each other"},
        {LINE HOST "transfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding contradict each other"},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding contradict each other"},
        {LINE HOST "a: b\r\n c\r\n\r\n", "A header field is folded over several lines"},
        {LINE HOST "a: b\r\n\tc\r\n\r\n", "A header field is folded over several lines"},
        {LINE HOST "a: b\n\r\n", "A line does not end in CR LF"},
        {LINE HOST "a: b\rc\r\n\r\n", "A line does not end in CR LF"},
        {LINE HOST "a: b\001\r\n\r\n", "A line does not end in CR LF"},
        {LINE HOST "a: 1234567\x7F"
                   "9\r\n\r\n",
         "A line does not end in CR LF"},
        {"GET / HTTP/1.1\n" HOST "\r\n", "A line does not end in CR LF"},
        {LINE HOST "a: b\r\n\n", "A line does not end in CR LF"},
        {LINE HOST "\n", "A line does not end in CR LF"},
        {"\rGET / HTTP/1.1\r\n\r\n", "A line does not end in CR LF"},
        {"\n\n", "A line does not end in CR LF"},
        {"\r\n\r\n", "The method is not valid"},
        {"\r\n\r\n" LINE HOST "\r\n", "The method is not valid"},
        {"G@T / HTTP/1.1\r\n" HOST "\r\n", "The method is not valid"},
        {" / HTTP/1.1\r\n" HOST "\r\n", "The method is not valid"},
        {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", "The method is not valid"},
        {"GET\r\n" HOST "\r\n", "The method is not valid"},
        {"GET / HTTQ/1.1\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET / HTTP/1.10\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET / HTTP/1.x\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET / x HTTP/1.1\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET /\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", "The first line does not end in HTTP/1.1"},
        {"GET  HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET x HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET /\tx HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET https:/a HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET https:// HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET https:///x HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET https://u@a/ HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"CONNECT /x@y HTTP/1.1\r\n" HOST "a b: c\r\n\r\n",
         "A header field's name has characters that are not allowed"},
        {"CONNECT u@a:443 HTTP/1.1\r\n" HOST "\r\n", "The target is not valid"},
        {"GET /#x HTTP/1.1\r\n" HOST "\r\n", "The target has a fragment"},
        {"GET https://a/?x#y HTTP/1.1\r\n" HOST "\r\n", "The target has a fragment"},
        {LINE HOST "no colon\r\n\r\n", "A header field's name has characters that are not allowed"},
        {LINE HOST "colon\r\n\r\n", "A header field has no name"},
        {LINE HOST ": empty\r\n\r\n", "A header field has no name"},
        {LINE HOST "a b: c\r\n\r\n", "A header field's name has characters that are not allowed"},
        {LINE HOST "a\x80: c\r\n\r\n", "A header field's name has characters that are not allowed"},
        {LINE HOST "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\n\r\n",
         "There are too many header fields"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].head;
        if (read_part(text, strlen(text), 0) != H1_BAD || strcmp(h.fault, cases[i].fault) != 0) {
            fail_msg("%s: got \"%s\", wanted \"%s\"", text, h.fault != NULL ? h.fault : "no fault",
                     cases[i].fault);
        }
    }
}

/* Also piece by piece: each good head is not there before its last octet is. */
static void accepts_what_is_clear(void **state)
{
    static const struct {
        const char *head, *method, *target;
    } cases[] = {
        {LINE HOST "\r\n", "GET", "/mc-3/resolve-ici?tid=1"},
        {"\r\n" LINE HOST "\r\n", "GET", "/mc-3/resolve-ici?tid=1"},
        {LINE "HOST: a\r\nAccept: */*\r\nX-_~!#$%&'*+.^`|0: \r\n\r\n", "GET",
         "/mc-3/resolve-ici?tid=1"},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n", "POST", "/"},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", "POST", "/"},
        {"GET / HTTP/1.0\r\n\r\n", "GET", "/"},
        {"GET / HTTP/1.9\r\nHost:\r\n\r\n", "GET", "/"},
        {"get / HTTP/1.1\r\n" HOST "\r\n", "get", "/"},
        {"M-SEARCH!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" HOST "\r\n", "M-SEARCH!#$%&'*+-.^_`|~", "/"},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*"},
        {"CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", "CONNECT", "a:443"},
        {"GET HTTPS://[::1]:8443?x HTTP/1.1\r\n" HOST "\r\n", "GET", "HTTPS://[::1]:8443?x"},
        {"GET http://a/b@c HTTP/1.1\r\n" HOST "\r\n", "GET", "http://a/b@c"},
        {"GET /\xC3\xBC HTTP/1.1\r\n" HOST "a: \xC3\xBC\t\"#\"\r\n\r\n", "GET", "/\xC3\xBC"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t size = strlen(cases[i].head);
        for (size_t n = 0; n < size; n++) {
            if (read_part(cases[i].head, n, n > 0 ? n - 1 : 0) != H1_MORE) {
                fail_msg("case %zu: done after %zu octets", i, n);
            }
        }
        if (read_part(cases[i].head, size, size - 1) != H1_DONE) {
            fail_msg("case %zu: %s", i, h.fault != NULL ? h.fault : "not done");
        }
        assert_int_equal(h.size, size);
        assert_true(cmp_str_equal(h.method, cmp_str_from(cases[i].method)));
        assert_true(cmp_str_equal(h.target, cmp_str_from(cases[i].target)));
    }
}

static void does_not_wait_for_what_is_no_request(void **state)
{
    (void)state;
    assert_int_equal(read_part("\x16\x03\x01", 3, 0), H1_BAD);
    assert_int_equal(read_part("GET\t", 4, 0), H1_BAD);
    assert_int_equal(read_part("\r\n\r", 3, 0), H1_BAD);
    assert_int_equal(read_part("\rx", 2, 0), H1_BAD);
    assert_int_equal(read_part("GE", 2, 0), H1_MORE);
    assert_int_equal(read_part("\r\nGE", 4, 0), H1_MORE);
}

/* What is left of these fields for libh2o: the last one's value, or none. */
static void says_once_what_becomes_of_the_connection(void **state)
{
    static const struct {
        const char *head, *wanted;
    } cases[] = {
        {LINE HOST "\r\n", NULL},
        {LINE HOST "Connection: keep-alive\r\n\r\n", NULL},
        {LINE HOST "Connection: x\r\n\r\n", NULL},
        {LINE HOST "Connection: Close\r\n\r\n", "close"},
        {LINE HOST "Connection: keep-alive, close\r\n\r\n", "close"},
        {LINE HOST "Connection: close\r\nConnection: keep-alive\r\n\r\n", "close"},
        {"GET / HTTP/1.0\r\n\r\n", NULL},
        {"GET / HTTP/1.0\r\nConnection: x\r\n\r\n", NULL},
        {"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "keep-alive"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(read_part(cases[i].head, strlen(cases[i].head), 0), H1_DONE);
        const cmp_str *said = NULL;
        for (size_t j = 0; j < h.field_count; j++) {
            if (cmp_str_equal(fields[j].name, CMP_STR("Connection"))) {
                assert_null(said);
                said = &fields[j].value;
            }
        }
        if (said == NULL
                ? cases[i].wanted != NULL
                : cases[i].wanted == NULL || !cmp_str_equal(*said, cmp_str_from(cases[i].wanted))) {
            fail_msg("case %zu", i);
        }
    }
}

static void expects_nothing_of_http_1_0(void **state)
{
    (void)state;
    static const char one[] = "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n";
    static const char old[] = "POST / HTTP/1.0\r\n" HOST "expect: 100-continue\r\n\r\n";
    assert_int_equal(read_part(one, strlen(one), 0), H1_DONE);
    assert_int_equal(h.field_count, 2);
    assert_int_equal(read_part(old, strlen(old), 0), H1_DONE);
    assert_int_equal(h.field_count, 1);
}

static void finds_the_path_of_a_target(void **state)
{
    static const struct {
        const char *target, *path;
    } cases[] = {
        {"/x/y", "/x/y"}, {"https://a/x", "/x"}, {"HTTP://a:1/x/y", "/x/y"}, {"https://a", "/"},
        {"*", "*"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const cmp_str path = head_target_path(cmp_str_from(cases[i].target));
        assert_true(cmp_str_equal(path, cmp_str_from(cases[i].path)));
    }
    assert_non_null(head_target_fault(CMP_STR("GET"), CMP_STR("https://a/"), false));
    assert_null(head_target_fault(CMP_STR("GET"), CMP_STR("https://a/"), true));
}

static void libh2o_reads_with_these_readers(void **state)
{
    (void)state;
    assert_true(picohttp_in_place());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_ambiguous),
        cmocka_unit_test(accepts_what_is_clear),
        cmocka_unit_test(does_not_wait_for_what_is_no_request),
        cmocka_unit_test(says_once_what_becomes_of_the_connection),
        cmocka_unit_test(expects_nothing_of_http_1_0),
        cmocka_unit_test(finds_the_path_of_a_target),
        cmocka_unit_test(libh2o_reads_with_these_readers),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
