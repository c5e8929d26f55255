/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl why`: finds a transaction in the journal, or among the rejections, and tells its way. */
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/journal_filter.h"
#include "ctl/journal_write.h"
#include "ctl/output.h"
#include "ctl/remedy.h"

#include "base/interface.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/times.h>
#include <cmp-kit/uuid.h>

#include <stdlib.h>
#include <string.h>

#define FOUND_MAX 64                /* records of a stream that are told of */
#define AROUND_MS INT64_C(86400000) /* how wrong a clock is thought to be that made a tid */

typedef struct why_options {
    journal_options_given given;
    bool json;
} why_options;

static const args_row rows[] = {
    JOURNAL_WHERE_ROWS(why_options, given),
    ARGS_ROW("json", FLAG, why_options, json, NULL, "print the records, one JSON object a line"),
    {.name = NULL},
};

static const args_command command = {
    .name = "why",
    .operands = "TID",
    .operand_count = 1,
    .summary = "Tells what became of the transaction with that tid, and what can be done about it",
    .details = "The tid may be a requestor's, or that of one of our own attempts at a next hop.\n"
               "Exit status: 0 it was found, 1 it was not, 2 the journal could not be read.\n\n"
               "  cmpctl why 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b --config cmpd.yaml\n",
    .rows = rows,
};

/* ---- finding ---- */

typedef struct found_record {
    uint8_t *octets; /* what `record` points into */
    journal_record record;
} found_record;

/* First the journal's, then rejections. */
typedef struct findings {
    found_record at[JOURNAL_STREAM_MAX * FOUND_MAX];
    size_t count;
    size_t begin; /* of the stream that is read */
    uint64_t left_out;
} findings;

/* A tid has one transaction, with its attempts; but anybody can send it again, before it and behind
 * it, and as often as they like. So the first ones are kept, and the last. */
static void make_room(findings *f)
{
    if (f->count - f->begin < FOUND_MAX) {
        return;
    }
    found_record *middle = &f->at[f->begin + FOUND_MAX / 2];
    free(middle->octets);
    f->count--;
    f->left_out++;
    memmove(middle, middle + 1, (size_t)(&f->at[f->count] - middle) * sizeof(*middle));
}

static void keep(findings *f, const journal_record *r)
{
    make_room(f);
    found_record *found = &f->at[f->count];
    uint8_t *octets = kit_alloc(JOURNAL_RECORD_MAX);
    const size_t size = journal_record_write(r, octets);
    if (journal_record_read(octets, size, &found->record)) {
        found->octets = octets;
        f->count++;
    } else {
        free(octets);
    }
}

static void findings_free(findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->at[i].octets);
    }
    f->count = 0;
}

/* False after a message. */
static bool look_in(const journal_filter *f, findings *found)
{
    journal_reader *reader = journal_filter_open(f);
    if (reader == NULL) {
        return false;
    }
    found->begin = found->count;
    for (const journal_record *r; (r = journal_reader_next(reader)) != NULL;) {
        if (journal_filter_fits(f, r)) {
            keep(found, r);
        }
    }
    journal_reader_close(&reader);
    return true;
}

/* Of both streams. A UUIDv7 says when it was made: one look around then is mostly enough. */
static bool look_for(const journal_filter *f, cmp_str tid, findings *found)
{
    uint8_t octets[16];
    int64_t made_ms;
    journal_filter near = *f;
    near.tid = tid;
    if (kit_uuid_parse(tid, octets) && kit_uuid_v7_time(octets, &made_ms)) {
        near.span = (journal_span){made_ms - AROUND_MS, made_ms + AROUND_MS};
    }
    for (int wide = 0; wide < 2 && found->count == 0; wide++) {
        near.span = wide ? f->span : near.span;
        static const int kinds[] = {0, JOURNAL_REJECTION};
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            near.kind = kinds[i];
            if (!look_in(&near, found)) {
                return false;
            }
        }
    }
    return true;
}

/* When it is that of an attempt, its transaction is what is asked for. */
static cmp_str origin_of(const findings *found, cmp_str tid)
{
    for (size_t i = 0; i < found->count; i++) {
        const journal_record *r = &found->at[i].record;
        if (r->kind == JOURNAL_ATTEMPT && cmp_str_equal(r->texts[JOURNAL_TID], tid)) {
            return r->texts[JOURNAL_ORIGIN_TID];
        }
    }
    return CMP_NONE;
}

/* ---- telling ---- */

static void put(const journal_record *r, journal_text text)
{
    output_visible(r->texts[text].at != NULL ? r->texts[text] : CMP_STR("?"), stdout);
}

static void put_time(const journal_record *r)
{
    char time[KIT_TIME_TEXT_SIZE];
    kit_time_format(r->when_us / 1000, time);
    printf("%s  ", time);
}

static void tell_outcome(const journal_record *r)
{
    printf("after %.1f ms ", (double)r->took_us / 1000);
    if (r->status == 0) {
        printf("%s", journal_verdict_names[r->verdict]);
    } else {
        printf("%u %s", r->status, journal_verdict_names[r->verdict]);
    }
    if (r->texts[JOURNAL_CODE].size > 0) {
        fputs(" (", stdout);
        put(r, JOURNAL_CODE);
        putchar(')');
    }
}

static void tell_waits(const journal_record *r)
{
    for (size_t i = 0; i < r->wait_count; i++) {
        const journal_wait *w = &r->waits[i];
        printf("    %8.3f ms  %s %.*s for %.3f ms\n", (double)w->after_us / 1000,
               w->synchronous ? "worked in" : "waited in", (int)w->step.size, w->step.at,
               (double)w->took_us / 1000);
    }
}

static void tell_remedy(const journal_record *r)
{
    const char *text = remedy_of(r);
    if (text != NULL) {
        printf("  What can be done: %s.\n", text);
    }
}

static void tell_attempt(const journal_record *r)
{
    fputs("  ", stdout);
    put_time(r);
    printf("attempt %u: sent on to peer ", r->attempt);
    put(r, JOURNAL_PEER);
    fputs(" under the tid ", stdout);
    put(r, JOURNAL_TID);
    fputs(", ", stdout);
    tell_outcome(r);
    putchar('\n');
}

static void tell_transaction(const journal_record *r, const findings *found)
{
    put_time(r);
    if (r->texts[JOURNAL_PEER].size > 0) {
        fputs("peer ", stdout);
        put(r, JOURNAL_PEER);
    } else {
        fputs("a handset", stdout);
    }
    fputs(" asked for ", stdout);
    put(r, JOURNAL_ICI);
    printf(" on %s, listener ",
           r->interface < CMP_INTERFACE_MAX ? interfaces[r->interface].word : "?");
    put(r, JOURNAL_LISTENER);
    putchar('\n');
    tell_waits(r);
    for (size_t i = 0; i < found->count; i++) {
        const journal_record *a = &found->at[i].record;
        if (a->kind == JOURNAL_ATTEMPT &&
            cmp_str_equal(a->texts[JOURNAL_ORIGIN_TID], r->texts[JOURNAL_TID]) &&
            cmp_str_equal(a->texts[JOURNAL_ORIGIN_PEER], r->texts[JOURNAL_PEER])) {
            tell_attempt(a);
        }
    }
    fputs("  Answered ", stdout);
    tell_outcome(r);
    if (r->texts[JOURNAL_DECIDED_BY].size > 0) {
        fputs(", decided by ", stdout);
        put(r, JOURNAL_DECIDED_BY);
    }
    puts(".");
    tell_remedy(r);
}

static void tell_rejection(const journal_record *r)
{
    put_time(r);
    fputs("rejected: a request from ", stdout);
    put(r, JOURNAL_SOURCE);
    fputs(" for ", stdout);
    put(r, JOURNAL_ICI);
    fputs(", listener ", stdout);
    put(r, JOURNAL_LISTENER);
    if (r->texts[JOURNAL_APIKEYID].size > 0) {
        fputs(", with the apikeyid ", stdout);
        put(r, JOURNAL_APIKEYID);
    }
    if (r->texts[JOURNAL_PEER].size > 0) {
        fputs(", which was issued to peer ", stdout);
        put(r, JOURNAL_PEER);
    }
    fputs("\n  Answered ", stdout);
    tell_outcome(r);
    fputs(": ", stdout);
    put(r, JOURNAL_REASON);
    puts(".");
    tell_remedy(r);
}

static void tell(const findings *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const journal_record *r = &found->at[i].record;
        if (r->kind == JOURNAL_TRANSACTION) {
            tell_transaction(r, found);
        } else if (r->kind == JOURNAL_REJECTION) {
            tell_rejection(r);
        }
    }
}

static void tell_json(const findings *found)
{
    const journal_writer w = {.to = stdout, .form = JOURNAL_NDJSON};
    for (size_t i = 0; i < found->count; i++) {
        journal_write_record(&w, &found->at[i].record);
    }
}

/* ---- the command ---- */

static int run(const why_options *o, const journal_filter *f, cmp_str tid)
{
    findings found = {.count = 0}, whole = {.count = 0};
    bool good = look_for(f, tid, &found);
    const cmp_str origin = good ? origin_of(&found, tid) : CMP_NONE;
    if (origin.size > 0) {
        good = look_for(f, origin, &whole);
    }
    const findings *told = whole.count > 0 ? &whole : &found;
    int status = good ? EXIT_GOOD : EXIT_CANNOT;
    if (good && told->count == 0) {
        output_fail(
            "%s: neither the journal nor the record of rejections has that tid. A handset's "
            "request that succeeded here leaves no record, by design; of rejections there "
            "are some of many (journal.rejections)",
            tid.at);
        status = EXIT_BAD;
    } else if (good) {
        o->json ? tell_json(told) : tell(told);
        if (told->left_out > 0) {
            output_warn("%llu more records in the midst of these are not shown",
                        (unsigned long long)told->left_out);
        }
    }
    findings_free(&found);
    findings_free(&whole);
    return status;
}

int why_run(int argc, char **argv)
{
    why_options o = {.json = false};
    const char *tid;
    const args_result parsed = args_parse(&command, argc, argv, &o, &tid);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    journal_filter f;
    if (!args_not_empty("TID", tid) || !journal_filter_make(&o.given, &f)) {
        return EXIT_CANNOT;
    }
    const int status = run(&o, &f, cmp_str_from(tid));
    journal_filter_free(&f);
    return status;
}
