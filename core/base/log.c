/* Formats a line on the stack and hands it to the kernel in one write, so lines never mix. */
#include "base/log.h"

#include "base/log_output.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <stdio.h>
#include <time.h>

/* Well under PIPE_BUF (4,096): up to that, a write to a pipe is never torn by one of another
 * process. */
#define LINE_SIZE 2048

static cmp_log_level log_level = CMP_LOG_NOTICE;
static log_format log_how = LOG_TEXT;

const char *const log_level_names[] = {
    [CMP_LOG_ERROR] = "error", [CMP_LOG_WARNING] = "warning", [CMP_LOG_NOTICE] = "notice",
    [CMP_LOG_INFO] = "info",   [CMP_LOG_DEBUG] = "debug",     NULL};

typedef struct line {
    char text[LINE_SIZE];
    size_t size;
} line;

void log_setup(cmp_log_level level, log_format format)
{
    log_level = level;
    log_how = format;
}

bool log_wanted(cmp_log_level level)
{
    return level <= log_level;
}

static void put(line *l, const char *text, size_t size)
{
    const size_t room = LINE_SIZE - 4 - l->size; /* "}\n" and a closing quote always fit */
    size = size < room ? size : room;
    memcpy(l->text + l->size, text, size);
    l->size += size;
}

static void put_text(line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Writes `value` so that it cannot break out of its line or its quotes. */
static void put_escaped(line *l, cmp_str value)
{
    for (size_t i = 0; i < value.size; i++) {
        const unsigned char c = (unsigned char)value.at[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\' || (c >= 0x80 && log_how == LOG_TEXT)) {
            char escape[8];
            const int size = log_how == LOG_JSON ? snprintf(escape, sizeof(escape), "\\u%04x", c)
                                                 : snprintf(escape, sizeof(escape), "\\x%02x", c);
            put(l, escape, (size_t)size);
        } else {
            put(l, value.at + i, 1);
        }
    }
}

/* The message is ours but for what it quotes, which must not look like a line of its own. */
static void put_message(line *l, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            put_escaped(l, (cmp_str){text + i, 1});
        } else {
            put(l, text + i, 1);
        }
    }
}

static void put_member(line *l, const char *name, cmp_str value)
{
    if (log_how == LOG_JSON) {
        put_text(l, ",\"");
        put_text(l, name);
        put_text(l, "\":\"");
    } else {
        put_text(l, " ");
        put_text(l, name);
        put_text(l, "=\"");
    }
    put_escaped(l, value);
    put_text(l, "\"");
}

static void put_head(line *l, cmp_log_level level, const char *area)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char when[KIT_TIME_TEXT_SIZE];
    kit_time_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, when);
    if (log_how == LOG_JSON) {
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
    line l = {.size = 0};
    put_head(&l, level, area);
    if (log_how == LOG_JSON) {
        put_member(&l, "message", (cmp_str){message, kit_utf8_cut(message, size)});
    } else {
        put_message(&l, message, size);
    }
    for (size_t i = 0; i < field_count; i++) {
        put_member(&l, fields[i].name, fields[i].value);
    }
    l.text[l.size++] = log_how == LOG_JSON ? '}' : '\n';
    if (log_how == LOG_JSON) {
        l.text[l.size++] = '\n';
    }
    log_output_write(l.text, l.size);
}

void log_write(cmp_log_level level, const char *area, const log_field *fields, size_t field_count,
               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_write_v(level, area, fields, field_count, format, args);
    va_end(args);
}
