/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_write.h. The columns of CSV are those of the exchange format, and then the rest. */
#include "ctl/journal_write.h"

#include "base/interface.h"
#include "ctl/output.h"
#include "mc/json_write.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

const char *const journal_form_names[] = {
    [JOURNAL_TABLE] = "table", [JOURNAL_NDJSON] = "ndjson", [JOURNAL_CSV] = "csv", NULL};

#define LINE_MAX_SIZE (8 * JOURNAL_RECORD_MAX) /* every octet escaped, and the names */

const char *journal_direction(const journal_record *r)
{
    return r->kind == JOURNAL_ATTEMPT ? "out" : "in";
}

/* ---- columns ---- */

typedef enum column_kind {
    COLUMN_TEXT, /* `text` of the record */
    COLUMN_WORD, /* of a list, or made of it */
    COLUMN_NUMBER,
} column_kind;

typedef struct column {
    const char *name;
    bool exchange;
    column_kind kind;
    journal_text text;
    const char *(*word)(const journal_record *r, char *room); /* NULL: there is none */
    uint64_t (*number)(const journal_record *r);
} column;

static const char *time_of(const journal_record *r, char *room)
{
    kit_time_format(r->when_us / 1000, room);
    return room;
}

static const char *direction_of(const journal_record *r, char *room)
{
    (void)room;
    return journal_direction(r);
}

static const char *kind_of(const journal_record *r, char *room)
{
    (void)room;
    return journal_kind_names[r->kind];
}

static const char *verdict_of(const journal_record *r, char *room)
{
    (void)room;
    return journal_verdict_names[r->verdict];
}

static const char *interface_of(const journal_record *r, char *room)
{
    (void)room;
    return r->interface < CMP_INTERFACE_MAX ? interfaces[r->interface].word : NULL;
}

static uint64_t status_of(const journal_record *r)
{
    return r->status;
}

static uint64_t attempt_of(const journal_record *r)
{
    return r->attempt;
}

static uint64_t took_of(const journal_record *r)
{
    return r->took_us;
}

static uint64_t in_of(const journal_record *r)
{
    return r->octets_in;
}

static uint64_t out_of(const journal_record *r)
{
    return r->octets_out;
}

static uint64_t lost_of(const journal_record *r)
{
    return r->lost;
}

#define TEXT_COLUMN(column_name, in_exchange, which)                                               \
    {                                                                                              \
        .name = (column_name), .exchange = (in_exchange), .kind = COLUMN_TEXT, .text = (which)     \
    }
#define WORD_COLUMN(column_name, in_exchange, function)                                            \
    {                                                                                              \
        .name = (column_name), .exchange = (in_exchange), .kind = COLUMN_WORD, .word = (function)  \
    }
#define NUMBER_COLUMN(column_name, in_exchange, function)                                          \
    {                                                                                              \
        .name = (column_name), .exchange = (in_exchange), .kind = COLUMN_NUMBER,                   \
        .number = (function)                                                                       \
    }

