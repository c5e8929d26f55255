/* SPDX-License-Identifier: Apache-2.0 */
/* Sections against rows: every type's good and bad values, and what is said about the bad ones. */
#include "conf/schema.h"

#include "conf/help.h"

#include "scratch.h"

typedef struct inner {
    int64_t number;
    const char *secret;
} inner;

typedef struct options {
    const char *string, *path, *host, *secret, *raw;
    int64_t integer, duration, size, rate;
    bool boolean;
    int choice;
    cmp_cidrs cidrs;
    cmp_strings strings;
    uint64_t set;
    cmp_rows rows;
    inner group;
} options;

static const char *const choices[] = {"north", "south", "west", NULL};

CMP_OPTIONS(inner_rows, inner) = {
    CMP_ROW("number", INTEGER, inner, number, "", CMP_REQUIRED),
    CMP_ROW("secret", SECRET, inner, secret, "", CMP_RANGE(0, 8)),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, options) = {
    CMP_ROW("string", STRING, options, string, "", CMP_DEFAULT("none"), CMP_RANGE(2, 5)),
    CMP_ROW("path", PATH, options, path, "", CMP_DEFAULT("here")),
    CMP_ROW("host", HOST, options, host, ""),
    CMP_ROW("secret", SECRET, options, secret, ""),
    CMP_ROW("raw", RAW, options, raw, ""),
    CMP_ROW("integer", INTEGER, options, integer, "", CMP_DEFAULT("7"), CMP_RANGE(-5, 99)),
    CMP_ROW("duration", DURATION, options, duration, "", CMP_DEFAULT("90s"),
            CMP_RANGE(100, 3600000)),
    CMP_ROW("size", SIZE, options, size, "", CMP_RANGE(16, 1 << 20)),
    CMP_ROW("rate", RATE, options, rate, ""),
    CMP_ROW("boolean", BOOLEAN, options, boolean, "", CMP_DEFAULT("true")),
    CMP_ROW_ENUM("choice", options, choice, choices, "", CMP_DEFAULT("south")),
    CMP_ROW("cidrs", CIDRS, options, cidrs, "", CMP_DEFAULT("[10.0.0.0/8, \"::1\"]")),
    CMP_ROW("strings", STRINGS, options, strings, "", CMP_DEFAULT("one")),
    CMP_ROW_ENUMS("set", options, set, choices, "", CMP_DEFAULT("[north, west]")),
    CMP_ROW_ROWS("rows", options, rows, inner_rows, ""),
    CMP_ROW_GROUP("group", options, group, inner_rows, ""),
    CMP_OPTION_END,
};

typedef struct filled {
    options o;
    bool good;
    kit_arena memory;
    cmp_report report;
    yaml_file *file;
} filled;

static void fill(filled *f, const cmp_option *by, const char *text)
{
    static const char *const others[] = {"somebody", NULL};
    report_init(&f->report);
    kit_arena_init(&f->memory, NULL, 0);
    memset(&f->o, 0xee, sizeof(f->o));
    scratch_write("s.yaml", text);
    f->file = yaml_open("s.yaml", false, &f->report);
    assert_non_null(f->file);
    f->good =
        schema_fill(by, f->file, yaml_root(f->file), "top", others, &f->memory, &f->o, &f->report);
    assert_int_equal(f->good, f->report.count == 0);
}

static void drop(filled *f)
{
    yaml_close(&f->file);
    kit_arena_reset(&f->memory);
    report_dispose(&f->report);
}

