/* SPDX-License-Identifier: Apache-2.0 */
/* See tally.h. */
#include "ctl/tally.h"

#include "base/hash.h"
#include "ctl/output.h"
#include "mc/json_write.h"

#include <cmp-kit/arena.h>

#include <stdlib.h>

typedef struct tally_row {
    cmp_str *texts;
    uint64_t *cells;
    uint64_t hash;
} tally_row;

struct tally {
    const char *const *cell_names;
    const char **names;
    size_t name_count, cell_count;
    tally_row *rows;
    size_t row_count, row_room;
    uint32_t *slots; /* of rows, + 1; 0: free */
    size_t slot_count;
    kit_arena memory;
};

tally *tally_create(const char *const *names, size_t name_count, const char *const *cells,
                    size_t cell_count)
{
    tally *t = kit_calloc(1, sizeof(*t));
    kit_arena_init(&t->memory, NULL, 0);
    t->names = kit_arena_calloc(&t->memory, name_count, sizeof(*t->names));
    memcpy(t->names, names, name_count * sizeof(*names));
    t->name_count = name_count;
    t->cell_names = cells;
    t->cell_count = cell_count;
    t->slot_count = 64;
    t->slots = kit_calloc(t->slot_count, sizeof(*t->slots));
    return t;
}

void tally_destroy(tally **ref)
{
    tally *t = *ref;
    if (t != NULL) {
        kit_arena_reset(&t->memory);
        free(t->rows);
        free(t->slots);
        free(t);
        *ref = NULL;
    }
}

static uint64_t hash_of(const tally *t, const cmp_str *texts)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < t->name_count; i++) {
        const cmp_str text = texts[i].at != NULL ? texts[i] : CMP_STR("");
        hash = hash_seeded(hash + i, text.at, text.size);
    }
    return hash;
}

static bool is_row(const tally *t, const tally_row *row, const cmp_str *texts, uint64_t hash)
{
    if (row->hash != hash) {
        return false;
    }
    for (size_t i = 0; i < t->name_count; i++) {
        if (row->texts[i].size != texts[i].size ||
            (texts[i].size > 0 && memcmp(row->texts[i].at, texts[i].at, texts[i].size) != 0)) {
            return false;
        }
    }
    return true;
}

static size_t free_slot(const tally *t, uint64_t hash)
{
    size_t slot = hash & (t->slot_count - 1);
    while (t->slots[slot] != 0) {
        slot = (slot + 1) & (t->slot_count - 1);
    }
    return slot;
}

static void grow(tally *t)
{
    free(t->slots);
    t->slot_count *= 2;
    t->slots = kit_calloc(t->slot_count, sizeof(*t->slots));
    for (size_t i = 0; i < t->row_count; i++) {
        t->slots[free_slot(t, t->rows[i].hash)] = (uint32_t)i + 1;
    }
}

static tally_row *add_row(tally *t, const cmp_str *texts, uint64_t hash)
{
    if (t->row_count == t->row_room) {
        t->row_room = t->row_room != 0 ? 2 * t->row_room : 64;
        t->rows = kit_realloc(t->rows, t->row_room * sizeof(*t->rows));
    }
    if (2 * t->row_count >= t->slot_count) {
        grow(t);
    }
    tally_row *row = &t->rows[t->row_count++];
    row->hash = hash;
    row->cells = kit_arena_calloc(&t->memory, t->cell_count, sizeof(*row->cells));
    row->texts = kit_arena_calloc(&t->memory, t->name_count, sizeof(*row->texts));
    for (size_t i = 0; i < t->name_count; i++) {
        row->texts[i] = kit_arena_copy(&t->memory, texts[i]);
    }
    t->slots[free_slot(t, hash)] = (uint32_t)t->row_count;
    return row;
}

uint64_t *tally_cells(tally *t, const cmp_str *texts)
{
    const uint64_t hash = hash_of(t, texts);
    for (size_t slot = hash & (t->slot_count - 1); t->slots[slot] != 0;
         slot = (slot + 1) & (t->slot_count - 1)) {
        tally_row *row = &t->rows[t->slots[slot] - 1];
        if (is_row(t, row, texts, hash)) {
            return row->cells;
        }
    }
    return add_row(t, texts, hash)->cells;
}

/* ---- printing ---- */

