/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that blocks its thread, as a vendor's simplest plugin would: the host runs it
 * on its pool. */
#include <cmp/plugin.h>

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct blocking_options {
    int64_t delay_ms;
    const char *until, *begun, *ended;
    const char *ici;
    const char *content;
} blocking_options;

CMP_OPTIONS(option_rows, blocking_options) = {
    CMP_ROW("delay", DURATION, blocking_options, delay_ms, "how long each look-up blocks",
            CMP_DEFAULT("0ms")),
    CMP_ROW("until", PATH, blocking_options, until, "or until there is this file"),
    CMP_ROW("begun", PATH, blocking_options, begun,
            "file that grows by one octet for each look-up that begins"),
    CMP_ROW("ended", PATH, blocking_options, ended,
            "file that grows by one octet for each look-up that ends"),
    CMP_ROW("ici", STRING, blocking_options, ici, "the one ICI that it knows",
            CMP_DEFAULT("1A0F1-BLOCKING")),
    CMP_ROW("content", STRING, blocking_options, content, "what that ICI stands for",
            CMP_DEFAULT("https://blocking.example/")),
    CMP_OPTION_END,
};

typedef struct blocking {
    const cmp_host *host;
    const blocking_options *options;
} blocking;

static void *blocking_create(const cmp_host *host, const void *options, void *previous,
                             cmp_report *report)
{
    (void)previous, (void)report;
    blocking *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        abort();
    }
    b->host = host;
    b->options = options;
    return b;
}

static void trace(const char *path)
{
    if (path == NULL) {
        return;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, "x", 1) != 1) {
        abort();
    }
    close(fd);
}

static void block(const blocking_options *o)
{
    int64_t left_ms = o->delay_ms;
    while (left_ms > 0 && (o->until == NULL || access(o->until, F_OK) != 0)) {
        const int64_t ms = o->until != NULL && left_ms > 10 ? 10 : left_ms;
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000 * 1000},
                  NULL);
        left_ms -= ms;
    }
}

static cmp_store_verdict blocking_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                         cmp_record *record)
{
    (void)worker;
    const blocking *b = instance;
    trace(b->options->begun);
    block(b->options);
    trace(b->options->ended);
    if (!cmp_str_equal(ici, cmp_str_from(b->options->ici))) {
        return CMP_STORE_ABSENT;
    }
    const size_t size = strlen(b->options->content);
    /* A plugin that blocks answers with memory of the transaction (cmp_record). */
    char *content = b->host->txn_alloc(b->host, op, size + 1);
    memcpy(content, b->options->content, size + 1);
    record->content = (cmp_str){content, size};
    return CMP_STORE_FOUND;
}

static const cmp_store_ops blocking_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = blocking_lookup,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_blocking",
    .kind = CMP_PLUGIN_STORE,
    .flags = CMP_PLUGIN_BLOCKING,
    .version = "1",
    .summary = "One fixed record, after a sleep",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = blocking_create,
    .destroy = free,
    .ops.store = &blocking_ops,
};
