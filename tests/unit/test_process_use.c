/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/process_use.c: which limit of memory is the one that holds. */
#include "daemon/process_use.h"

#include "scratch.h"

#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* Three groups, one in the other; NULL: it has no such file, as the first one of a machine. */
static double limit_of(const char *top, const char *middle, const char *own)
{
    static const char *const files[] = {"g/memory.max", "g/slice/memory.max",
                                        "g/slice/own/memory.max"};
    const char *const limits[] = {top, middle, own};
    assert_true(mkdir("g", 0700) == 0 || errno == EEXIST);
    assert_true(mkdir("g/slice", 0700) == 0 || errno == EEXIST);
    assert_true(mkdir("g/slice/own", 0700) == 0 || errno == EEXIST);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (limits[i] != NULL) {
            scratch_write(files[i], limits[i]);
        } else {
            unlink(files[i]);
        }
    }
    return process_group_limit_bytes("g", "/slice/own");
}

static void the_least_of_all_groups_holds(void **state)
{
    (void)state;
    assert_true(limit_of(NULL, "max\n", "1073741824\n") == 1073741824.0);
    assert_true(limit_of(NULL, "536870912\n", "1073741824\n") == 536870912.0);
    assert_true(limit_of("4096\n", "536870912\n", "max\n") == 4096.0);
}

static void where_no_group_has_a_limit_there_is_none(void **state)
{
    (void)state;
    assert_true(isinf(limit_of(NULL, "max\n", "max\n")));
    assert_true(isinf(limit_of(NULL, NULL, NULL)));
    assert_true(isinf(limit_of(NULL, "", "\n")));
    assert_true(isinf(process_group_limit_bytes("nowhere", "/")));
}

static void a_first_group_has_no_other(void **state)
{
    (void)state;
    limit_of("8192\n", NULL, NULL);
    assert_true(process_group_limit_bytes("g", "/") == 8192.0);
    assert_true(process_group_limit_bytes("g", "") == 8192.0);
}

static void the_machine_has_an_end(void **state)
{
    (void)state;
    assert_true(process_memory_limit_bytes() > process_resident_bytes());
    assert_true(process_memory_limit_bytes() <=
                (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_of_all_groups_holds),
        cmocka_unit_test(where_no_group_has_a_limit_there_is_none),
        cmocka_unit_test(a_first_group_has_no_other),
        cmocka_unit_test(the_machine_has_an_end),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