static const struct {
    const char *text, *error;
} bad[] = {
    {"string: x", "1:9: top.string: expected a text of 2 to 5 octets, found the text \"x\""},
    {"string: xxxxxx",
     "1:9: top.string: expected a text of 2 to 5 octets, found the text \"xxxxxx\""},
    {"string: [x]", "1:1: top.string: expected a text of 2 to 5 octets, found a list"},
    {"string: {x: y}", "1:1: top.string: expected a text of 2 to 5 octets, found a mapping"},
    {"string:", "1:1: top.string: expected a text of 2 to 5 octets, found nothing"},
    {"string: ~", "1:9: top.string: expected a text of 2 to 5 octets, found nothing"},
    {"string: null", "1:9: top.string: expected a text of 2 to 5 octets, found nothing"},
    {"string: \"a\\0b\"",
     "1:9: top.string: expected a text of 2 to 5 octets, found the text \"a\""},
    {"path: ''", "1:7: top.path: expected a path, found the text \"\""},
    {"host: localhost", "1:7: top.host: expected a fully qualified host name such as "
                        "cmp.example.net, found the text \"localhost\""},
    {"host: a.example.net:80", "1:7: top.host: expected a fully qualified host name such as "
                               "cmp.example.net, found the text \"a.example.net:80\""},
    {"integer: 100", "1:10: top.integer: expected a whole number from -5 to 99, found the text "
                     "\"100\""},
    {"integer: -6",
     "1:10: top.integer: expected a whole number from -5 to 99, found the text \"-6\""},
    {"integer: 1.5",
     "1:10: top.integer: expected a whole number from -5 to 99, found the text \"1.5\""},
    {"integer: 0x1f",
     "1:10: top.integer: expected a whole number from -5 to 99, found the text \"0x1f\""},
    {"integer: 99999999999999999999", "1:10: top.integer: expected a whole number from -5 to 99, "
                                      "found the text \"99999999999999999999\""},
    {"duration: 5", "1:11: top.duration: expected a duration such as 250ms, 5s, 3m, from 100ms to "
                    "1h, found the text \"5\""},
    {"duration: 5 s", "1:11: top.duration: expected a duration such as 250ms, 5s, 3m, from 100ms "
                      "to 1h, found the text \"5 s\""},
    {"duration: 2h", "1:11: top.duration: expected a duration such as 250ms, 5s, 3m, from 100ms to "
                     "1h, found the text \"2h\""},
    {"duration: 99999999999999999d",
     "1:11: top.duration: expected a duration such as 250ms, 5s, 3m, from 100ms to 1h, found the "
     "text \"99999999999999999d\""},
    {"duration: -5s", "1:11: top.duration: expected a duration such as 250ms, 5s, 3m, from 100ms "
                      "to 1h, found the text \"-5s\""},
    {"size: 16k", "1:7: top.size: expected a size such as 512, 16K, 64M, from 16 to 1M, found the "
                  "text \"16k\""},
    {"size: 2M", "1:7: top.size: expected a size such as 512, 16K, 64M, from 16 to 1M, found the "
                 "text \"2M\""},
    {"rate: 5", "1:7: top.rate: expected a rate such as 500/s, 20/m, 100/h, found the text \"5\""},
    {"rate: 5/d",
     "1:7: top.rate: expected a rate such as 500/s, 20/m, 100/h, found the text \"5/d\""},
    {"boolean: yes", "1:10: top.boolean: expected true or false, found the text \"yes\""},
    {"choice: nort", "1:9: top.choice: expected one of north, south, west, found the text "
                     "\"nort\"; did you mean \"north\"?"},
    {"choice: moon",
     "1:9: top.choice: expected one of north, south, west, found the text \"moon\""},
    {"choice: [north]", "1:1: top.choice: expected one of north, south, west, found a list"},
    {"cidrs: 10.0.0.1/8", "1:8: top.cidrs: expected a network such as 10.8.0.0/16, or a list of "
                          "them, found the text \"10.0.0.1/8\"; did you mean 10.0.0.0/8?"},
    {"cidrs: ['2001:db8::1/32']",
     "1:9: top.cidrs[0]: expected a network such as 10.8.0.0/16, or a list of them, found the text "
     "\"2001:db8::1/32\"; did you mean 2001:db8::/32?"},
    {"cidrs: [10.0.0.0/8, 10.0.0.0/33]",
     "1:21: top.cidrs[1]: expected a network such as 10.8.0.0/16, or a list of them, found the "
     "text \"10.0.0.0/33\""},
    {"cidrs: 10.0.0/8", "1:8: top.cidrs: expected a network such as 10.8.0.0/16, or a list of "
                        "them, found the text \"10.0.0/8\""},
    {"strings: [a, [b]]",
     "1:15: top.strings[1]: expected a text, or a list of texts, found a list"},
    {"strings: {a: b}", "1:1: top.strings: expected a text, or a list of texts, found a mapping"},
    {"set: [north, est]", "1:14: top.set[1]: expected one or a list of north, south, west, found "
                          "the text \"est\"; did you mean \"west\"?"},
    {"rows: {number: 1}", "1:1: top.rows: expected a list of mappings, found a mapping"},
    {"rows: [{number: 1}, x]", "1:21: top.rows[1]: expected a mapping, found the text \"x\""},
    {"rows:\n  - number: 1\n  - secret: x\n",
     "3:5: top.rows[1].number: missing; expected a whole number"},
    {"group: x", "1:8: top.group: expected a mapping, found the text \"x\""},
    {"group: {}", "1:1: top.group.number: missing; expected a whole number"},
    {"group:", "1:1: top.group.number: missing; expected a whole number"},
    {"group: {number: 1, numbr: 2}",
     "1:20: top.group.numbr: unknown key; did you mean \"number\"?"},
    {"group: {number: 1, secret: much-too-long}",
     "1:28: top.group.secret: expected a secret text of 0 to 8 octets, found another text"},
    {"raw: {? [a] : b}", "1:9: expected a name as the key"},
    {"'durations': 5s", "1:1: top.durations: unknown key; did you mean \"duration\"?"},
    {"zzzzzzzz: 5s",
     "1:1: top.zzzzzzzz: unknown key; known here: string, path, host, secret, raw, integer, "
     "duration, size, rate, boolean, choice, cidrs, strings, set, rows, group, somebody"},
    {"? [a]\n: b", "1:3: expected a name as the key"},
    {"[a]", "1:2: top: expected a mapping, found a list"},
    {"string: ééééééééééééééééééééééé",
     "1:9: top.string: expected a text of 2 to 5 octets, found the text \"éééééééééééééééééééé\"…"},
};

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        filled f;
        char expected[1024];
        fill(&f, rows, bad[i].text);
        assert_false(f.good);
        snprintf(expected, sizeof(expected), "s.yaml:%s\n", bad[i].error);
        assert_report(&f.report, expected);
        drop(&f);
    }
}

