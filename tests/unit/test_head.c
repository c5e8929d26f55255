/* HTTP/1 heads that two parsers could read in two ways are refused. */
#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LINE "GET /mc-3/resolve-ici?tid=1 HTTP/1.1\r\n"
#define HOST "host: a.example.net\r\n"

static const char *fault_of(const char *text)
{
    return head_fault(text, strlen(text));
}

static void refuses_what_is_ambiguous(void **state)
{
    static const struct {
        const char *head, *fault;
    } cases[] = {
        {LINE "\r\n", "There is no Host"},
        {LINE HOST HOST "\r\n", "There is more than one Host"},
        {LINE HOST "Host : x\r\n\r\n", "A header field's name has characters that are not allowed"},
        {LINE HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
         "There is more than one Content-Length"},
        {LINE HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding contradict each other"},
        {LINE HOST "transfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding contradict each other"},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
         "Content-Length and Transfer-Encoding contradict each other"},
        {LINE HOST "a: b\r\n c\r\n\r\n", "A header field is folded over several lines"},
        {LINE HOST "a: b\r\n\tc\r\n\r\n", "A header field is folded over several lines"},
        {LINE HOST "a: b\n\r\n", "A line does not end in CR LF"},
        {"GET / HTTP/1.1\n" HOST "\r\n", "A line does not end in CR LF"},
        {LINE HOST "a: b\r\n\n", "A line does not end in CR LF"},
        {LINE HOST "\n", "A line does not end in CR LF"},
        {LINE HOST, "A line does not end in CR LF"},
        {"", "A line does not end in CR LF"},
        {"\r\n", "A line does not end in CR LF"},
        {"G@T / HTTP/1.1\r\n" HOST "\r\n", "The method is not valid"},
        {" / HTTP/1.1\r\n" HOST "\r\n", "The method is not valid"},
        {"GET\r\n" HOST "\r\n", "The method is not valid"},
        {LINE HOST "no colon\r\n\r\n", "A header field has no name"},
        {LINE HOST ": empty\r\n\r\n", "A header field has no name"},
        {LINE HOST "a b: c\r\n\r\n", "A header field's name has characters that are not allowed"},
        {LINE HOST "a\x80: c\r\n\r\n", "A header field's name has characters that are not allowed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *fault = fault_of(cases[i].head);
        if (fault == NULL || strcmp(fault, cases[i].fault) != 0) {
            fail_msg("case %zu: got \"%s\", wanted \"%s\"", i, fault != NULL ? fault : "no fault",
                     cases[i].fault);
        }
    }
}

static void accepts_what_is_clear(void **state)
{
    static const char *const cases[] = {
        LINE HOST "\r\n",
        "\r\n" LINE HOST "\r\n",
        LINE "HOST: a\r\nAccept: */*\r\nX-_~!#$%&'*+.^`|0: \r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na\nb",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *fault = fault_of(cases[i]);
        if (fault != NULL) {
            fail_msg("case %zu: %s", i, fault);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_ambiguous),
        cmocka_unit_test(accepts_what_is_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
