/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records ahead: every line arrives, in order, with its number, and the reader can be left
 * at any time. */
#include "ctl/codes_read.h"

#include "scratch.h"

#include <stdio.h>

#define CODE(ici) "{\"ici\":\"" ici "\",\"content\":\"x\"}"

/* Everything that a file holds: `number:ICI` or `number!error` in brackets. */
static void expect(const char *text, const char *expected)
{
    scratch_write("codes", text);
    codes_reader *r = codes_reader_open("codes");
    assert_non_null(r);
    assert_int_equal(codes_reader_size(r), strlen(text));
    char got[512] = "";
    uint64_t bytes = 0;
    for (const codes_batch *b; (b = codes_reader_next(r)) != NULL; bytes = b->bytes) {
        for (size_t i = 0; i < b->count; i++) {
            const codes_line *line = &b->lines[i];
            const size_t used = strlen(got);
            if (line->error != NULL) {
                snprintf(got + used, sizeof(got) - used, "[%zu!%s]", line->number, line->error);
            } else {
                snprintf(got + used, sizeof(got) - used, "[%zu:%.*s]", line->number,
                         (int)line->ici.size, line->ici.at);
            }
        }
    }
    assert_null(codes_reader_failure(r));
    assert_null(codes_reader_next(r)); /* and it stays so */
    assert_string_equal(got, expected);
    assert_int_equal(bytes, strlen(text));
    codes_reader_close(&r);
    assert_null(r);
}

static void small_files(void **state)
{
    (void)state;
    expect("", "");
    expect("\n", "");
    expect("{}", "[1!ici: is missing]");
    expect(CODE("A"), "[1:A]");
    expect(CODE("A") "\n", "[1:A]");
    expect(CODE("A") "\r\n" CODE("B") "\r\n", "[1:A][2:B]");
    expect("\n \t\r\n" CODE("A") "\n\n{}\n" CODE("B"), "[3:A][5!ici: is missing][6:B]");
    expect(CODE("A") CODE("B") "\n" CODE("C"), "[1!end of file expected near '{' (octet 26)][2:C]");
}

static void what_cannot_be_opened(void **state)
{
    (void)state;
    assert_null(codes_reader_open("nowhere"));
    assert_null(codes_reader_open("."));
    codes_reader *none = NULL;
    codes_reader_close(&none);
}

enum { LINES = 20000 }; /* of up to 130 octets: more than the ring holds at once */

static void write_large(void)
{
    FILE *file = fopen("codes", "w");
    assert_non_null(file);
    for (int i = 1; i <= LINES; i++) {
        if (i % 1000 == 0) {
            fputs("[]\n", file);
        } else {
            fprintf(file, "{\"ici\":\"%d\",\"content\":\"%0*d\"}\n", i, i % 97 + 1, 0);
        }
    }
    assert_int_equal(fclose(file), 0);
}

static void large_files_arrive_whole(void **state)
{
    (void)state;
    write_large();
    codes_reader *r = codes_reader_open("codes");
    size_t number = 0, batches = 0;
    for (const codes_batch *b; (b = codes_reader_next(r)) != NULL; batches++) {
        for (size_t i = 0; i < b->count; i++) {
            char ici[16];
            const codes_line *line = &b->lines[i];
            assert_int_equal(line->number, ++number);
            assert_int_equal(line->error != NULL, number % 1000 == 0);
            if (line->error == NULL) {
                snprintf(ici, sizeof(ici), "%zu", number);
                assert_true(cmp_str_equal(line->ici, cmp_str_from(ici)));
                assert_int_equal(line->record.content.size, number % 97 + 1);
            }
        }
    }
    assert_int_equal(number, LINES);
    assert_in_range(batches, 4, 100);
    codes_reader_close(&r);
}

static void it_can_be_left_at_any_time(void **state)
{
    (void)state;
    write_large();
    for (int taken = 0; taken < 4; taken++) {
        codes_reader *r = codes_reader_open("codes");
        for (int i = 0; i < taken; i++) {
            assert_non_null(codes_reader_next(r));
        }
        codes_reader_close(&r);
    }
}

/* Even when it waits for input that does not come. */
static void a_pipe_without_end_can_be_left(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const int real = dup(STDIN_FILENO);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    codes_reader *r = codes_reader_open("-");
    assert_non_null(r);
    assert_string_equal(codes_reader_name(r), "stdin");
    assert_int_equal(codes_reader_size(r), 0);
    assert_int_equal(write(ends[1], "{", 1), 1);
    codes_reader_close(&r);
    assert_int_equal(dup2(real, STDIN_FILENO), STDIN_FILENO);
    close(real);
    close(ends[0]);
    close(ends[1]);
}

/* A line of this size with its end, then a good one. */
static void write_long(size_t size)
{
    char *text = malloc(size + 1);
    memset(text, ' ', size);
    static const char code[] = CODE("A");
    memcpy(text, code, sizeof(code) - 1);
    text[size - 1] = '\n';
    scratch_write_octets("codes", text, size);
    free(text);
    FILE *file = fopen("codes", "a");
    fputs(CODE("B") "\n", file);
    assert_int_equal(fclose(file), 0);
}

static void lines_have_a_limit(void **state)
{
    (void)state;
    write_long(CODES_LINE_MAX);
    codes_reader *r = codes_reader_open("codes");
    size_t count = 0;
    for (const codes_batch *b; (b = codes_reader_next(r)) != NULL;) {
        for (size_t i = 0; i < b->count; i++) {
            assert_null(b->lines[i].error);
            count++;
        }
    }
    assert_int_equal(count, 2);
    assert_null(codes_reader_failure(r));
    codes_reader_close(&r);

    write_long(CODES_LINE_MAX + 1);
    r = codes_reader_open("codes");
    assert_null(codes_reader_next(r));
    assert_string_equal(codes_reader_failure(r), "codes:1: the line is longer than 16 MiB");
    codes_reader_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_files),
        cmocka_unit_test(what_cannot_be_opened),
        cmocka_unit_test(large_files_arrive_whole),
        cmocka_unit_test(it_can_be_left_at_any_time),
        cmocka_unit_test(a_pipe_without_end_can_be_left),
        cmocka_unit_test(lines_have_a_limit),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
