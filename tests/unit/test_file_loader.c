/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the codes file: lines in stretches, and the whole by several threads. (The index that it
 * fills has tests of its own.) */
#include "lines.h"
#include "loader.h"

#include "scratch.h"
#include <cmp-test/test.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define CODE(ici) "{\"ici\":\"" ici "\",\"content\":\"x\"}"

static cmp_test *host;

typedef struct load {
    unsigned threads;
    kit_file file;
    code_index *index;
} load;

static load load_with(unsigned threads)
{
    return (load){.threads = threads};
}

static bool read_codes(kit_file *f, void *arg)
{
    load *l = arg;
    l->index = load_codes(f, cmp_test_host(host), l->threads);
    return l->index != NULL;
}

static kit_file_result load_all(load *l)
{
    return kit_file_read(&l->file, "codes", "path", read_codes, l);
}

static void refuses(const char *error, unsigned threads)
{
    load l = load_with(threads);
    assert_int_equal(load_all(&l), KIT_FILE_BAD);
    assert_null(l.index);
    assert_string_equal(l.file.error, error);
}

static void holds(size_t count, unsigned threads)
{
    load l = load_with(threads);
    const kit_file_result result = load_all(&l);
    assert_string_equal(l.file.error, "");
    assert_int_equal(result, KIT_FILE_GOOD);
    assert_int_equal(index_count(l.index), count);
    index_destroy(&l.index);
}

static bool finds(const code_index *index, const char *ici)
{
    return index_find(index, cmp_str_from(ici)) != NULL;
}

/* ---- small files ---- */

static void files_without_codes(void **state)
{
    static const char *const texts[] = {"", "\n", "\r\n", " \t\r\n\n  ", "   "};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        scratch_write("codes", texts[i]);
        holds(0, 1);
        holds(0, 4);
    }
}

static void bad_lines_are_named(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{}", "codes:1: ici: is missing"},
        {"{}\n", "codes:1: ici: is missing"},
        {CODE("A") "\n{}\n", "codes:2: ici: is missing"},
        {CODE("A") "\n{}", "codes:2: ici: is missing"},
        {"\n\n" CODE("A") "\n\r\n \t\n{}\n{\n", "codes:6: ici: is missing"},
        {CODE("A") "\r\n" CODE("B") "\r\n{\"ici\":\"C\"}\r\n",
         "codes:3: content: is missing, and so is transferred_to"},
        {CODE("A") " " CODE("B"), "codes:1: end of file expected near '{' (octet 27)"},
        {CODE("A") "\n[]\n", "codes:2: a JSON object is expected"},
        {CODE("A") "\n" CODE("A") "\n", "codes:2: ici: A stands on line 1 already"},
        {"\n" CODE("A") "\r\n\r\n" CODE("B") "\n\n" CODE("A"),
         "codes:6: ici: A stands on line 2 already"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scratch_write("codes", cases[i].text);
        refuses(cases[i].error, 1);
        refuses(cases[i].error, 4);
    }
}

static void line_ends_of_all_kinds(void **state)
{
    static const char *const texts[] = {
        CODE("A") "\n" CODE("B") "\n",
        CODE("A") "\n" CODE("B"),
        CODE("A") "\r\n" CODE("B") "\r\n",
        "\n\r\n  " CODE("A") "  \n \n\t" CODE("B") "\r",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        scratch_write("codes", texts[i]);
        load l = load_with(1);
        assert_int_equal(load_all(&l), KIT_FILE_GOOD);
        assert_int_equal(index_count(l.index), 2);
        assert_true(finds(l.index, "A") && finds(l.index, "B") && !finds(l.index, "C"));
        index_destroy(&l.index);
    }
}

/* A NUL does not end the line before its time. */
static void a_nul_is_an_octet_like_others(void **state)
{
    static const char text[] = CODE("A") "\n" CODE("B") "\0\n";
    (void)state;
    scratch_write_octets("codes", text, sizeof(text) - 1);
    load l = load_with(1);
    assert_int_equal(load_all(&l), KIT_FILE_BAD);
    assert_non_null(strstr(l.file.error, "codes:2: "));
}

/* ---- files that are worth several threads ---- */

enum { LINES = 10000 }; /* some 400 KiB: up to six parts */

/* Lines of several lengths, with a blank one and a CRLF now and then; line `special` (from 1) is
 * another text. */
