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
    X(MINOR, "minor", "it names no newer minor of the ABI than it needs", "plugin.h: Versions")

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

/* Adds what was found of a rule; the format is a sentence without its full stop. */
void findings_held(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);
void findings_note(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);
void findings_broken(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);
void findings_not_seen(findings *f, rule r, const char *format, ...) CMP_PRINTF(3, 4);

/* How many times a rule was found broken. */
size_t findings_faults(const findings *f);

/* For people: a line for each finding. */
void findings_print(const findings *f, FILE *to);

/* For programs: one JSON object, with "file", "good", and "findings" of "rule", "verdict", "text",
 * "demand", "source". */
void findings_print_json(const findings *f, FILE *to);
