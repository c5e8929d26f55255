/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a comparison as text and as JSON. */
#include "ctl/recon_line.h"
#include "ctl/recon_result.h"

#include "ctl/output.h"

#include <jansson.h>

#define LINE_SIZE 8192

static const char *const side_names[] = {"ours", "theirs"};

static const char *const member_names[] = {
    [RECON_TIME] = "time",       [RECON_KIND] = "kind", [RECON_DIRECTION] = "direction",
    [RECON_PEER] = "peer",       [RECON_TID] = "tid",   [RECON_ICI] = "ici",
    [RECON_VERDICT] = "verdict", [RECON_CODE] = "code", [RECON_STATUS] = "status",
    [RECON_ATTEMPT] = "attempt", [RECON_CC] = "cc",
};

/* ---- lines that are looked at again ---- */

static bool read_again(const recon_file *f, uint64_t at, char *octets, recon_line *line)
{
    recon_layout layout;
    bool is_head;
    recon_file_line(f, 0, octets, LINE_SIZE);
    if (recon_layout_read(&layout, cmp_str_from(octets), &is_head) != NULL) {
        return false;
    }
    recon_file_line(f, at, octets, LINE_SIZE);
    return recon_line_read(&layout, cmp_str_from(octets), line) == NULL;
}

static json_t *line_of(const recon_file *f, uint64_t at)
{
    char octets[LINE_SIZE];
    recon_line line;
    if (!read_again(f, at, octets, &line)) {
        return json_null();
    }
    json_t *members = json_object();
    for (int i = 0; i < RECON_COLUMN_MAX; i++) {
        if (line.texts[i].at != NULL) {
            json_object_set_new(members, member_names[i], output_json_text(line.texts[i]));
        }
    }
    return members;
}

static json_t *example_of(const recon_result *r, recon_class c, const recon_example *e)
{
    json_t *o = json_object();
    json_object_set_new(o, "class", json_string(recon_class_words[c]));
    for (int i = 0; i < RECON_SIDES; i++) {
        if (e->has[i]) {
            json_object_set_new(o, side_names[i], line_of(&r->files[i], e->at[i]));
        }
    }
    return o;
}

void recon_write_difference(const recon_result *r, recon_class c, const recon_example *e, FILE *to)
{
    json_t *o = example_of(r, c, e);
    json_dumpf(o, to, JSON_COMPACT);
    putc('\n', to);
    json_decref(o);
}

/* ---- people ---- */

static void print_side(const recon_result *r, recon_side side, FILE *to)
{
    const recon_file *f = &r->files[side];
    fprintf(to, "%-7s %s: %llu records", side_names[side], f->path, (unsigned long long)f->records);
    if (f->others > 0) {
        fprintf(to, ", and %llu of other peers", (unsigned long long)f->others);
    }
    fprintf(to, "\n        asked by %s: %llu transactions, %llu retries\n",
            side == RECON_OURS ? "us" : "them", (unsigned long long)r->transactions[side],
            (unsigned long long)f->retries);
}

static void print_offset(const recon_result *r, FILE *to)
{
    if (r->offset_pairs == 0) {
        fputs("clocks  nothing is on both sides to compare them by\n", to);
        return;
    }
    fprintf(to,
            "clocks  theirs is %.3f s %s ours (median of %zu pairs; 9 of 10 between %.3f and %.3f "
            "s), which is taken off\n",
            (double)llabs(r->offset_ms) / 1000, r->offset_ms < 0 ? "behind" : "ahead of",
            r->offset_pairs, (double)r->offset_low_ms / 1000, (double)r->offset_high_ms / 1000);
}

static void print_text(const recon_line *line, const char *side, FILE *to)
{
    fprintf(to, "    %-6s ", side);
    static const recon_column shown[] = {RECON_TIME,    RECON_DIRECTION, RECON_TID,   RECON_ICI,
                                         RECON_VERDICT, RECON_CODE,      RECON_STATUS};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        const cmp_str text = line->texts[shown[i]];
        if (text.at != NULL) {
            output_visible(text, to);
            putc(' ', to);
        }
    }
    putc('\n', to);
}

static void print_examples(const recon_result *r, recon_class c, FILE *to)
{
    for (size_t i = 0; i < r->example_counts[c]; i++) {
        const recon_example *e = &r->examples[c][i];
        for (int side = 0; side < RECON_SIDES; side++) {
            char octets[LINE_SIZE];
            recon_line line;
            if (e->has[side] && read_again(&r->files[side], e->at[side], octets, &line)) {
                print_text(&line, side_names[side], to);
            }
        }
    }
}