static const column columns[] = {
    WORD_COLUMN("time", true, time_of),
    WORD_COLUMN("kind", true, kind_of),
    WORD_COLUMN("direction", true, direction_of),
    TEXT_COLUMN("peer", true, JOURNAL_PEER),
    TEXT_COLUMN("tid", true, JOURNAL_TID),
    TEXT_COLUMN("ici", true, JOURNAL_ICI),
    WORD_COLUMN("verdict", true, verdict_of),
    TEXT_COLUMN("code", true, JOURNAL_CODE),
    NUMBER_COLUMN("status", true, status_of),
    NUMBER_COLUMN("attempt", true, attempt_of),
    TEXT_COLUMN("cc", true, JOURNAL_CC),
    NUMBER_COLUMN("took_us", false, took_of),
    WORD_COLUMN("interface", false, interface_of),
    TEXT_COLUMN("listener", false, JOURNAL_LISTENER),
    TEXT_COLUMN("decided_by", false, JOURNAL_DECIDED_BY),
    TEXT_COLUMN("next_peer", false, JOURNAL_NEXT_PEER),
    TEXT_COLUMN("next_tid", false, JOURNAL_NEXT_TID),
    TEXT_COLUMN("origin_peer", false, JOURNAL_ORIGIN_PEER),
    TEXT_COLUMN("origin_tid", false, JOURNAL_ORIGIN_TID),
    NUMBER_COLUMN("octets_in", false, in_of),
    NUMBER_COLUMN("octets_out", false, out_of),
    NUMBER_COLUMN("lost", false, lost_of),
    TEXT_COLUMN("apikeyid", false, JOURNAL_APIKEYID),
    TEXT_COLUMN("source", false, JOURNAL_SOURCE),
    TEXT_COLUMN("plugin", false, JOURNAL_PLUGIN),
    TEXT_COLUMN("reason", false, JOURNAL_REASON),
    TEXT_COLUMN("trace", false, JOURNAL_TRACE),
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* The text of a word or text column; absent: there is none. */
static cmp_str text_of(const column *c, const journal_record *r, char *room)
{
    return c->kind == COLUMN_TEXT ? r->texts[c->text] : cmp_str_from(c->word(r, room));
}

/* ---- NDJSON ---- */

static void put_member(json_out *out, const char *name)
{
    json_put(out, out->size > 1 ? CMP_STR(",\"") : CMP_STR("\""));
    json_put(out, cmp_str_from(name));
    json_put(out, CMP_STR("\":"));
}

static void put_waits(json_out *out, const journal_record *r)
{
    put_member(out, "waits");
    for (size_t i = 0; i < r->wait_count; i++) {
        const journal_wait *w = &r->waits[i];
        json_put(out, i == 0 ? CMP_STR("[{\"step\":") : CMP_STR(",{\"step\":"));
        json_put_string(out, w->step);
        json_put(out, CMP_STR(",\"after_us\":"));
        json_put_number(out, w->after_us);
        json_put(out, CMP_STR(",\"took_us\":"));
        json_put_number(out, w->took_us);
        json_put(out, w->synchronous ? CMP_STR(",\"synchronous\":true}") : CMP_STR("}"));
    }
    json_put(out, CMP_STR("]"));
}

static void put_pseudonyms(json_out *out, const journal_record *r)
{
    char hex[2 * JOURNAL_PSEUDONYM_SIZE], key[9];
    snprintf(key, sizeof(key), "%08x", r->key);
    put_member(out, "pseudonyms");
    json_put(out, CMP_STR("{\"key\":"));
    json_put_string(out, cmp_str_from(key));
    for (int i = 0; i < JOURNAL_PERSONAL_MAX; i++) {
        if ((r->pseudonyms >> i & 1) != 0) {
            kit_hex_encode(r->personal[i], JOURNAL_PSEUDONYM_SIZE, hex);
            put_member(out, journal_personal_names[i]);
            json_put_string(out, (cmp_str){hex, sizeof(hex)});
        }
    }
    json_put(out, CMP_STR("}"));
}

static void write_ndjson(const journal_writer *w, const journal_record *r)
{
    char line[LINE_MAX_SIZE], room[KIT_TIME_TEXT_SIZE];
    json_out out = {.to = line};
    json_put(&out, CMP_STR("{"));
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const column *c = &columns[i];
        if (w->exchange && !c->exchange) {
            continue;
        }
        if (c->kind == COLUMN_NUMBER) {
            if (c->number(r) != 0) {
                put_member(&out, c->name);
                json_put_number(&out, c->number(r));
            }
            continue;
        }
        const cmp_str text = text_of(c, r, room);
        if (text.size > 0) {
            put_member(&out, c->name);
            json_put_string(&out, text);
        }
    }
    if (r->wait_count > 0 && !w->exchange) {
        put_waits(&out, r);
    }
    if (r->pseudonyms != 0 && !w->exchange) {
        put_pseudonyms(&out, r);
    }
    json_put(&out, CMP_STR("}\n"));
    fwrite_unlocked(line, 1, out.size, w->to);
}

