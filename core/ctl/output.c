/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that cmpctl prints goes through here where it has to look the same in all commands. */
#include "ctl/output.h"

#include <cmp-kit/text.h>

#include <float.h>
#include <stdlib.h>

/* Returns the status that nearly every caller returns next. */
int output_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cmpctl: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_CANNOT;
}

void output_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cmpctl: warning: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* Said once, though it is asked by commands that cannot go on without, and when all are done. */
int output_end(void)
{
    static bool told;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return EXIT_GOOD;
    }
    if (!told) {
        told = true;
        output_fail("stdout cannot be written");
    }
    return EXIT_CANNOT;
}

int output_fail_report(const cmp_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const conf_error *e = &r->errors[i];
        const char *key = e->key != NULL ? e->key : "";
        const char *colon = *key != '\0' ? ": " : "";
        if (e->place.file == NULL) {
            output_fail("%s%s%s", key, colon, e->text);
        } else if (e->place.line == 0) {
            output_fail("%s: %s%s%s", e->place.file, key, colon, e->text);
        } else {
            output_fail("%s:%u:%u: %s%s%s", e->place.file, e->place.line, e->place.column, key,
                        colon, e->text);
        }
    }
    return EXIT_CANNOT;
}

void output_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DBL_DIG)); /* 0.95 as 0.95 */
    putchar('\n');
    json_decref(value);
}

static bool is_visible(char c)
{
    return (uint8_t)c >= 0x20 && (uint8_t)c < 0x7F;
}

/* Writes what is no plain ASCII as \xNN; returns malloc'ed text. */
static char *escape(cmp_str text)
{
    char *escaped = kit_alloc(4 * text.size + 1), *to = escaped;
    for (size_t i = 0; i < text.size; i++) {
        if (is_visible(text.at[i])) {
            *to++ = text.at[i];
        } else {
            to += sprintf(to, "\\x%02X", (uint8_t)text.at[i]);
        }
    }
    *to = '\0';
    return escaped;
}

json_t *output_json_text(cmp_str text)
{
    if (text.at == NULL) {
        return json_null();
    }
    if (kit_utf8_valid(text)) {
        return json_stringn(text.at, text.size);
    }
    char *escaped = escape(text);
    json_t *value = json_string(escaped);
    free(escaped);
    return value;
}

void output_visible(cmp_str text, FILE *to)
{
    char *escaped = escape(text);
    fputs(escaped, to);
    free(escaped);
}

int output_fail_at(const char *file, size_t line, const char *text)
{
    char *escaped = escape(cmp_str_from(text));
    if (line > 0) {
        output_fail("%s:%zu: %s", file, line, escaped);
    } else {
        output_fail("%s: %s", file, escaped);
    }
    free(escaped);
    return EXIT_CANNOT;
}