static void lists_all_errors_in_order(void **state)
{
    (void)state;
    filled f;
    fill(&f, rows,
         "group: {number: x, secret: 1234}\n"
         "string: s\n"
         "strin: s\n"
         "integer: many\n"
         "rows:\n"
         "  - number: 1\n"
         "  - {number: q, secre: 1}\n");
    assert_report(&f.report,
                  "s.yaml:1:17: top.group.number: expected a whole number, found the text \"x\"\n"
                  "s.yaml:2:9: top.string: expected a text of 2 to 5 octets, found the text \"s\"\n"
                  "s.yaml:3:1: top.strin: unknown key; did you mean \"string\"?\n"
                  "s.yaml:4:10: top.integer: expected a whole number from -5 to 99, found the text "
                  "\"many\"\n"
                  "s.yaml:7:14: top.rows[1].number: expected a whole number, found the text \"q\"\n"
                  "s.yaml:7:17: top.rows[1].secre: unknown key; did you mean \"secret\"?\n");
    drop(&f);
}

static void fills_defaults(void **state)
{
    (void)state;
    filled f;
    fill(&f, rows, "# nothing\n");
    assert_report(&f.report, "");
    assert_string_equal(f.o.string, "none");
    assert_string_equal(f.o.path, "here");
    assert_null(f.o.host);
    assert_null(f.o.secret);
    assert_null(f.o.raw);
    assert_int_equal(f.o.integer, 7);
    assert_int_equal(f.o.duration, 90000);
    assert_int_equal(f.o.size, 0);
    assert_int_equal(f.o.rate, 0);
    assert_true(f.o.boolean);
    assert_int_equal(f.o.choice, 1);
    assert_int_equal(f.o.cidrs.count, 2);
    assert_int_equal(f.o.cidrs.at[0].bits, 104);
    assert_int_equal(f.o.cidrs.at[1].bits, 128);
    assert_int_equal(f.o.strings.count, 1);
    assert_string_equal(f.o.strings.at[0], "one");
    assert_int_equal(f.o.set, 5);
    assert_int_equal(f.o.rows.count, 0);
    assert_int_equal(f.o.group.number, 0);
    assert_null(f.o.group.secret);
    drop(&f);
}

