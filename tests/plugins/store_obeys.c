/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that holds nothing, and does what an operator says: for cmp_plugin.command. */
#include <cmp/plugin.h>

#include <stdlib.h>

typedef struct obeys {
    const cmp_host *host;
    cmp_loop *loop;
    cmp_timer *timer;
    uint64_t id; /* of the command that is ended later */
} obeys;

static void *create(const cmp_host *host, const void *options, void *previous, cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    obeys *o = calloc(1, sizeof(*o));
    o->host = host;
    return o;
}

static void start(void *instance, cmp_loop *loop)
{
    ((obeys *)instance)->loop = loop;
}

static void destroy(void *instance)
{
    obeys *o = instance;
    if (o->timer != NULL) {
        o->host->timer_stop(o->timer);
    }
    free(o);
}

static void on_later(void *arg)
{
    obeys *o = arg;
    o->timer = NULL;
    o->host->command_done(o->host, o->id, true, "later");
    o->host->command_done(o->host, o->id, true, "and again, which is wrong");
}

static void command(void *instance, const char *name, cmp_str argument, uint64_t id)
{
    obeys *o = instance;
    if (strcmp(name, "say") == 0) {
        o->host->command_done(o->host, id, argument.at != NULL, "said: %.*s", (int)argument.size,
                              argument.at != NULL ? argument.at : "");
    } else {
        o->host->command_done(o->host, id + 1, true, "another's");
        o->id = id;
        o->timer = o->host->timer_start(o->loop, 100, on_later, o);
    }
}

static cmp_store_verdict lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                cmp_record *record)
{
    (void)instance, (void)worker, (void)ici, (void)op, (void)record;
    return CMP_STORE_ABSENT;
}

static const cmp_store_ops ops = {.size = sizeof(cmp_store_ops), .lookup = lookup};

static const cmp_command commands[] = {
    {.name = "say", .argument = "WORDS", .help = "says them; without any it has not been done"},
    {.name = "later", .help = "is done a little later"},
    CMP_COMMAND_END,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,           .name = "store_obeys",
    .kind = CMP_PLUGIN_STORE, .services = CMP_SERVICE_LOOP,
    .version = "1.0",         .summary = "holds nothing, and does what an operator says",
    .create = create,         .start = start,
    .destroy = destroy,       .ops.store = &ops,
    .commands = commands,     .command = command,
};