static void write_large(size_t special, const char *text)
{
    FILE *file = fopen("codes", "w");
    assert_non_null(file);
    for (size_t line = 1; line <= LINES; line++) {
        if (line == special) {
            fprintf(file, "%s\n", text);
        } else if (line % 97 == 0) {
            fputs("\n", file);
        } else {
            fprintf(file, "{\"ici\":\"%zu\",\"content\":\"%.*s\"}%s\n", line, (int)(line % 23) + 1,
                    "xxxxxxxxxxxxxxxxxxxxxxx", line % 5 == 0 ? "\r" : "");
        }
    }
    assert_int_equal(fclose(file), 0);
}

static void all_threads_together_miss_nothing(void **state)
{
    (void)state;
    write_large(0, NULL);
    for (unsigned threads = 1; threads <= LOAD_THREADS_MAX; threads = 2 * threads + 1) {
        load l = load_with(threads);
        assert_int_equal(load_all(&l), KIT_FILE_GOOD);
        assert_int_equal(index_count(l.index), LINES - LINES / 97);
        for (size_t line = 1; line <= LINES; line++) {
            char ici[16];
            snprintf(ici, sizeof(ici), "%zu", line);
            assert_int_equal(finds(l.index, ici), line % 97 != 0);
        }
        index_destroy(&l.index);
    }
}

static void line_numbers_hold_across_parts(void **state)
{
    static const size_t bad[] = {1, 2, 3333, 5000, 5001, 7777, LINES - 1, LINES};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char error[64];
        write_large(bad[i], "{}");
        snprintf(error, sizeof(error), "codes:%zu: ici: is missing", bad[i]);
        for (unsigned threads = 1; threads <= 5; threads += 2) {
            refuses(error, threads);
        }
    }
}

static void the_first_of_several_errors_is_told(void **state)
{
    (void)state;
    write_large(LINES, "{}");
    const int fd = open("codes", O_WRONLY);
    assert_int_equal(pwrite(fd, "[", 1, 0), 1);
    close(fd);
    for (unsigned threads = 1; threads <= 4; threads++) {
        load l = load_with(threads);
        assert_int_equal(load_all(&l), KIT_FILE_BAD);
        assert_non_null(strstr(l.file.error, "codes:1: "));
    }
}

static void twins_in_different_parts_are_found(void **state)
{
    (void)state;
    write_large(LINES - 7, "{\"ici\":\"101\",\"content\":\"twin\"}");
    char error[96];
    snprintf(error, sizeof(error), "codes:%d: ici: 101 stands on line 101 already", LINES - 7);
    refuses(error, 1);
    refuses(error, 4);
}

/* One line that reaches over all borders between the parts. */
static void a_line_longer_than_a_part(void **state)
{
    (void)state;
    FILE *file = fopen("codes", "w");
    assert_non_null(file);
    fputs(CODE("A") "\n{\"ici\":\"B\",", file);
    fprintf(file, "%600000s\"content\":\"x\"}\n" CODE("C") "\n{}\n", "");
    assert_int_equal(fclose(file), 0);
    for (unsigned threads = 1; threads <= 8; threads++) {
        refuses("codes:4: ici: is missing", threads);
    }
}

/* ---- a file that changes meanwhile ---- */

static bool (*real_parse)(const cmp_host *h, const char *json, size_t size,
                          void *(*alloc)(void *arg, size_t size), void *arg, cmp_str *ici,
                          cmp_record *record, char *error, size_t error_size);
static const char *mischief; /* what is added to the file while its first line is read */

static bool parse_and_change(const cmp_host *h, const char *json, size_t size,
                             void *(*alloc)(void *arg, size_t size), void *arg, cmp_str *ici,
                             cmp_record *record, char *error, size_t error_size)
{
    if (mischief != NULL) {
        FILE *file = fopen("codes", *mischief != '\0' ? "a" : "w");
        assert_non_null(file);
        fputs(mischief, file);
        assert_int_equal(fclose(file), 0);
        mischief = NULL;
    }
    return real_parse(h, json, size, alloc, arg, ici, record, error, error_size);
}