static void fills_what_is_given(void **state)
{
    (void)state;
    filled f;
    fill(&f, rows,
         "string: 1e3\n"
         "path: /etc/x\n"
         "host: A.Example.NET\n"
         "secret: \"sesame \\u00e9\"\n"
         "raw: {a: [1, true, null, 'x', 0x1f], \"b\": {c: \"d\\n\"}}\n"
         "integer: -5\n"
         "duration: '3m'\n"
         "size: 16K\n"
         "rate: 20/m\n"
         "boolean: false\n"
         "choice: west\n"
         "cidrs: [10.8.0.0/16, 192.0.2.7, '2001:db8::/32', 0.0.0.0/0]\n"
         "strings: [a, \"b c\", 3]\n"
         "set: south\n"
         "rows: [{number: 1}, {number: 2, secret: two}]\n"
         "group: {number: 3, secret: three}\n"
         "somebody: {else: 1}\n");
    assert_report(&f.report, "");
    assert_string_equal(f.o.string, "1e3");
    assert_string_equal(f.o.path, "/etc/x");
    assert_string_equal(f.o.host, "a.example.net");
    assert_string_equal(f.o.secret, "sesame é");
    assert_string_equal(f.o.raw,
                        "{\"a\": [1, true, null, \"x\", \"0x1f\"], \"b\": {\"c\": \"d\\n\"}}");
    assert_int_equal(f.o.integer, -5);
    assert_int_equal(f.o.duration, 180000);
    assert_int_equal(f.o.size, 16384);
    assert_int_equal(f.o.rate, 1200);
    assert_false(f.o.boolean);
    assert_int_equal(f.o.choice, 2);
    assert_int_equal(f.o.cidrs.count, 4);
    static const uint8_t net[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 8};
    assert_memory_equal(f.o.cidrs.at[0].address, net, 16);
    assert_int_equal(f.o.cidrs.at[0].bits, 112);
    assert_int_equal(f.o.cidrs.at[1].bits, 128);
    assert_int_equal(f.o.cidrs.at[2].bits, 32);
    assert_int_equal(f.o.cidrs.at[3].bits, 96);
    assert_int_equal(f.o.strings.count, 3);
    assert_string_equal(f.o.strings.at[1], "b c");
    assert_int_equal(f.o.set, 2);
    const inner *list = f.o.rows.at;
    assert_int_equal(f.o.rows.count, 2);
    assert_int_equal(list[1].number, 2);
    assert_string_equal(list[1].secret, "two");
    assert_string_equal(f.o.group.secret, "three");
    drop(&f);
}

static void wipes_secrets_wherever_they_are(void **state)
{
    (void)state;
    filled f;
    fill(&f, rows,
         "secret: open\nrows: [{number: 1}, {number: 2, secret: two}]\n"
         "group: {number: 3, secret: three}\n");
    assert_true(f.good);
    const inner *list = f.o.rows.at;
    schema_wipe(rows, &f.o);
    assert_memory_equal(f.o.secret, "\0\0\0\0", 4);
    assert_memory_equal(list[1].secret, "\0\0\0", 3);
    assert_memory_equal(f.o.group.secret, "\0\0\0\0\0", 5);
    drop(&f);
}

