/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command line as rows: parsing, messages and usage texts come from one table. */
#pragma once

#include <cmp/option.h>

typedef enum args_kind {
    ARGS_FLAG, /* bool */
    ARGS_TEXT, /* const char *; NULL when not given */
    ARGS_LIST, /* args_list; may be given several times */
} args_kind;

enum { ARGS_LIST_MAX = 64 };

typedef struct args_list {
    const char *at[ARGS_LIST_MAX];
    size_t count;
} args_list;

typedef struct args_row {
    const char *name; /* without its hyphens */
    args_kind kind;
    size_t offset;     /* of the field in the command's options */
    const char *value; /* what stands for the value in the usage; NULL with ARGS_FLAG */
    const char *help;  /* one line, no full stop */
    bool needed;       /* of ARGS_TEXT: it has to be given, and not as "" */
} args_row;

/* A row that does not compile when its field has another type than its kind fills. */
#define ARGS_ROW(name_, kind_, struct_, field, value_, help_)                                      \
    {                                                                                              \
        .name = (name_), .kind = ARGS_##kind_,                                                     \
        .offset = CMP_OFFSET_OF(#kind_, struct_, field, ARGS_FILLS_##kind_), .value = (value_),    \
        .help = (help_)                                                                            \
    }
#define ARGS_NEEDED(name_, struct_, field, value_, help_)                                          \
    {                                                                                              \
        .name = (name_), .kind = ARGS_TEXT,                                                        \
        .offset = CMP_OFFSET_OF("TEXT", struct_, field, ARGS_FILLS_TEXT), .value = (value_),       \
        .help = (help_), .needed = true                                                            \
    }
#define ARGS_FILLS_FLAG bool
#define ARGS_FILLS_TEXT const char *
#define ARGS_FILLS_LIST args_list

/* Of a command that prints JSON of its own. */
#define ARGS_JSON_ROW(struct_)                                                                     \
    ARGS_ROW("json", FLAG, struct_, json, NULL, "print JSON, for programs")

/* One command; static. */
typedef struct args_command {
    const char *name;     /* as typed, "keys issue" */
    const char *operands; /* "URL ICI"; NULL: none */
    size_t operand_count; /* exactly; with args_parse_some: at least */
    size_t operand_most;  /* with args_parse_some */
    const char *summary;  /* one line, no full stop */
    const char *details;  /* paragraphs; may be NULL */
    const args_row *rows; /* ended by a row without a name */
} args_command;

typedef enum args_result {
    ARGS_GO,
    ARGS_HELPED, /* --help was asked for and answered: EXIT_GOOD */
    ARGS_WRONG,  /* a message was written: EXIT_CANNOT */
} args_result;

/* Fills `options` (zeroed by the caller) and `operands`. argv[0] is the command's last word. What
 * is filled in points into argv. */
CMP_MUST_USE args_result args_parse(const args_command *command, int argc, char **argv,
                                    void *options, const char **operands);

/* The same for a command whose number of operands is not fixed: *operands is what of argv is left,
 * ended by NULL. */
CMP_MUST_USE args_result args_parse_some(const args_command *command, int argc, char **argv,
                                         void *options, char ***operands);

/* The exit status of a result other than ARGS_GO. */
int args_status(args_result result);

/* ---- values ---- */

/* False with a message when `text`, of that option or operand, is "": a variable of a script that
 * has no value is not to be taken for "any". NULL, not given, is fine. */
CMP_MUST_USE bool args_not_empty(const char *name, const char *text);

/* The index of `text` in `names` (ended by NULL). False with a message that says what could be. */
CMP_MUST_USE bool args_choice(const char *option, const char *text, const char *const *names,
                              int *index);

/* An RFC 3339 time, in Unix milliseconds; or `now`. False with a message. */
CMP_MUST_USE bool args_time(const char *option, const char *text, int64_t *ms);

/* A time with its unit, "500ms" or "2s", in milliseconds; `fallback` when `text` is NULL. False
 * with a message that says what could be. */
CMP_MUST_USE bool args_duration(const char *option, const char *text, int64_t fallback, int64_t min,
                                int64_t max, int64_t *ms);

/* A whole number; `fallback` when `text` is NULL. False with a message that says what could be. */
CMP_MUST_USE bool args_number(const char *option, const char *text, int64_t fallback, int64_t min,
                              int64_t max, int64_t *number);
