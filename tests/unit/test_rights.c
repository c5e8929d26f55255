/* SPDX-License-Identifier: Apache-2.0 */
/* admin/rights.c, base/groups.c: who may what on the admin socket, by user and groups. */
#include "admin/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

enum { OPS = 5001, MORE_OPS, WATCHERS, OTHERS };

static gid_t operators[] = {OPS, MORE_OPS}, readers[] = {WATCHERS};
static const generation given = {.operators = {operators, 2}, .readers = {readers, 1}};
static const generation not_given = {.stores = {NULL, 0}};

static uid_t stranger(void)
{
    return geteuid() + 1;
}

static bool may(const generation *g, uid_t user, gid_t *of, size_t count, admin_right right)
{
    const rights_asker who = {.user = user, .groups = {of, count}};
    return rights_has(g, &who, right);
}

static void our_own_user_may_all(void **state)
{
    (void)state;
    gid_t none[] = {OTHERS};
    for (int right = ADMIN_READ; right <= ADMIN_CHANGE; right++) {
        assert_true(may(&not_given, geteuid(), none, 1, (admin_right)right));
        assert_true(may(&given, geteuid(), none, 1, (admin_right)right));
        assert_true(may(&not_given, 0, none, 1, (admin_right)right));
        assert_false(may(&not_given, stranger(), none, 1, (admin_right)right));
        assert_false(may(&given, stranger(), none, 1, (admin_right)right));
    }
}

static void members_may_what_their_groups_may(void **state)
{
    (void)state;
    gid_t ops[] = {OTHERS, MORE_OPS}, watchers[] = {WATCHERS, OTHERS}, both[] = {WATCHERS, OPS};
    assert_true(may(&given, stranger(), ops, 2, ADMIN_READ));
    assert_true(may(&given, stranger(), ops, 2, ADMIN_CHANGE));
    assert_false(may(&given, stranger(), ops, 1, ADMIN_READ));
    assert_true(may(&given, stranger(), watchers, 2, ADMIN_READ));
    assert_false(may(&given, stranger(), watchers, 2, ADMIN_CHANGE));
    assert_true(may(&given, stranger(), both, 2, ADMIN_CHANGE));
    assert_false(may(&not_given, stranger(), both, 2, ADMIN_READ));
}

static void the_socket_is_open_when_somebody_has_a_right(void **state)
{
    (void)state;
    const generation by_readers = {.readers = {readers, 1}};
    assert_true(rights_given(&given));
    assert_true(rights_given(&by_readers));
    assert_false(rights_given(&not_given));
}

static void groups_are_found_by_name_or_number(void **state)
{
    (void)state;
    const char *const good[] = {"root", "4294967294"}, *const bad[] = {"root", "no such group"},
                      *const all_ones[] = {"4294967295"}; /* which is no group: setgid(2) */
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    groups found;
    size_t wrong = 9;
    assert_true(groups_find(&(cmp_strings){good, 2}, &a, &found, &wrong));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.at[0], 0);
    assert_int_equal(found.at[1], 4294967294);
    assert_int_equal(wrong, 9);
    assert_false(groups_find(&(cmp_strings){bad, 2}, &a, &found, &wrong));
    assert_int_equal(wrong, 1);
    assert_false(groups_find(&(cmp_strings){all_ones, 1}, &a, &found, &wrong));
    kit_arena_reset(&a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_user_may_all),
        cmocka_unit_test(members_may_what_their_groups_may),
        cmocka_unit_test(the_socket_is_open_when_somebody_has_a_right),
        cmocka_unit_test(groups_are_found_by_name_or_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
