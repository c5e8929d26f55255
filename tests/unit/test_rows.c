/* SPDX-License-Identifier: Apache-2.0 */
/* What our own tables of options say is true of them: the core's, and those of every plugin. */
#include "conf/conf.h"
#include "peers/tokens.h"
#include "plugin/loader.h"
#include "scratch.h"

#define NAME_SIZE 128

static const size_t field_sizes[] = {
    [CMP_OPTION_STRING] = sizeof(const char *), [CMP_OPTION_PATH] = sizeof(const char *),
    [CMP_OPTION_INTEGER] = sizeof(int64_t),     [CMP_OPTION_DURATION] = sizeof(int64_t),
    [CMP_OPTION_SIZE] = sizeof(int64_t),        [CMP_OPTION_RATE] = sizeof(int64_t),
    [CMP_OPTION_BOOLEAN] = sizeof(bool),        [CMP_OPTION_ENUM] = sizeof(int),
    [CMP_OPTION_HOST] = sizeof(const char *),   [CMP_OPTION_SECRET] = sizeof(const char *),
    [CMP_OPTION_CIDRS] = sizeof(cmp_cidrs),     [CMP_OPTION_STRINGS] = sizeof(cmp_strings),
    [CMP_OPTION_ENUMS] = sizeof(uint64_t),      [CMP_OPTION_ROWS] = sizeof(cmp_rows),
    [CMP_OPTION_RAW] = sizeof(const char *),
};

/* A table under test, and which octets of its struct a row fills already. */
typedef struct table {
    char name[NAME_SIZE];
    bool *filled;
    size_t size;
    size_t rows;
} table;

#define check(t, row, good)                                                                        \
    do {                                                                                           \
        if (!(good)) {                                                                             \
            fail_msg("%s.%s: not so: %s", (t)->name, (row)->name, #good);                          \
        }                                                                                          \
    } while (0)

static void check_table(const char *name, const cmp_option *rows, size_t size);

static void check_words(const table *t, const cmp_option *rows, const cmp_option *row)
{
    const size_t help_size = row->help != NULL ? strlen(row->help) : 0;
    check(t, row, *row->name != '\0');
    check(t, row, help_size > 0);
    check(t, row, row->help[help_size - 1] != '.');
    check(t, row, strchr(row->help, '\n') == NULL);
    for (const cmp_option *other = rows; other != row; other++) {
        check(t, row, strcmp(other->name, row->name) != 0);
    }
}

static void check_choices(const table *t, const cmp_option *row)
{
    const bool wanted = row->type == CMP_OPTION_ENUM || row->type == CMP_OPTION_ENUMS;
    size_t count = 0;
    check(t, row, (row->choices != NULL) == wanted);
    for (; wanted && row->choices[count] != NULL; count++) {
        check(t, row, *row->choices[count] != '\0');
    }
    check(t, row, !wanted || count > 1);
    check(t, row, row->type != CMP_OPTION_ENUMS || count <= 64);
}

static bool has_unit_or_size(const cmp_option *row)
{
    switch (row->type) {
    case CMP_OPTION_STRING:
    case CMP_OPTION_SECRET:
    case CMP_OPTION_INTEGER:
    case CMP_OPTION_DURATION:
    case CMP_OPTION_SIZE:
    case CMP_OPTION_RATE:
        return true;
    default:
        return false;
    }
}

static void check_bounds(const table *t, const cmp_option *row)
{
    check(t, row, row->min <= row->max);
    check(t, row, has_unit_or_size(row) || row->max == 0);
}

static void fill_octets(table *t, const cmp_option *row, size_t offset, size_t size)
{
    check(t, row, offset + size <= t->size);
    for (size_t i = offset; i < offset + size; i++) {
        check(t, row, !t->filled[i]);
        t->filled[i] = true;
    }
}

/* No two rows of a table fill one field, those of embedded structs included. */
static void check_fields(table *t, const cmp_option *rows, size_t base)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        if (row->type == CMP_OPTION_GROUP) {
            check_fields(t, row->rows, base + row->offset);
        } else {
            fill_octets(t, row, base + row->offset, field_sizes[row->type]);
        }
    }
}

static void check_default(const table *t, const cmp_option *row)
{
    check(t, row, row->fallback == NULL || (row->flags & CMP_OPTION_REQUIRED) == 0);
    cmp_option alone[] = {*row, CMP_OPTION_END};
    alone[0].flags = 0;
    cmp_report report;
    report_init(&report);
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    yaml_file *file = yaml_open("empty.yaml", false, &report);
    assert_non_null(file);
    schema_fill(alone, file, NULL, t->name, NULL, &memory, kit_arena_calloc(&memory, 1, t->size),
                &report);
    assert_report(&report, "");
    yaml_close(&file);
    kit_arena_reset(&memory);
}

static void check_rows(table *t, const cmp_option *rows)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        const bool nests = row->type == CMP_OPTION_ROWS || row->type == CMP_OPTION_GROUP;
        check_words(t, rows, row);
        check_choices(t, row);
        check_bounds(t, row);
        check(t, row, (row->rows != NULL) == nests);
        check(t, row, (row->row_size > 0) == nests);
        check_default(t, row);
        t->rows++;
        if (nests) {
            char name[NAME_SIZE];
            snprintf(name, sizeof(name), "%.60s.%.60s", t->name, row->name);
            check_table(name, row->rows, row->row_size);
        }
    }
}

static void check_table(const char *name, const cmp_option *rows, size_t size)
{
    table t = {.size = size, .filled = calloc(size, sizeof(bool))};
    snprintf(t.name, sizeof(t.name), "%s", name);
    check_fields(&t, rows, 0);
    check_rows(&t, rows);
    assert_true(t.rows > 0);
    free(t.filled);
}

static void the_core_says_what_it_takes(void **state)
{
    (void)state;
    check_table("conf", conf_rows, sizeof(conf_top));
    check_table("cache", conf_cache_rows, sizeof(conf_cache));
    check_table("tokens", token_rows, sizeof(token_row));
}

static void plugins_say_what_they_take(void **state)
{
    static const char *const folders[] = {TEST_BINARY_DIR "/plugins", NULL};
    (void)state;
    loader *l = loader_create(folders, UINT32_MAX, LIBRARY_GUARDED);
    char **names = loader_names(l);
    size_t tables = 0;
    for (char **name = names; *name != NULL; name++) {
        char error[256];
        const cmp_plugin *plugin = loader_load(l, *name, error, sizeof(error));
        assert_non_null(plugin);
        if (plugin->options != NULL) {
            check_table(*name, plugin->options, plugin->options_size);
            tables++;
        }
    }
    assert_true(tables > 0);
    loader_names_free(&names);
    loader_destroy(&l);
}

static int enter(void **state)
{
    const int failed = scratch_enter(state);
    if (failed == 0) {
        scratch_write("empty.yaml", "{}\n");
    }
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_core_says_what_it_takes),
        cmocka_unit_test(plugins_say_what_they_take),
    };
    return cmocka_run_group_tests(tests, enter, scratch_leave);
}