CMP_OPTIONS(unbounded, options) = {
    CMP_ROW("duration", DURATION, options, duration, ""),
    CMP_ROW("size", SIZE, options, size, ""),
    CMP_ROW("rate", RATE, options, rate, ""),
    CMP_ROW("integer", INTEGER, options, integer, ""),
    CMP_OPTION_END,
};

static void units_reach_their_limits(void **state)
{
    (void)state;
    filled f;
    fill(&f, unbounded,
         "duration: 106751991167d\nsize: 8388607T\nrate: 0/s\ninteger: -9223372036854775808\n");
    assert_report(&f.report, "");
    assert_int_equal(f.o.duration, INT64_C(106751991167) * 86400000);
    assert_int_equal(f.o.size, INT64_C(8388607) << 40);
    assert_int_equal(f.o.rate, 0);
    assert_true(f.o.integer == INT64_MIN);
    drop(&f);
    fill(&f, unbounded, "duration: 106751991168d\nsize: 8388608T\n");
    assert_int_equal(f.report.count, 2);
    drop(&f);
    fill(&f, unbounded, "duration: 0\nsize: 0\n");
    assert_report(&f.report, "");
    drop(&f);
}

CMP_OPTIONS(wrong, options) = {
    CMP_ROW("integer", INTEGER, options, integer, "", CMP_DEFAULT("many")),
    CMP_ROW_ENUMS("set", options, set, choices, "", CMP_DEFAULT("[est]")),
    CMP_OPTION_END,
};

static void a_wrong_default_is_said_to_be_one(void **state)
{
    (void)state;
    filled f;
    fill(&f, wrong, "");
    assert_report(&f.report, "s.yaml: top.integer: its built-in default is wrong: many\n"
                             "s.yaml: top.set: its built-in default is wrong: [est]\n");
    drop(&f);
}

CMP_OPTIONS(needed, options) = {
    CMP_ROW_GROUP("group", options, group, inner_rows, "", CMP_REQUIRED),
    CMP_ROW("host", HOST, options, host, "", CMP_REQUIRED),
    CMP_OPTION_END,
};

static void a_required_key_of_the_top_is_missed(void **state)
{
    (void)state;
    filled f;
    fill(&f, needed, "");
    assert_report(&f.report,
                  "s.yaml:1:1: top.group: missing; expected a mapping\n"
                  "s.yaml:1:1: top.host: missing; expected a fully qualified host name such "
                  "as cmp.example.net\n");
    drop(&f);
}

CMP_OPTIONS(shown, options) = {
    CMP_ROW_ENUM("choice", options, choice, choices, "where to"),
    CMP_ROW_GROUP("group", options, group, inner_rows, "more"),
    CMP_ROW("size", SIZE, options, size, "how much", CMP_DEFAULT("1K"), CMP_RANGE(0, 4096)),
    CMP_OPTION_END,
};

static void help_shows_nested_rows(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    schema_print_help(shown, 2, to);
    fclose(to);
    assert_string_equal(
        text,
        "  choice                 choice    -                       where to: north, south, west\n"
        "  group                  mapping   -                       more\n"
        "    number               number    (required)              \n"
        "    secret               secret    -                        (0 to 8 octets); or "
        "secret_file: a file that holds it\n"
        "  size                   size      1K                      how much (0 to 4K)\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(lists_all_errors_in_order),
        cmocka_unit_test(fills_defaults),
        cmocka_unit_test(fills_what_is_given),
        cmocka_unit_test(wipes_secrets_wherever_they_are),
        cmocka_unit_test(units_reach_their_limits),
        cmocka_unit_test(a_wrong_default_is_said_to_be_one),
        cmocka_unit_test(a_required_key_of_the_top_is_missed),
        cmocka_unit_test(help_shows_nested_rows),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
