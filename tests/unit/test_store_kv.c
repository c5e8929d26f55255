/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/examples/store_kv.c: what the file says, what is written to it, and what it cannot hold. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

static char folder[] = "/tmp/test_store_kv.XXXXXX";
static char path[64];
static cmp_test *t;

static void write_text(const char *text)
{
    char beside[80];
    snprintf(beside, sizeof(beside), "%s.other", path);
    FILE *to = fopen(beside, "we");
    assert_non_null(to);
    fputs(text, to);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(rename(beside, path), 0);
}

static void assert_text(const char *expected)
{
    char text[512] = "";
    FILE *from = fopen(path, "re");
    assert_non_null(from);
    text[fread(text, 1, sizeof(text) - 1, from)] = '\0';
    fclose(from);
    assert_string_equal(text, expected);
}

static bool open_it(void)
{
    char options[128];
    snprintf(options, sizeof(options), "path: %s\ncheck_interval: 1s", path);
    return cmp_test_open(t, &cmp_plugin_descriptor, options);
}

/* NULL: it is absent. */
static void assert_content(const char *ici, const char *expected)
{
    cmp_test_op *op = cmp_test_lookup(t, ici, NULL);
    assert_int_equal(cmp_test_verdict(op), expected != NULL ? CMP_STORE_FOUND : CMP_STORE_ABSENT);
    if (expected != NULL) {
        assert_true(cmp_str_equal(cmp_test_record(op)->content, cmp_str_from(expected)));
    }
    cmp_test_end(&op);
}

static int setup(void **state)
{
    (void)state;
    t = cmp_test_create();
    write_text("# codes\n\nA-2 = https://two.example/?a=b\nA-1=one  \n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cmp_test_destroy(&t);
    return 0;
}

static void it_knows_what_the_file_says(void **state)
{
    (void)state;
    assert_true(open_it());
    assert_content("A-1", "one");
    assert_content("A-2", "https://two.example/?a=b");
    assert_content("a-1", NULL);
    assert_content("A-", NULL);
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"A-1 = x\nA-2\n", ":2: expected ICI = content"},
        {"A 1 = x\n", ":1: expected ICI = content"},
        {" = x\n", ":1: expected ICI = content"},
        {"A-1 =\n", ":1: expected UTF-8 behind the ="},
        {"A-1 = \xff\n", ":1: expected UTF-8 behind the ="},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_text(bad[i].text);
        assert_false(open_it());
        assert_true(cmp_test_reported(t, bad[i].said));
    }
    unlink(path);
    assert_false(open_it());
    assert_true(cmp_test_reported(t, "No such file"));
}

static void a_change_is_noticed(void **state)
{
    (void)state;
    assert_true(open_it());
    write_text("A-3 = three\n");
    assert_content("A-3", NULL);
    cmp_test_advance(t, 1000);
    assert_content("A-3", "three");
    assert_content("A-1", NULL);
    assert_string_equal(cmp_test_changed(t), "*\n");
    write_text("nothing\n");
    cmp_test_advance(t, 1000);
    assert_true(cmp_test_logged(t, CMP_LOG_ERROR, ":1: expected ICI = content"));
    assert_content("A-3", "three");
}

/* ---- writes ---- */

static const cmp_store_ops *ops(void)
{
    return cmp_plugin_descriptor.ops.store;
}

static char error[256];

static void *begin(void)
{
    void *write = ops()->begin(cmp_test_instance(t), error, sizeof(error));
    assert_non_null(write);
    return write;
}

static bool put(void *write, const char *ici, const cmp_record *record)
{
    return ops()->put(cmp_test_instance(t), write, cmp_str_from(ici), record, error, sizeof(error));
}

static void put_text(void *write, const char *ici, const char *content)
{
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(content);
    assert_true(put(write, ici, &record));
}

