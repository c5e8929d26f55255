/* SPDX-License-Identifier: Apache-2.0 */
/* The service cmp_host.log: lines of plugins, limited, and without the credentials that requests
 * have brought to them. */
#include "base/log.h"
#include "base/log_limit.h"
#include "pipeline/ask.h"

#include <stdio.h>
#include <stdlib.h>

#define SECRET_MIN 8 /* octets: shorter ones are words, and give nothing away */
#define HIDDEN     "***"
#define COUNT_TEXT 24

/* Plugins log what requests bring about: each kind of line of an instance is limited by itself. */
#define PLUGIN_LINES(of_level)                                                                     \
    [(of_level)] = {.level = (of_level),                                                           \
                    .what = "lines of this kind",                                                  \
                    .each = {60, 60},                                                              \
                    .all = {600, 600}}
static log_limit lines[] = {
    PLUGIN_LINES(CMP_LOG_ERROR), PLUGIN_LINES(CMP_LOG_WARNING), PLUGIN_LINES(CMP_LOG_NOTICE),
    PLUGIN_LINES(CMP_LOG_INFO),  PLUGIN_LINES(CMP_LOG_DEBUG),
};

_Static_assert(sizeof(HIDDEN) - 1 < SECRET_MIN, "a line only gets shorter");

static void hide(char *text, cmp_str secret)
{
    char *at;
    while (secret.size >= SECRET_MIN &&
           (at = memmem(text, strlen(text), secret.at, secret.size)) != NULL) {
        char *const end = mempcpy(at, HIDDEN, sizeof(HIDDEN) - 1);
        memmove(end, at + secret.size, strlen(at + secret.size) + 1);
    }
}

/* `Bearer TOKEN`: as a whole, and the token alone. */
static void hide_field(char *text, cmp_str value)
{
    const char *space = value.at != NULL ? memchr(value.at, ' ', value.size) : NULL;
    hide(text, value);
    if (space != NULL) {
        const size_t before = (size_t)(space - value.at) + 1;
        hide(text, (cmp_str){space + 1, value.size - before});
    }
}

static void hide_shown(const ask *a, void *text)
{
    for (size_t i = 0; i < a->request->header_count; i++) {
        hide_field(text, a->request->headers[i].value);
    }
    for (size_t i = 0; i < a->request->message.contextual_count; i++) {
        if ((a->consumed >> i & 1) != 0) {
            hide(text, a->request->message.contextual[i].value);
        }
    }
}

/* Of those that see no credentials, a line costs no more than its writing. */
static void write_hidden(const instance *i, log_limit *limit, const char *format, va_list args)
{
    uint64_t not_logged;
    char *text, count[COUNT_TEXT];
    if (!log_limit_take(limit, cmp_str_from(i->name), format, &not_logged)) {
        return;
    }
    if (vasprintf(&text, format, args) < 0) {
        abort();
    }
    desk_each(i, hide_shown, text);
    snprintf(count, sizeof(count), "%llu", (unsigned long long)not_logged);
    const log_field field = {LOG_NUMBER "not_logged", cmp_str_from(count)};
    log_write(limit->level, i->name, &field, not_logged > 0, "%s", text);
    free(text);
}

/* The format is the cause: each place in the plugin that logs is limited for itself, whatever it
 * writes into the line. A level that is none counts as the least. */
static void service_log(const cmp_host *host, cmp_log_level level, const char *format, ...)
{
    const instance *i = host->core;
    log_limit *limit = &lines[level <= CMP_LOG_DEBUG ? level : CMP_LOG_DEBUG];
    va_list args;
    va_start(args, format);
    if (i->plugin != NULL && i->plugin->kind == CMP_PLUGIN_AUTH) {
        write_hidden(i, limit, format, args);
    } else {
        log_limited_v(limit, cmp_str_from(i->name), format, NULL, 0, format, args);
    }
    va_end(args);
}

void log_services(cmp_host *host)
{
    host->log = service_log;
}
