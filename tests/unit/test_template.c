/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with parts for some (core/ctl/template.c). */
#include "ctl/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const words[] = {"store", "async", NULL};
static const template_value values[] = {{"NAME", "store_x"}, {"WHERE", "/there"}, {NULL, NULL}};

/* NULL: it is no template. To be freed. */
static char *written(const char *text)
{
    char *made = NULL;
    size_t size;
    FILE *to = open_memstream(&made, &size);
    const bool good = template_write(text, &(template_for){words, values}, to);
    fclose(to);
    if (!good) {
        free(made);
        made = NULL;
    }
    return made;
}

static void assert_written(const char *text, const char *expected)
{
    char *made = written(text);
    assert_non_null(made);
    assert_string_equal(made, expected);
    free(made);
}

static void values_are_filled_in(void **state)
{
    (void)state;
    assert_written("a @NAME@.c b@WHERE@\n", "a store_x.c b/there\n");
    assert_written("@NAME@@NAME@\n", "store_xstore_x\n");
    assert_written("@name@ @ @NAME @OTHER@ me@example.net\n",
                   "@name@ @ @NAME @OTHER@ me@example.net\n");
    assert_written("last line", "last line\n");
    assert_written("", "");
}

static void parts_are_for_some(void **state)
{
    (void)state;
    assert_written("1\n@if store\n2\n@end\n3\n", "1\n2\n3\n");
    assert_written("1\n@if auth\n2\n@end\n3\n", "1\n3\n");
    assert_written("@if auth async\n2\n@else\n3\n@end\n", "2\n");
    assert_written("@if auth route\n2\n@else\n3\n@end\n", "3\n");
    assert_written("@if sto\n1\n@end\n@if stores\n2\n@end\n", "");
    assert_written("@ifs are no condition\n@endless\n", "@ifs are no condition\n@endless\n");
}

static void parts_have_parts(void **state)
{
    (void)state;
    assert_written("@if store\n@if auth\n1\n@else\n2\n@end\n3\n@end\n", "2\n3\n");
    assert_written("@if auth\n@if store\n1\n@else\n2\n@end\n@else\n3\n@end\n", "3\n");
    assert_written("@if auth\n@if auth\n1\n@else\n2\n@end\n@end\n", "");
}

static void what_is_no_template(void **state)
{
    (void)state;
    assert_null(written("@end\n"));
    assert_null(written("@else\n"));
    assert_null(written("@if store\n1\n"));
    assert_null(written("@if\n@end\n"));
    assert_null(written("@if a\n@if a\n@if a\n@if a\n@if a\n@if a\n@if a\n@if a\n@if a\n"
                        "@end\n@end\n@end\n@end\n@end\n@end\n@end\n@end\n@end\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_filled_in),
        cmocka_unit_test(parts_are_for_some),
        cmocka_unit_test(parts_have_parts),
        cmocka_unit_test(what_is_no_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