static void a_commit_changes_the_file_at_once(void **state)
{
    (void)state;
    bool existed;
    assert_true(open_it());
    void *write = begin();
    put_text(write, "A-3", "three");
    put_text(write, "A-1", "first");
    assert_true(
        ops()->remove(cmp_test_instance(t), write, CMP_STR("A-2"), &existed, error, sizeof(error)));
    assert_content("A-3", NULL);
    assert_true(ops()->commit(cmp_test_instance(t), write, error, sizeof(error)));
    assert_content("A-1", "first");
    assert_content("A-2", NULL);
    assert_content("A-3", "three");
    assert_text("A-1 = first\nA-3 = three\n");
    assert_string_equal(cmp_test_changed(t), "A-1\nA-2\nA-3\n");
    cmp_test_changed_clear(t);
    cmp_test_advance(t, 1000); /* its own change is nobody else's */
    assert_int_equal(cmp_test_changed_count(t), 0);
}

static void what_others_have_changed_stays(void **state)
{
    (void)state;
    assert_true(open_it());
    void *write = begin();
    put_text(write, "A-4", "four");
    write_text("A-3 = three\n");
    assert_true(ops()->commit(cmp_test_instance(t), write, error, sizeof(error)));
    assert_text("A-3 = three\nA-4 = four\n");
}

static void an_abort_changes_nothing(void **state)
{
    (void)state;
    assert_true(open_it());
    void *write = begin();
    put_text(write, "A-3", "three");
    ops()->abort(cmp_test_instance(t), write);
    assert_content("A-3", NULL);
}

static void what_a_line_cannot_say_is_refused(void **state)
{
    (void)state;
    assert_true(open_it());
    void *write = begin();
    static const char *const contents[] = {"two\nlines", " before", "behind ", ""};
    cmp_record record = CMP_RECORD_INIT;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        record.content = cmp_str_from(contents[i]);
        assert_false(put(write, "A-3", &record));
        assert_string_equal(error, "this store holds contents of one line, and nothing else");
    }
    record.content = CMP_STR("good");
    assert_false(put(write, "A=3", &record));
    assert_false(put(write, "#3", &record));
    record.not_after_ms = 1;
    assert_false(put(write, "A-3", &record));
    ops()->abort(cmp_test_instance(t), write);
}

static void a_write_that_fails_changes_nothing(void **state)
{
    (void)state;
    char beside[80];
    snprintf(beside, sizeof(beside), "%s.new", path);
    assert_int_equal(mkdir(beside, 0700), 0);
    assert_true(open_it());
    void *write = begin();
    put_text(write, "A-3", "three");
    assert_false(ops()->commit(cmp_test_instance(t), write, error, sizeof(error)));
    assert_non_null(strstr(error, "Is a directory"));
    assert_content("A-3", NULL);
    rmdir(beside);
}

static bool collect(cmp_str ici, const cmp_record *record, void *arg)
{
    char *all = arg;
    snprintf(all + strlen(all), 128 - strlen(all), "%.*s=%.*s ", (int)ici.size, ici.at,
             (int)record->content.size, record->content.at);
    return strlen(all) < 20;
}

static void a_scan_goes_on_behind_where_it_ended(void **state)
{
    (void)state;
    write_text("A-1 = one\nA-2 = two\nA-3 = three\n");
    assert_true(open_it());
    static const struct {
        const char *after, *expected;
    } scans[] = {{NULL, "A-1=one A-2=two A-3=three "},
                 {"A-1", "A-2=two A-3=three "},
                 {"A-10", "A-2=two A-3=three "},
                 {"A-3", ""}};
    for (size_t i = 0; i < sizeof(scans) / sizeof(scans[0]); i++) {
        char all[128] = "";
        assert_true(ops()->scan(cmp_test_instance(t), cmp_str_from(scans[i].after), collect, all,
                                error, sizeof(error)));
        assert_string_equal(all, scans[i].expected);
    }
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/codes", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_knows_what_the_file_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_line_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_changes_the_file_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_have_changed_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(an_abort_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_line_cannot_say_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_scan_goes_on_behind_where_it_ended, setup, teardown),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
