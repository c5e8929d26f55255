/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files: what is refused and where, and finding one's way in the tree. */
#include "conf/yaml.h"

#include "scratch.h"

static void check_refused(const char *text, size_t size, const char *expected)
{
    cmp_report report;
    report_init(&report);
    scratch_write_octets("a.yaml", text, size);
    yaml_file *file = yaml_open("a.yaml", false, &report);
    assert_null(file);
    assert_report(&report, expected);
    report_dispose(&report);
}

#define REFUSED(text, expected) check_refused(text, sizeof(text) - 1, expected)

#define SIXTY                   "123456789012345678901234567890123456789012345678901234567890"

static void refuses_what_is_no_yaml(void **state)
{
    (void)state;
    REFUSED("a: 1\nb: [1\n", "a.yaml:3:1: flow sequence without a closing bracket\n");
    REFUSED("a: 1\nb:\n\t- c\n", "a.yaml:3:1: tab character may not be used as indentation\n");
    REFUSED("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: duplicate key: a\n");
    REFUSED("x:\n  - {\"\u00e4\": {}, \"b: c\": 1, \"b: c\": 2}\n",
            "a.yaml:2:27: duplicate key: b: c\n");
    REFUSED(SIXTY "abc\u00e4: 1\n" SIXTY "abc\u00e4: 2\n",
            "a.yaml:2:1: duplicate key: " SIXTY "abc\n");
    REFUSED("a: 1\nb: *nix\n", "a.yaml:2:5: invalid alias\n");
    REFUSED("a: &a [*a]\n", "a.yaml:1:9: is nested too deeply, or its aliases are\n");
    REFUSED("a: 1\n---\nb: 2\n", "a.yaml:3:1: a second document begins here; one is expected\n");
    REFUSED("a: 1\n---\n", "a.yaml:2:1: a second document begins here; one is expected\n");
    REFUSED("a: 1\nb: |0\n  c\n",
            "a.yaml:2:2: no good YAML from here on: indentation indicator 0\n");
    REFUSED("a: 1\nb: \xff\n", "a.yaml:2:1: the line holds octets that are no UTF-8 text\n");
    REFUSED("a: 1\nb: x\0y\n", "a.yaml:2:1: the line holds octets that are no UTF-8 text\n");
}

static void refuses_aliases_that_grow(void **state)
{
    (void)state;
    REFUSED("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
            "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
            "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
            "a.yaml:1:22: is nested too deeply, or its aliases are\n");
}

static void refuses_files_that_cannot_be_read(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    assert_null(yaml_open("nowhere.yaml", false, &report));
    assert_report(&report, "nowhere.yaml: cannot be opened: No such file or directory\n");
    assert_null(yaml_open(".", false, &report));
    assert_report(&report, ".: is no regular file\n");
    assert_int_equal(mkfifo("pipe.yaml", 0600), 0);
    alarm(20); /* reading it would wait for ever */
    assert_null(yaml_open("pipe.yaml", false, &report));
    alarm(0);
    assert_report(&report, "pipe.yaml: is no regular file\n");
    report_dispose(&report);
}

static void shows_nothing_of_a_secret_file(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    scratch_write("a.yaml", "secret: *hush\n");
    assert_null(yaml_open("a.yaml", true, &report));
    assert_report(&report, "a.yaml:1:10: no good YAML (the text is not shown)\n");
    scratch_write("a.yaml", "hush: 1\nhush: 2\n");
    assert_null(yaml_open("a.yaml", true, &report));
    assert_report(&report, "a.yaml:2:1: no good YAML (the text is not shown)\n");
    scratch_write("a.yaml", "secret: |0\n  hush\n");
    assert_null(yaml_open("a.yaml", true, &report));
    assert_report(&report, "a.yaml:1:7: no good YAML from here on\n");
    report_dispose(&report);
}

static void an_empty_file_has_no_root(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# only a comment\n", "---\n", "~\n"};
    cmp_report report;
    report_init(&report);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        scratch_write("a.yaml", texts[i]);
        yaml_file *file = yaml_open("a.yaml", false, &report);
        assert_non_null(file);
        assert_null(yaml_root(file));
        yaml_close(&file);
        assert_null(file);
    }
    assert_report(&report, "");
    report_dispose(&report);
}

