/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of HTTP/1: which octets they may hold. */
#include "base/h1_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool good(int octet)
{
    return octet == '\t' || (octet >= 0x20 && octet != 0x7F);
}

/* In lines that are read eight octets at a time or not, among letters and among those that are
 * looked at more closely. */
static void each_octet_in_each_place(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        for (size_t size = 1; size < 20; size++) {
            for (size_t at = 0; at < size; at++) {
                for (int others = 0; others < 2; others++) {
                    char text[22];
                    memset(text, others != 0 ? '\xC3' : 'x', sizeof(text));
                    text[at] = (char)octet;
                    memcpy(text + size, "\r\n", 2);
                    cmp_str in = {text, size + 2}, line;
                    assert_int_equal(h1_line_take(&in, &line), good(octet));
                    if (good(octet)) {
                        assert_int_equal(line.size, size);
                        assert_int_equal(in.size, 0);
                    }
                }
            }
        }
    }
}

static void a_line_ends_with_both(void **state)
{
    (void)state;
    cmp_str line, in = CMP_STR("\r\nx");
    assert_true(h1_line_take(&in, &line));
    assert_int_equal(line.size, 0);
    assert_int_equal(in.size, 1);
    assert_false(h1_line_take(&in, &line));
    in = CMP_STR("x\n");
    assert_false(h1_line_take(&in, &line));
    in = CMP_STR("\n");
    assert_false(h1_line_take(&in, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_octet_in_each_place),
        cmocka_unit_test(a_line_ends_with_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
