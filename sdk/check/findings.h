/* SPDX-License-Identifier: Apache-2.0 */
/* What a check has found: a verdict for each rule, in words that cite the header where it stands.
 */
#pragma once

#include <cmp/base.h>

#include <stdio.h>

/* X(enumerator, word, what is demanded, where that is said) */
#define RULES(X)                                                                                   \
    X(FILE, "file", "a regular file that nobody but its owner can write, nor its folder",          \
      "GUIDE, Load errors")                                                                        \
    X(ELF, "elf", "a shared library for this machine", "plugin.h: a shared library")               \
    X(STACK, "stack", "no executable stack", "GUIDE, Load errors")                                 \
    X(RELOCATIONS, "relocations", "position-independent code (-fPIC)", "GUIDE, Load errors")       \
    X(RUNPATH, "runpath", "libraries are looked for in absolute folders", "GUIDE, Load errors")    \
    X(NEEDS, "needs", "every library that it needs is found", "GUIDE, Load errors")                \
    X(SYMBOLS, "symbols", "every symbol that it uses is there when it is loaded",                  \
      "plugin.h: links against nothing of its host")                                               \
    X(EXPORTS, "exports", "one exported object, cmp_plugin_descriptor",                            \
      "plugin.h: a shared library with one exported object")                                       \
    X(LOADING, "loading", "loading and closing it neither crashes, nor ends, nor takes long",      \
      "GUIDE, Load errors")                                                                        \
    X(DESCRIPTOR, "descriptor", "the descriptor, its options and functions are whole",             \
      "plugin.h: cmp_plugin")                                                                      \
    X(MINOR, "minor", "it names no newer minor of the ABI than it needs", "plugin.h: Versions")    \
    X(OPTIONS, "options", "create takes what the options' rows describe, or says what is wrong",   \
      "plugin.h: cmp_plugin.create")                                                               \
    X(LIFE, "life", "what create, start and worker_start begin, worker_stop and destroy end",      \
      "plugin.h: Life")                                                                            \
    X(CHECKING, "checking", "with CMP_PURPOSE_CHECK create changes nothing anywhere",              \
      "host.h: CMP_PURPOSE_CHECK")                                                                 \
    X(ANSWERS, "answers", "each operation is answered once, with what its verdict promises",       \
      "message.h: cmp_op")                                                                         \
    X(STALLS, "stalls", "what is called on a worker does not block", "plugin.h: Life")             \
    X(CANCEL, "cancel", "an operation that was cancelled is completed all the same, once",         \
      "auth.h: cmp_auth_ops.cancel")                                                               \
    X(SERVICES, "services", "when a service fails, the answer is that it cannot tell",             \
      "store.h: CMP_STORE_UNAVAILABLE, auth.h: CMP_AUTH_UNAVAILABLE")                              \
    X(INPUT, "input", "whatever a request holds, it is answered", "host.h: For who writes a host") \
    X(CHANGES, "changes", "keys may change while operations are under way",                        \
      "plugin.h: cmp_plugin.keys_changed")                                                         \
    X(WORKERS, "workers", "each worker has its own state, and nothing of another's is in its way", \
      "plugin.h: worker_start")                                                                    \
    X(WRITES, "writes", "what is put and removed is there after commit, and never after abort",    \
      "store.h: cmp_store_ops.begin")                                                              \
    X(MEMORY, "memory", "memory is used within its bounds and its life", "message.h: cmp_op")

typedef enum rule {
#define X(name, word, demand, source) RULE_##name,
    RULES(X)
#undef X
        RULE_COUNT
} rule;

typedef enum finding_verdict {
    VERDICT_HELD,
    VERDICT_NOTE,     /* held, with something to think about */
    VERDICT_BROKEN,   /* one reason, or several */
    VERDICT_NOT_SEEN, /* could not be looked at, and why */
} finding_verdict;

typedef struct findings findings;

/* For one file; `path` is borrowed. */
findings *findings_create(const char *path);
void findings_destroy(findings **f);

/* Adds what was found of a rule. */
void findings_add(findings *f, rule r, finding_verdict v, const char *text);

/* The same; the format is a sentence without its full stop. */
void findings_held(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);
void findings_note(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);
void findings_broken(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);
void findings_not_seen(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);

/* How many times a rule was found broken. */
size_t findings_faults(const findings *f);

/* How many times something could not be looked at. */
size_t findings_unseen(const findings *f);

/* For people: a line for each finding. */
void findings_print(const findings *f, FILE *to);

/* For programs: one JSON object, with "file", "good", "complete", and "findings" of "rule",
 * "verdict", "text", "demand", "source". */
void findings_print_json(const findings *f, FILE *to);
