/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of values that stand in the environment or in a file of their own. */
#include "conf/indirect.h"

#include "scratch.h"

static void expect(const char *text, const char *expanded, const char *hint)
{
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const char *said = NULL;
    char *made = indirect_expand(cmp_str_from(text), &memory, &said);
    if (expanded != NULL) {
        assert_non_null(made);
        assert_string_equal(made, expanded);
    } else {
        assert_null(made);
        assert_non_null(strstr(said, hint));
    }
    free(made);
    kit_arena_reset(&memory);
}

static void variables_of_the_environment(void **state)
{
    (void)state;
    setenv("_A1", "one", 1);
    setenv("EMPTY", "", 1);
    setenv("TRICKY", "${_A1}$${", 1);
    unsetenv("NOT_THERE");
    expect("", "", NULL);
    expect("a $ b $$ c $}", "a $ b $$ c $}", NULL);
    expect("${_A1}", "one", NULL);
    expect("x:${_A1}:${EMPTY}:${_A1}", "x:one::one", NULL);
    expect("$${_A1}", "${_A1}", NULL);
    expect("${TRICKY}", "${_A1}$${", NULL); /* once, and no more */
    expect("$", "$", NULL);
    expect("${NOT_THERE}", NULL, "the environment has no NOT_THERE");
    static const char *const bad[] = {"${",      "${}",     "${_A1",      "${1A}",    "${a}",
                                      "${_A1 }", "${_A-1}", "x${_A1:-y}", "${_A1}${", "${${_A1}}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect(bad[i], NULL, "is written ${NAME}");
    }
}

static void expect_file(const char *path, const char *text, const char *hint)
{
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const char *said = NULL;
    char *read = indirect_read(path, &memory, &said);
    if (text != NULL) {
        assert_non_null(read);
        assert_string_equal(read, text);
    } else {
        assert_null(read);
        assert_non_null(strstr(said, hint));
    }
    free(read);
    kit_arena_reset(&memory);
}

static void files_with_one_secret(void **state)
{
    (void)state;
    scratch_write("s", "hush\n");
    expect_file("s", "hush", NULL);
    scratch_write("s", "hush\n\n");
    expect_file("s", "hush\n", NULL);
    scratch_write("s", "");
    expect_file("s", "", NULL);
    scratch_write_octets("s", "a\0b", 3);
    expect_file("s", NULL, "holds no text");
    expect_file("nowhere", NULL, "nowhere cannot be read: No such file");
    expect_file(".", NULL, "is no regular file");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    expect_file("fifo", NULL, "is no regular file");
    static char large[65537];
    memset(large, 'x', sizeof(large));
    scratch_write_octets("s", large, sizeof(large));
    expect_file("s", NULL, "File too large");
    scratch_write_octets("s", large, sizeof(large) - 1);
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const char *hint;
    char *whole = indirect_read("s", &memory, &hint);
    assert_int_equal(strlen(whole), sizeof(large) - 1);
    free(whole);
    kit_arena_reset(&memory);
}

static void files_that_others_can_use(void **state)
{
    (void)state;
    scratch_write("s", "hush");
    static const mode_t open_to[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < sizeof(open_to) / sizeof(open_to[0]); i++) {
        assert_int_equal(chmod("s", open_to[i]), 0);
        expect_file("s", NULL, "run chmod 600 s");
    }
}

/* systemd guards its folder; access lists show as the group's right to read. */
static void credentials_of_systemd(void **state)
{
    (void)state;
    assert_int_equal(mkdir("credentials", 0700), 0);
    scratch_write("credentials/s", "hush");
    assert_int_equal(chmod("credentials/s", 0440), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
    expect_file("credentials/s", NULL, "open to others");
    setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
    expect_file("credentials/s", "hush", NULL);
    assert_int_equal(chmod("credentials/s", 0444), 0);
    expect_file("credentials/s", NULL, "open to others");
    scratch_write("credentialss", "hush");
    assert_int_equal(chmod("credentialss", 0440), 0);
    expect_file("credentialss", NULL, "open to others");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_of_the_environment),
        cmocka_unit_test(files_with_one_secret),
        cmocka_unit_test(files_that_others_can_use),
        cmocka_unit_test(credentials_of_systemd),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