/* What stands behind a wrong key is still read: all that is wrong is said at once. */
static void a_key_is_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {": x\n", "a.yaml:1:3: expected a name as the key\n"},
        {"a: 1\n:\n", "a.yaml:1:1: expected a name as the key\n"},
        {"a: 1\n? [b]\n: x\n", "a.yaml:2:3: expected a name as the key\n"},
        {"a:\n  - {? {} : x}\n  - '': y\n", "a.yaml:2:8: expected a name as the key\n"
                                            "a.yaml:3:6: expected a name as the key\n"},
    };
    cmp_report report;
    report_init(&report);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        scratch_write("a.yaml", rows[i].text);
        yaml_file *file = yaml_open("a.yaml", false, &report);
        assert_non_null(file);
        assert_report(&report, rows[i].expected);
        yaml_close(&file);
    }
    report_dispose(&report);
}

static const char tree[] = "one: 1\n"              /* 1 */
                           "list:\n"               /* 2 */
                           "  - a\n"               /* 3 */
                           "  - {b: \"c\", d: }\n" /* 4 */
                           "  - []\n"              /* 5 */
                           "empty:\n"              /* 6 */
                           "map:\n"                /* 7 */
                           "  x.y: {z: 'q'}\n"     /* 8 */
                           "  x: 5\n"              /* 9 */
                           "base: &base {k: v}\n"  /* 10 */
                           "copy:\n"               /* 11 */
                           "  <<: *base\n"         /* 12 */
                           "  own: w\n";           /* 13 */

static const struct {
    const char *path;
    unsigned line, column;
} places[] = {
    {"one", 1, 1 + 5},   {"list", 2, 1},        {"list[0]", 3, 5},    {"list[1]", 4, 6},
    {"list[1].b", 4, 9}, {"list[1].d", 4, 14},  {"list[2]", 5, 5},    {"list[7]", 2, 1},
    {"empty", 6, 1},     {"empty.x", 6, 1},     {"map.x.y.z", 8, 12}, {"map.x.y", 8, 3},
    {"map.x", 9, 6},     {"map.nothing", 7, 1}, {"nothing", 1, 1},    {"copy.k", 10, 17},
    {"copy.own", 13, 8},
};

static void every_path_has_a_place(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    scratch_write("a.yaml", tree);
    yaml_file *file = yaml_open("a.yaml", false, &report);
    assert_report(&report, "");
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const conf_place place = yaml_place_of(file, places[i].path);
        if (place.line != places[i].line || place.column != places[i].column) {
            fail_msg("%s: %u:%u", places[i].path, place.line, place.column);
        }
    }
    assert_null(yaml_find(file, "list[3]", false));
    assert_null(yaml_find(file, "list[x]", false));
    assert_null(yaml_find(file, "one.two", false));
    assert_true(cmp_str_equal(yaml_scalar(yaml_find(file, "copy.k", false)), CMP_STR("v")));
    yaml_close(&file);
    report_dispose(&report);
}

static void folders_and_paths(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *path, *whole;
    } rows[] = {
        {".", "a", "a"},           {".", "/a", "/a"},       {"/", "a", "/a"},
        {"etc", "a/b", "etc/a/b"}, {"etc", "/a/b", "/a/b"},
    };
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_string_equal(yaml_path(&memory, rows[i].folder, cmp_str_from(rows[i].path)),
                            rows[i].whole);
    }
    kit_arena_reset(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_yaml),
        cmocka_unit_test(refuses_aliases_that_grow),
        cmocka_unit_test(refuses_files_that_cannot_be_read),
        cmocka_unit_test(shows_nothing_of_a_secret_file),
        cmocka_unit_test(a_key_is_a_name),
        cmocka_unit_test(an_empty_file_has_no_root),
        cmocka_unit_test(every_path_has_a_place),
        cmocka_unit_test(folders_and_paths),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
