/* SPDX-License-Identifier: Apache-2.0 */
/* See plugin_command.h. The admin socket gives one command at a time, so one is all there is to
 * remember: what comes for another id comes too late. */
#include "daemon/plugin_command.h"

#include "base/log.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdlib.h>

#define PATIENCE_MS 30000

struct plugin_commands {
    daemon_state *d;
    admin_command *command; /* NULL: none is under way */
    uint64_t id;            /* of the last */
    cmp_timer *patience;
};

/* ---- the end ---- */

/* From the plugin's thread to the control thread. */
typedef struct ending {
    plugin_commands *all;
    uint64_t id;
    bool good;
    char text[];
} ending;

/* The command that is under way, which is at its end. */
static admin_command *take(plugin_commands *all)
{
    admin_command *c = all->command;
    all->command = NULL;
    if (all->patience != NULL) {
        loop_timer_stop(all->patience);
        all->patience = NULL;
    }
    return c;
}

static void on_ending(void *arg)
{
    ending *e = arg;
    plugin_commands *all = e->all;
    if (all->command != NULL && all->id == e->id) {
        admin_command *c = take(all);
        if (e->good) {
            admin_command_done(c, json_pack("{ss}", "text", e->text));
        } else {
            admin_command_fail(c, 409, e->text, NULL);
        }
    }
    free(e);
}

static void on_done(void *arg, uint64_t id, bool good, const char *text)
{
    plugin_commands *all = arg;
    const size_t size = strlen(text) + 1;
    ending *e = kit_alloc(sizeof(*e) + size);
    *e = (ending){.all = all, .id = id, .good = good};
    memcpy(e->text, text, size);
    if (!kit_utf8_valid(cmp_str_from(text))) { /* JSON has no other */
        for (size_t i = 0; i < size; i++) {
            e->text[i] = (uint8_t)text[i] < 0x80 ? text[i] : '?';
        }
    }
    loop_post(all->d->control, on_ending, e);
}

static void on_patience(void *arg)
{
    plugin_commands *all = arg;
    all->patience = NULL;
    admin_command_fail(take(all), 504,
                       "the plugin has not said within 30 s that it is done; it may still be",
                       NULL);
}

/* ---- the beginning ---- */

static const cmp_command *find_row(const cmp_command *rows, const char *name)
{
    for (; rows != NULL && rows->name != NULL; rows++) {
        if (strcmp(rows->name, name) == 0) {
            return rows;
        }
    }
    return NULL;
}

static void refuse(admin_command *c, int status, const char *format, ...) CMP_PRINTF(3, 4);

static void refuse(admin_command *c, int status, const char *format, ...)
{
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    admin_command_fail(c, status, detail, NULL);
}

static void give(plugin_commands *all, admin_command *c, instance *i, const cmp_command *row,
                 const char *argument)
{
    all->command = c;
    all->id++;
    all->patience = loop_timer_start(all->d->control, PATIENCE_MS, on_patience, all);
    log_notice(i->name, "an operator's command: %s", row->name);
    instance_command(i, row, argument != NULL ? cmp_str_from(argument) : CMP_NONE, all->id);
}

void plugin_command(admin_command *c, void *arg)
{
    plugin_commands *all = ((daemon_state *)arg)->plugin_commands;
    const json_t *body = admin_command_body(c);
    const char *name = json_string_value(json_object_get(body, "instance"));
    const char *word = json_string_value(json_object_get(body, "command"));
    const char *argument = json_string_value(json_object_get(body, "argument"));
    instance *i = name != NULL ? generation_find(all->d->generation, name) : NULL;
    const cmp_command *row = i != NULL && word != NULL ? find_row(i->commands, word) : NULL;
    if (name == NULL) {
        refuse(c, 400, "the member instance, a text, is missing");
    } else if (i == NULL) {
        refuse(c, 404, "there is no plugin \"%.64s\" under plugins", name);
    } else if (word == NULL) {
        refuse(c, 400, "the member command, a text, is missing");
    } else if (row == NULL) {
        refuse(c, 404, "plugin \"%s\" (%s) has no command \"%.64s\"", i->name, i->plugin->name,
               word);
    } else if (argument != NULL && row->argument == NULL) {
        refuse(c, 400, "the command %s takes no argument", row->name);
    } else {
        give(all, c, i, row, argument);
    }
}

plugin_commands *plugin_commands_create(daemon_state *d)
{
    plugin_commands *all = kit_calloc(1, sizeof(*all));
    all->d = d;
    d->site.command_done = on_done;
    d->site.command_arg = all;
    return all;
}

void plugin_commands_destroy(plugin_commands **p)
{
    free(*p);
    *p = NULL;
}
