/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that leaves a trace of every look-up in a file: one octet each, so the file's
 * size is their number. Whether a request was executed (9.3.2) is read from there. */
#include <cmp/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct counting_options {
    const char *path;
    const char *ici;
    const char *content;
    bool unavailable;
    int64_t unavailable_first;
} counting_options;

CMP_OPTIONS(option_rows, counting_options) = {
    CMP_ROW("path", PATH, counting_options, path, "file that grows by one octet for each look-up",
            CMP_REQUIRED),
    CMP_ROW("ici", STRING, counting_options, ici, "the one ICI that it knows",
            CMP_DEFAULT("1A0F1-COUNTED")),
    CMP_ROW("content", STRING, counting_options, content, "what that ICI stands for",
            CMP_DEFAULT("https://counted.example/")),
    CMP_ROW("unavailable", BOOLEAN, counting_options, unavailable, "never answers",
            CMP_DEFAULT("false")),
    CMP_ROW("unavailable_first", INTEGER, counting_options, unavailable_first,
            "how many look-ups it cannot answer before it begins to", CMP_DEFAULT("0"),
            CMP_RANGE(0, 1000000)),
    CMP_OPTION_END,
};

typedef struct counting {
    const counting_options *options;
    int fd;
    _Atomic int64_t seen; /* by all workers */
} counting;

static void *counting_create(const cmp_host *host, const void *options, void *previous,
                             cmp_report *report)
{
    (void)previous;
    const counting_options *o = options;
    const int fd = open(o->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        host->report(report, "path", "cannot open %s: %s", o->path, strerror(errno));
        return NULL;
    }
    counting *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        abort();
    }
    c->options = o;
    c->fd = fd;
    return c;
}

static void counting_destroy(void *instance)
{
    counting *c = instance;
    close(c->fd);
    free(c);
}

static cmp_store_verdict counting_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                         cmp_record *record)
{
    (void)worker, (void)op;
    counting *c = instance;
    if (write(c->fd, ".", 1) != 1) {
        abort(); /* a count that is wrong would make tests pass */
    }
    if (c->options->unavailable || atomic_fetch_add(&c->seen, 1) < c->options->unavailable_first) {
        return CMP_STORE_UNAVAILABLE;
    }
    if (!cmp_str_equal(ici, cmp_str_from(c->options->ici))) {
        return CMP_STORE_ABSENT;
    }
    record->content = cmp_str_from(c->options->content);
    return CMP_STORE_FOUND;
}

static const cmp_store_ops counting_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = counting_lookup,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_counting",
    .kind = CMP_PLUGIN_STORE,
    .version = "1",
    .summary = "One fixed record, and a count of the look-ups",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = counting_create,
    .destroy = counting_destroy,
    .ops.store = &counting_ops,
};