static void a_change_while_it_is_read_is_told(void **state)
{
    static const char *const changes[] = {CODE("C") "\n", "{}\n", ""};
    (void)state;
    cmp_host *table = (cmp_host *)(uintptr_t)cmp_test_host(host);
    real_parse = table->record_parse;
    table->record_parse = parse_and_change;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        scratch_write("codes", CODE("A") "\n" CODE("B") "\n");
        mischief = changes[i];
        load l = load_with(1);
        assert_int_equal(load_all(&l), KIT_FILE_CHANGED);
        index_destroy(&l.index);
    }
    table->record_parse = real_parse;
}

/* ---- lines ---- */

static void the_longest_line(void **state)
{
    (void)state;
    char *text = malloc(LINE_MAX_SIZE + 2);
    memset(text, ' ', LINE_MAX_SIZE + 1);
    text[LINE_MAX_SIZE - 1] = '\n'; /* with its end it just fits */
    scratch_write_octets("codes", text, LINE_MAX_SIZE);
    holds(0, 1);
    text[0] = text[LINE_MAX_SIZE - 1] = ' ';
    text[LINE_MAX_SIZE] = '\n';
    scratch_write_octets("codes", text, LINE_MAX_SIZE + 1);
    refuses("codes:1: the line is longer than 16777216 octets", 1);
    free(text);
}

static void stretches_are_read_to_their_end(void **state)
{
    (void)state;
    scratch_write("codes", "one\ntwo\n\nfour");
    const int fd = open("codes", O_RDONLY);
    static const struct {
        uint64_t begin, end;
        const char *lines; /* in brackets */
    } cases[] = {
        {0, 13, "[one][two][][four]"},
        {0, 8, "[one][two]"},
        {4, 9, "[two][]"},
        {0, 0, ""},
        {4, 4, ""},
        {9, 13, "[four]"},
        {8, 9, "[]"},
        {13, 13, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[64] = "";
        lines l;
        cmp_str line;
        lines_result result;
        lines_init(&l, fd, cases[i].begin, cases[i].end);
        while ((result = lines_next(&l, &line)) == LINES_LINE) {
            const size_t used = strlen(got);
            snprintf(got + used, sizeof(got) - used, "[%.*s]", (int)line.size, line.at);
        }
        assert_int_equal(result, LINES_END);
        assert_string_equal(got, cases[i].lines);
        lines_dispose(&l);
    }
    close(fd);
}

static void the_next_line_begins_behind_a_line_end(void **state)
{
    static const uint64_t begins[] = {0, 4, 4, 4, 4, 8, 8, 8, 8, 9, 13, 13, 13, 13, 13};
    (void)state;
    scratch_write("codes", "one\ntwo\n\nfour");
    const int fd = open("codes", O_RDONLY);
    for (uint64_t from = 0; from < sizeof(begins) / sizeof(begins[0]); from++) {
        uint64_t begin = 99;
        assert_true(line_begin(fd, from, 13, &begin));
        assert_int_equal(begin, begins[from]);
    }
    close(fd);
    uint64_t begin;
    assert_false(line_begin(-1, 4, 13, &begin));
}

static void what_cannot_be_read_is_told(void **state)
{
    (void)state;
    lines l;
    cmp_str line;
    lines_init(&l, -1, 0, 10);
    assert_int_equal(lines_next(&l, &line), LINES_FAILED);
    lines_dispose(&l);
}

static void blank_lines(void **state)
{
    (void)state;
    assert_true(line_blank(CMP_STR("")));
    assert_true(line_blank(CMP_STR(" \t\r ")));
    assert_false(line_blank(CMP_STR(" x")));
    assert_false(line_blank(CMP_STR("\0")));
    assert_false(line_blank(CMP_STR("\v")));
}

static int set_up(void **state)
{
    host = cmp_test_create();
    return scratch_enter(state);
}

static int tear_down(void **state)
{
    cmp_test_destroy(&host);
    return scratch_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_without_codes),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(line_ends_of_all_kinds),
        cmocka_unit_test(a_nul_is_an_octet_like_others),
        cmocka_unit_test(all_threads_together_miss_nothing),
        cmocka_unit_test(line_numbers_hold_across_parts),
        cmocka_unit_test(the_first_of_several_errors_is_told),
        cmocka_unit_test(twins_in_different_parts_are_found),
        cmocka_unit_test(a_line_longer_than_a_part),
        cmocka_unit_test(a_change_while_it_is_read_is_told),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(stretches_are_read_to_their_end),
        cmocka_unit_test(the_next_line_begins_behind_a_line_end),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(blank_lines),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
