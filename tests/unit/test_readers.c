/* SPDX-License-Identifier: Apache-2.0 */
/* base/readers.c: who can read a file that holds a secret. */
#include "base/readers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_mode_and_the_group_tell(void **state)
{
    (void)state;
    static const gid_t groups[] = {500, 501};
    static const struct {
        mode_t mode;
        gid_t group;
        uid_t user;
        readers who;
    } cases[] = {
        {0600, 7, 1000, READERS_OURS},      {0640, 500, 1000, READERS_OURS},
        {0640, 501, 1000, READERS_OURS},    {0640, 7, 1000, READERS_GROUP},
        {0440, 7, 1000, READERS_GROUP},     {0640, 0, 1000, READERS_OURS},
        {0640, 7, 0, READERS_OURS}, /* root's groups are not the service's */
        {0644, 500, 1000, READERS_ANYBODY}, {0644, 0, 0, READERS_ANYBODY},
        {0660, 500, 1000, READERS_ANYBODY}, {0602, 500, 1000, READERS_ANYBODY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct stat status = {.st_mode = S_IFREG | cases[i].mode, .st_gid = cases[i].group};
        assert_int_equal(readers_for(&status, cases[i].user, groups, 2), cases[i].who);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mode_and_the_group_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