static void print_classes(const recon_result *r, FILE *to)
{
    for (int c = 0; c < RECON_CLASS_MAX; c++) {
        if (r->classes[c] > 0) {
            fprintf(to, "%-16s %12llu  %s\n", recon_class_words[c],
                    (unsigned long long)r->classes[c], recon_class_texts[c]);
            print_examples(r, (recon_class)c, to);
        }
    }
}

/* By day, who asked, and verdict: countries are for the settlement. */
static void fold(uint64_t *cells, const uint64_t *from)
{
    for (int i = 0; i < RECON_CELLS; i++) {
        cells[i] += from[i];
    }
}

static tally *summary_of(const recon_result *r)
{
    static const char *const names[] = {"day", "asked_by", "verdict"};
    static const char *const cells[] = {"ours",        "theirs",    "agreed",
                                        "differences", "explained", NULL};
    tally *t = tally_create(names, sizeof(names) / sizeof(names[0]), cells, RECON_CELLS);
    tally_fold(t, r->sums, fold);
    tally_sort(t);
    return t;
}

void recon_result_print(recon_result *r, FILE *to)
{
    print_side(r, RECON_OURS, to);
    print_side(r, RECON_THEIRS, to);
    print_offset(r, to);
    putc('\n', to);
    print_classes(r, to);
    putc('\n', to);
    tally *summary = summary_of(r);
    tally_print(summary, JOURNAL_TABLE, to);
    tally_destroy(&summary);
    fprintf(to, "\n%llu differences; %.1f s, %llu MiB of temporary files\n",
            (unsigned long long)recon_result_differences(r), r->seconds,
            (unsigned long long)(r->temporary_bytes >> 20));
}

/* ---- programs ---- */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *json_side(const recon_result *r, recon_side side)
{
    const recon_file *f = &r->files[side];
    json_t *o = json_object();
    json_object_set_new(o, "file", output_json_text(cmp_str_from(f->path)));
    json_object_set_new(o, "peer",
                        output_json_text(f->peer.at != NULL ? f->peer
                                                            : cmp_str_from(f->peer_found)));
    json_object_set_new(o, "records", number(f->records));
    json_object_set_new(o, "of_other_peers", number(f->others));
    json_object_set_new(o, "asked", number(r->transactions[side]));
    json_object_set_new(o, "retries", number(f->retries));
    return o;
}

static json_t *json_clocks(const recon_result *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "pairs", number(r->offset_pairs));
    json_object_set_new(o, "offset_ms", json_integer(r->offset_ms));
    json_object_set_new(o, "low_ms", json_integer(r->offset_low_ms));
    json_object_set_new(o, "high_ms", json_integer(r->offset_high_ms));
    json_object_set_new(o, "tolerance_ms", json_integer(r->tolerance_ms));
    return o;
}

static json_t *json_summary(const recon_result *r)
{
    static const char *const names[] = {"day", "asked_by", "verdict"};
    static const char *const sums[] = {"ours", "theirs", "agreed", "differences", "explained"};
    json_t *rows = json_array();
    tally *t = summary_of(r);
    for (size_t i = 0; i < tally_count(t); i++) {
        const cmp_str *texts;
        const uint64_t *cells;
        tally_row_at(t, i, &texts, &cells);
        json_t *row = json_object();
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            json_object_set_new(row, names[n], output_json_text(texts[n]));
        }
        for (int n = 0; n < RECON_CELLS; n++) {
            json_object_set_new(row, sums[n], number(cells[n]));
        }
        json_array_append_new(rows, row);
    }
    tally_destroy(&t);
    return rows;
}

void recon_result_print_json(recon_result *r)
{
    json_t *all = json_object(), *classes = json_object(), *examples = json_array();
    json_object_set_new(all, "ours", json_side(r, RECON_OURS));
    json_object_set_new(all, "theirs", json_side(r, RECON_THEIRS));
    json_object_set_new(all, "clocks", json_clocks(r));
    for (int c = 0; c < RECON_CLASS_MAX; c++) {
        json_object_set_new(classes, recon_class_words[c], number(r->classes[c]));
        for (size_t i = 0; i < r->example_counts[c]; i++) {
            json_array_append_new(examples, example_of(r, (recon_class)c, &r->examples[c][i]));
        }
    }
    json_object_set_new(all, "classes", classes);
    json_object_set_new(all, "differences", number(recon_result_differences(r)));
    json_object_set_new(all, "summary", json_summary(r));
    json_object_set_new(all, "examples", examples);
    json_object_set_new(all, "temporary_bytes", number(r->temporary_bytes));
    json_object_set_new(all, "seconds", json_real(r->seconds));
    output_json(all);
}
