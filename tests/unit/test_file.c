/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/file.c: what is no file, complaints, and files that change while they are read. */
#include "scratch.h"

#include <cmp-kit/file.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char read_text[64]; /* what the reader saw */

static bool reads(kit_file *f, void *arg)
{
    (void)arg;
    memset(read_text, 0, sizeof(read_text));
    return f->fd < 0 || read(f->fd, read_text, sizeof(read_text) - 1) == (ssize_t)f->mark.size;
}

static bool fails(kit_file *f, void *arg)
{
    (void)arg;
    kit_file_fail(f, 7, "%s", "is wrong");
    return kit_file_fail(f, 8, "is wrong, too");
}

/* Somebody writes while it is read; the reader does not mind, or complains. */
static bool changes(kit_file *f, void *arg)
{
    scratch_write("file", "another text");
    return arg == NULL || kit_file_fail(f, 1, "half a line");
}

static bool never(kit_file *f, void *arg)
{
    (void)f, (void)arg;
    fail_msg("there is nothing to read");
    return false;
}

static void is_refused(const char *why)
{
    kit_file f;
    assert_int_equal(kit_file_read(&f, "file", "path", never, NULL), KIT_FILE_BAD);
    assert_string_equal(f.error, why);
    assert_string_equal(f.option, "path");
    assert_false(f.opened);
    const kit_file_mark none = {0};
    assert_true(kit_file_mark_equal(&f.mark, &none));
}

static void what_is_no_file(void **state)
{
    (void)state;
    unlink("file");
    is_refused("file: cannot be opened: No such file or directory");
    assert_int_equal(mkdir("file", 0700), 0);
    is_refused("file: is no regular file");
    rmdir("file");
    assert_int_equal(mkfifo("file", 0600), 0);
    is_refused("file: is no regular file"); /* and nobody waits for a writer */
    unlink("file");
}

static void a_good_file(void **state)
{
    (void)state;
    kit_file f;
    scratch_write("file", "text");
    assert_int_equal(kit_file_read(&f, "file", "path", reads, NULL), KIT_FILE_GOOD);
    assert_string_equal(read_text, "text");
    assert_string_equal(f.error, "");
    assert_true(f.opened);
    assert_int_equal(f.fd, -1);
    assert_int_equal(kit_file_read(&f, NULL, "path", reads, NULL), KIT_FILE_GOOD);
    assert_false(f.opened);
}

static void the_first_complaint_counts(void **state)
{
    (void)state;
    kit_file f;
    scratch_write("file", "text");
    assert_int_equal(kit_file_read(&f, "file", "path", fails, NULL), KIT_FILE_BAD);
    assert_string_equal(f.error, "file:7: is wrong");
    assert_true(f.opened);
}

static void a_long_complaint_is_cut(void **state)
{
    (void)state;
    kit_file f = {.path = "file"};
    char *text = malloc(2 * KIT_FILE_ERROR_SIZE);
    memset(text, 'x', 2 * KIT_FILE_ERROR_SIZE - 1);
    text[2 * KIT_FILE_ERROR_SIZE - 1] = '\0';
    assert_false(kit_file_fail(&f, 0, "%s", text));
    assert_int_equal(strlen(f.error), KIT_FILE_ERROR_SIZE - 1);
    free(text);
}

static void a_change_while_it_is_read(void **state)
{
    (void)state;
    for (int complains = 0; complains < 2; complains++) {
        kit_file f;
        scratch_write("file", "text");
        assert_int_equal(kit_file_read(&f, "file", "path", changes, complains != 0 ? &f : NULL),
                         KIT_FILE_CHANGED);
        assert_string_equal(f.error, "file: the file changed while it was read");
    }
}

static void marks_tell_states_apart(void **state)
{
    (void)state;
    kit_file f;
    scratch_write("file", "text");
    const kit_file_mark first = kit_file_mark_of("file");
    assert_int_equal(kit_file_read(&f, "file", "path", reads, NULL), KIT_FILE_GOOD);
    assert_true(kit_file_mark_equal(&f.mark, &first));
    scratch_write("file", "texts");
    const kit_file_mark second = kit_file_mark_of("file");
    assert_false(kit_file_mark_equal(&first, &second));
    unlink("file");
    const kit_file_mark gone = kit_file_mark_of("file"), none = {0};
    assert_true(kit_file_mark_equal(&gone, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(a_good_file),
        cmocka_unit_test(the_first_complaint_counts),
        cmocka_unit_test(a_long_complaint_is_cut),
        cmocka_unit_test(a_change_while_it_is_read),
        cmocka_unit_test(marks_tell_states_apart),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