static int compare_texts(cmp_str a, cmp_str b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size > 0 ? memcmp(a.at, b.at, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    const tally *t = arg;
    const tally_row *x = a, *y = b;
    for (size_t i = 0; i < t->name_count; i++) {
        const int order = compare_texts(x->texts[i], y->texts[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static size_t width_of(const tally *t, size_t column)
{
    size_t width = strlen(t->names[column]);
    for (size_t i = 0; i < t->row_count; i++) {
        const size_t size = t->rows[i].texts[column].size;
        width = size > width ? size : width;
    }
    return width < 40 ? width : 40;
}

static void print_table(const tally *t, FILE *to)
{
    size_t *widths = kit_calloc(t->name_count + 1, sizeof(*widths));
    for (size_t i = 0; i < t->name_count; i++) {
        widths[i] = width_of(t, i);
        fprintf(to, "%-*s ", (int)widths[i], t->names[i]);
    }
    for (size_t i = 0; i < t->cell_count; i++) {
        fprintf(to, " %14s", t->cell_names[i]);
    }
    putc('\n', to);
    for (size_t r = 0; r < t->row_count; r++) {
        for (size_t i = 0; i < t->name_count; i++) {
            const cmp_str text = t->rows[r].texts[i];
            output_visible(text.at != NULL ? text : CMP_STR(""), to);
            fprintf(to, "%*s ", (int)(widths[i] > text.size ? widths[i] - text.size : 0), "");
        }
        for (size_t i = 0; i < t->cell_count; i++) {
            fprintf(to, " %14llu", (unsigned long long)t->rows[r].cells[i]);
        }
        putc('\n', to);
    }
    free(widths);
}

static void print_csv(const tally *t, FILE *to)
{
    for (size_t i = 0; i < t->name_count + t->cell_count; i++) {
        fprintf(to, "%s%s", i > 0 ? "," : "",
                i < t->name_count ? t->names[i] : t->cell_names[i - t->name_count]);
    }
    putc('\n', to);
    for (size_t r = 0; r < t->row_count; r++) {
        for (size_t i = 0; i < t->name_count; i++) {
            fputs(i > 0 ? "," : "", to);
            journal_write_csv(t->rows[r].texts[i], to);
        }
        for (size_t i = 0; i < t->cell_count; i++) {
            fprintf(to, ",%llu", (unsigned long long)t->rows[r].cells[i]);
        }
        putc('\n', to);
    }
}

static void print_ndjson(const tally *t, FILE *to)
{
    for (size_t r = 0; r < t->row_count; r++) {
        char line[16384];
        json_out out = {.to = line};
        for (size_t i = 0; i < t->name_count; i++) {
            json_put(&out, i == 0 ? CMP_STR("{\"") : CMP_STR(",\""));
            json_put(&out, cmp_str_from(t->names[i]));
            json_put(&out, CMP_STR("\":"));
            json_put_string(&out,
                            t->rows[r].texts[i].at != NULL ? t->rows[r].texts[i] : CMP_STR(""));
        }
        fwrite(line, 1, out.size, to);
        for (size_t i = 0; i < t->cell_count; i++) {
            fprintf(to, ",\"%s\":%llu", t->cell_names[i], (unsigned long long)t->rows[r].cells[i]);
        }
        fputs("}\n", to);
    }
}

void tally_fold(tally *t, const tally *from, void (*fold)(uint64_t *cells, const uint64_t *from))
{
    for (size_t i = 0; i < from->row_count; i++) {
        fold(tally_cells(t, from->rows[i].texts), from->rows[i].cells);
    }
}

size_t tally_count(const tally *t)
{
    return t->row_count;
}

void tally_row_at(const tally *t, size_t i, const cmp_str **texts, const uint64_t **cells)
{
    *texts = t->rows[i].texts;
    *cells = t->rows[i].cells;
}

void tally_sort(tally *t)
{
    if (t->row_count > 0) {
        qsort_r(t->rows, t->row_count, sizeof(*t->rows), compare_rows, t);
    }
    memset(t->slots, 0, t->slot_count * sizeof(*t->slots)); /* rows have moved */
    for (size_t i = 0; i < t->row_count; i++) {
        t->slots[free_slot(t, t->rows[i].hash)] = (uint32_t)i + 1;
    }
}

void tally_print(tally *t, journal_form form, FILE *to)
{
    tally_sort(t);
    switch (form) {
    case JOURNAL_TABLE:
        print_table(t, to);
        break;
    case JOURNAL_NDJSON:
        print_ndjson(t, to);
        break;
    case JOURNAL_CSV:
        print_csv(t, to);
        break;
    }
}
