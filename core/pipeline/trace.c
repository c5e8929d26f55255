/* SPDX-License-Identifier: Apache-2.0 */
/* See trace.h. */
#include "pipeline/trace.h"

#include "mc/json_write.h"

#include <stdio.h>
#include <stdlib.h>

void trace_begin(txn *t)
{
    t->trace = kit_arena_calloc(&t->memory, 1, sizeof(*t->trace));
    t->trace->last = &t->trace->first;
}

void trace_add(txn *t, const char *step, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        abort();
    }
    va_end(args);
    trace_line *line = kit_arena_alloc(&t->memory, sizeof(*line));
    *line = (trace_line){.step = step, .text = kit_arena_text(&t->memory, cmp_str_from(text))};
    free(text);
    *t->trace->last = line;
    t->trace->last = &line->next;
}

/* By the names that the answer itself has (RFC 9457). */
static void put_problem(json_out *out, const fault *f)
{
    json_put(out, CMP_STR(",\"code\":"));
    json_put_string(out, cmp_str_from(error_info_of(f->code)->code));
    if (f->detail != NULL) {
        json_put(out, CMP_STR(",\"detail\":"));
        json_put_string(out, cmp_str_from(f->detail));
    }
    if (f->parameter.at != NULL) {
        json_put(out, CMP_STR(",\"parameter\":"));
        json_put_string(out, f->parameter);
    }
}

size_t trace_write(const txn *t, int status, char *to)
{
    json_out out = {.to = to};
    json_put(&out, CMP_STR("{\"ici\":"));
    json_put_string(&out, t->request.message.params[CMP_PARAM_ICI]);
    json_put(&out, CMP_STR(",\"steps\":["));
    for (const trace_line *line = t->trace->first; line != NULL; line = line->next) {
        json_put(&out, line == t->trace->first ? CMP_STR("{\"step\":") : CMP_STR(",{\"step\":"));
        json_put_string(&out, cmp_str_from(line->step));
        json_put(&out, CMP_STR(",\"text\":"));
        json_put_string(&out, cmp_str_from(line->text));
        json_put(&out, CMP_STR("}"));
    }
    if (t->result == RESULT_FORWARD) {
        json_put(&out, CMP_STR("],\"would_be_sent\":true}"));
        return out.size;
    }
    json_put(&out, CMP_STR("],\"status\":"));
    json_put_number(&out, (uint64_t)status);
    if (t->result == RESULT_PROBLEM) {
        put_problem(&out, &t->fault);
    }
    json_put(&out, CMP_STR("}"));
    return out.size;
}
