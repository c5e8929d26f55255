/* SPDX-License-Identifier: Apache-2.0 */
/* Formats a line on the stack and hands it to the kernel in one write, so lines never mix. */
#include "base/log.h"

#include "base/log_output.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* Well under PIPE_BUF (4,096): up to that, a write to a pipe is never torn by one of another
 * process. */
#define LINE_SIZE  2048
#define NAME_SHOWN 48
#define END_SIZE   3 /* of a line: a closing quote, a closing bracket, and the line's end */

/* A reload changes them while others log. */
static _Atomic cmp_log_level log_level = CMP_LOG_NOTICE;
static _Atomic log_format log_how = LOG_TEXT;
static bool log_how_fixed; /* before threads start */

const char *const log_level_names[] = {
    [CMP_LOG_ERROR] = "error", [CMP_LOG_WARNING] = "warning", [CMP_LOG_NOTICE] = "notice",
    [CMP_LOG_INFO] = "info",   [CMP_LOG_DEBUG] = "debug",     NULL};

const char *const log_format_names[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json", NULL};

typedef struct line {
    char text[LINE_SIZE];
    size_t size;
    bool cut; /* something found no room: nothing is put any more */
    log_format how;
} line;

void log_level_set(cmp_log_level level)
{
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

void log_setup(cmp_log_level level, log_format format)
{
    log_level_set(level);
    if (!log_how_fixed) {
        atomic_store_explicit(&log_how, format, memory_order_relaxed);
    }
}

void log_format_fix(log_format format)
{
    log_how_fixed = true;
    atomic_store_explicit(&log_how, format, memory_order_relaxed);
}

log_format log_format_get(void)
{
    return atomic_load_explicit(&log_how, memory_order_relaxed);
}

cmp_log_level log_level_get(void)
{
    return atomic_load_explicit(&log_level, memory_order_relaxed);
}

bool log_wanted(cmp_log_level level)
{
    return level <= log_level_get();
}

/* Whole or not at all, with room for the end left: a half escape or a half character would be no
 * JSON, and neither would be what comes behind it. */
static void put(line *l, const char *text, size_t size)
{
    l->cut = l->cut || l->size + size > LINE_SIZE - END_SIZE;
    if (!l->cut) {
        memcpy(l->text + l->size, text, size);
        l->size += size;
    }
}

static void put_text(line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Without snprintf, which signal handlers may not call. */
static void put_escape(line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char short_escape[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
    if (l->how == LOG_JSON) {
        put(l, escape, sizeof(escape));
    } else {
        put(l, short_escape, sizeof(short_escape));
    }
}

/* A character beyond ASCII that JSON may hold; returns its size. Libraries and strangers may have
 * said what is no UTF-8 at all. */
static size_t put_character(line *l, cmp_str text)
{
    const size_t size = kit_utf8_first(text);
    if (size == 0) {
        put_text(l, "\xEF\xBF\xBD"); /* U+FFFD */
        return 1;
    }
    put(l, text.at, size);
    return size;
}

/* Writes `value` so that it cannot break out of its line or its quotes. */
static void put_escaped(line *l, cmp_str value)
{
    for (size_t i = 0; i < value.size && !l->cut;) {
        const unsigned char c = (unsigned char)value.at[i];
        if (c >= 0x80 && l->how == LOG_JSON) {
            i += put_character(l, (cmp_str){value.at + i, value.size - i});
            continue;
        }
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            put_escape(l, c);
        } else {
            put(l, value.at + i, 1);
        }
        i++;
    }
}

/* The message is ours but for what it quotes, which must not look like a line of its own. */
static void put_message(line *l, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            put_escape(l, c);
        } else {
            put(l, text + i, 1);
        }
    }
}

/* A name that has room for nothing behind it is left out. */
static void put_member(line *l, const char *name, cmp_str value)
{
    char head[64], *at = head;
    at = stpcpy(at, l->how == LOG_JSON ? ",\"" : " ");
    at = mempcpy(at, name, strnlen(name, NAME_SHOWN));
    at = stpcpy(at, l->how == LOG_JSON ? "\":\"" : "=\"");
    put(l, head, (size_t)(at - head));
    if (!l->cut) {
        put_escaped(l, value);
        l->text[l->size++] = '"';
    }
}

/* Whole, or it would be another number. */
static void put_number(line *l, const char *name, cmp_str value)
{
    char member[128], *at = member;
    at = stpcpy(at, ",\"");
    at = mempcpy(at, name, strnlen(name, NAME_SHOWN));
    at = stpcpy(at, "\":");
    if (value.size <= sizeof(member) - (size_t)(at - member)) {
        at = mempcpy(at, value.at, value.size);
        put(l, member, (size_t)(at - member));
    }
}

static void put_field(line *l, const log_field *f)
{
    const size_t mark = sizeof(LOG_NUMBER) - 1;
    if (f->value.at == NULL) {
        return;
    }
    if (strncmp(f->name, LOG_NUMBER, mark) != 0) {
        put_member(l, f->name, f->value);
    } else if (l->how == LOG_JSON) {
        put_number(l, f->name + mark, f->value);
    } else {
        put_member(l, f->name + mark, f->value);
    }
}

static void put_head(line *l, cmp_log_level level, const char *area)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char when[KIT_TIME_TEXT_SIZE];
    kit_time_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, when);
    if (l->how == LOG_JSON) {
        put_text(l, "{\"time\":\"");
        put_text(l, when);
        put_text(l, "\"");
        put_member(l, "level", cmp_str_from(log_level_names[level]));
        put_member(l, "area", cmp_str_from(area));
    } else {
        put_text(l, when);
        put_text(l, " ");
        put_text(l, log_level_names[level]);
        put_text(l, " ");
        put_text(l, area);
        put_text(l, ": ");
    }
}

static void put_line(cmp_log_level level, const char *area, cmp_str message,
                     const log_field *fields, size_t field_count)
{
    line l = {.how = log_format_get()};
    put_head(&l, level, area);
    if (l.how == LOG_JSON) {
        put_member(&l, "message", (cmp_str){message.at, kit_utf8_cut(message.at, message.size)});
    } else {
        put_message(&l, message.at, message.size);
    }
    for (size_t i = 0; i < field_count; i++) {
        put_field(&l, &fields[i]);
    }
    l.text[l.size++] = l.how == LOG_JSON ? '}' : '\n';
    if (l.how == LOG_JSON) {
        l.text[l.size++] = '\n';
    }
    log_output_write(l.text, l.size);
}

/* All that it calls is this file's, plain text and arithmetic of the kit, clock_gettime, write,
 * send and poll. */
void log_last_words(const char *area, const char *message)
{
    put_line(CMP_LOG_ERROR, area, cmp_str_from(message), NULL, 0);
}

void log_write_v(cmp_log_level level, const char *area, const log_field *fields, size_t field_count,
                 const char *format, va_list args)
{
    if (!log_wanted(level)) {
        return;
    }
    /* Half a line at most, so that the fields, which say whom it is about, still have room. */
    char message[LINE_SIZE / 2];
    const int wanted = vsnprintf(message, sizeof(message), format, args);
    const size_t size = wanted < 0                         ? 0
                        : (size_t)wanted < sizeof(message) ? (size_t)wanted
                                                           : sizeof(message) - 1;
    put_line(level, area, (cmp_str){message, size}, fields, field_count);
}

void log_write(cmp_log_level level, const char *area, const log_field *fields, size_t field_count,
               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_write_v(level, area, fields, field_count, format, args);
    va_end(args);
}
