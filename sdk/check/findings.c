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
    size_t count, faults, unseen;
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

/* What breaks in one trial mostly breaks in all: once is enough. */
static bool was_told(const findings *f, finding_verdict v, const char *text)
{
    for (size_t i = 0; v == VERDICT_BROKEN && i < f->count; i++) {
        if (f->at[i].verdict == v && strcmp(f->at[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

void findings_add(findings *f, rule r, finding_verdict v, const char *text)
{
    if (was_told(f, v, text)) {
        return;
    }
    f->at = kit_realloc(f->at, (f->count + 1) * sizeof(*f->at));
    f->at[f->count++] = (finding){.rule = r, .verdict = v, .text = kit_strdup(text)};
    f->faults += v == VERDICT_BROKEN;
    f->unseen += v == VERDICT_NOT_SEEN;
}

static void add(findings *f, rule r, finding_verdict v, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        abort();
    }
    findings_add(f, r, v, text);
    free(text);
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

size_t findings_unseen(const findings *f)
{
    return f->unseen;
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
    if (f->faults != 0) {
        fprintf(to, "%zu %s\n", f->faults, f->faults == 1 ? "fault" : "faults");
    } else {
        fprintf(to, "no rule is broken%s\n", f->unseen != 0 ? ", but not all was looked at" : "");
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
    json_t *all = json_pack("{s:s, s:b, s:b, s:o}", "file", f->path, "good", f->faults == 0,
                            "complete", f->unseen == 0, "findings", list);
    json_dumpf(all, to, JSON_INDENT(2));
    fputc('\n', to);
    json_decref(all);
}
