/* SPDX-License-Identifier: Apache-2.0 */
/* See findings.h. Kept in the order in which they were found. */
#include "findings.h"

#include <cmp-kit/memory.h>

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

typedef struct finding {
    rule rule;
    finding_verdict verdict;
    char *text;
} finding;

struct findings {
    const char *path;
    finding *at;
    size_t count, faults;
};

static const struct {
    const char *word, *demand, *source;
} rules[] = {
#define X(name, word, demand, source) [RULE_##name] = {word, demand, source},
    RULES(X)
#undef X
};

static const char *const verdict_words[] = {[VERDICT_HELD] = "held",
                                            [VERDICT_NOTE] = "note",
                                            [VERDICT_BROKEN] = "broken",
                                            [VERDICT_NOT_SEEN] = "not seen"};

findings *findings_create(const char *path)
{
    findings *f = kit_calloc(1, sizeof(*f));
    f->path = path;
    return f;
}

void findings_destroy(findings **f)
{
    for (size_t i = 0; i < (*f)->count; i++) {
        free((*f)->at[i].text);
    }
    free((*f)->at);
    free(*f);
    *f = NULL;
}

static void add(findings *f, rule r, finding_verdict v, const char *format, va_list args)
{
    finding added = {.rule = r, .verdict = v};
    if (vasprintf(&added.text, format, args) < 0) {
        abort();
    }
    f->at = kit_realloc(f->at, (f->count + 1) * sizeof(*f->at));
    f->at[f->count++] = added;
    f->faults += v == VERDICT_BROKEN;
}

#define ADDER(name, verdict)                                                                       \
    void findings_##name(findings *f, rule r, const char *format, ...)                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        add(f, r, verdict, format, args);                                                          \
        va_end(args);                                                                              \
    }

ADDER(held, VERDICT_HELD)
ADDER(note, VERDICT_NOTE)
ADDER(broken, VERDICT_BROKEN)
ADDER(not_seen, VERDICT_NOT_SEEN)

size_t findings_faults(const findings *f)
{
    return f->faults;
}

void findings_print(const findings *f, FILE *to)
{
    fprintf(to, "%s\n", f->path);
    for (size_t i = 0; i < f->count; i++) {
        const finding *at = &f->at[i];
        fprintf(to, "  %-8s  %-12s %s\n", verdict_words[at->verdict], rules[at->rule].word,
                at->text);
        if (at->verdict == VERDICT_BROKEN) {
            fprintf(to, "  %-8s  %-12s wanted: %s [%s]\n", "", "", rules[at->rule].demand,
                    rules[at->rule].source);
        }
    }
    if (f->faults == 0) {
        fputs("no rule is broken\n", to);
    } else {
        fprintf(to, "%zu %s\n", f->faults, f->faults == 1 ? "fault" : "faults");
    }
}

void findings_print_json(const findings *f, FILE *to)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->count; i++) {
        const finding *at = &f->at[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", rules[at->rule].word,
                                        "verdict", verdict_words[at->verdict], "text", at->text,
                                        "demand", rules[at->rule].demand, "source",
                                        rules[at->rule].source));
    }
    json_t *all =
        json_pack("{s:s, s:b, s:o}", "file", f->path, "good", f->faults == 0, "findings", list);
    json_dumpf(all, to, JSON_INDENT(2));
    fputc('\n', to);
    json_decref(all);
}