/* ---- CSV (RFC 4180) ---- */

void journal_write_csv(cmp_str text, FILE *to)
{
    const bool plain = memchr(text.at != NULL ? text.at : "", ',', text.size) == NULL &&
                       memchr(text.at != NULL ? text.at : "", '"', text.size) == NULL &&
                       memchr(text.at != NULL ? text.at : "", '\n', text.size) == NULL;
    if (plain) {
        fwrite_unlocked(text.at != NULL ? text.at : "", 1, text.size, to);
        return;
    }
    putc_unlocked('"', to);
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '"') {
            putc_unlocked('"', to);
        }
        putc_unlocked(text.at[i], to);
    }
    putc_unlocked('"', to);
}

static void write_csv(const journal_writer *w, const journal_record *r)
{
    char room[KIT_TIME_TEXT_SIZE];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const column *c = &columns[i];
        if (w->exchange && !c->exchange) {
            continue;
        }
        if (i > 0) {
            putc_unlocked(',', w->to);
        }
        if (c->kind == COLUMN_NUMBER) {
            if (c->number(r) != 0) {
                fprintf(w->to, "%llu", (unsigned long long)c->number(r));
            }
        } else {
            journal_write_csv(text_of(c, r, room), w->to);
        }
    }
    putc_unlocked('\n', w->to);
}

static void write_csv_head(const journal_writer *w)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!w->exchange || columns[i].exchange) {
            fprintf(w->to, "%s%s", i > 0 ? "," : "", columns[i].name);
        }
    }
    putc_unlocked('\n', w->to);
}

/* ---- the table ---- */

static void write_row(const journal_writer *w, const journal_record *r)
{
    char time[KIT_TIME_TEXT_SIZE];
    kit_time_format(r->when_us / 1000, time);
    const cmp_str code = r->texts[JOURNAL_CODE];
    const cmp_str verdict = code.size > 0 ? code : cmp_str_from(journal_verdict_names[r->verdict]);
    fprintf(w->to, "%s %-3s ", time, journal_direction(r));
    fprintf(w->to, "%-12.*s ", (int)r->texts[JOURNAL_PEER].size, r->texts[JOURNAL_PEER].at);
    fprintf(w->to, "%3u %-22.*s %9.1f ", r->status, (int)verdict.size, verdict.at,
            (double)r->took_us / 1000);
    output_visible(r->texts[JOURNAL_TID], w->to);
    putc_unlocked(' ', w->to);
    output_visible(r->texts[JOURNAL_ICI], w->to);
    if (r->texts[JOURNAL_NEXT_PEER].size > 0) {
        fprintf(w->to, " -> %.*s ", (int)r->texts[JOURNAL_NEXT_PEER].size,
                r->texts[JOURNAL_NEXT_PEER].at);
        output_visible(r->texts[JOURNAL_NEXT_TID], w->to);
    }
    if (r->kind == JOURNAL_REJECTION) {
        fprintf(w->to, " from %.*s: ", (int)r->texts[JOURNAL_SOURCE].size,
                r->texts[JOURNAL_SOURCE].at);
        output_visible(r->texts[JOURNAL_REASON], w->to);
    }
    putc_unlocked('\n', w->to);
}

/* ---- forms ---- */

void journal_write_head(const journal_writer *w)
{
    if (w->form == JOURNAL_CSV) {
        write_csv_head(w);
    } else if (w->form == JOURNAL_TABLE) {
        fprintf(w->to, "%-24s %-3s %-12s %3s %-22s %9s %s\n", "TIME", "DIR", "PEER", "ST",
                "VERDICT", "MS", "TID ICI");
    }
}

void journal_write_record(const journal_writer *w, const journal_record *r)
{
    switch (w->form) {
    case JOURNAL_TABLE:
        write_row(w, r);
        break;
    case JOURNAL_NDJSON:
        write_ndjson(w, r);
        break;
    case JOURNAL_CSV:
        write_csv(w, r);
        break;
    }
}
