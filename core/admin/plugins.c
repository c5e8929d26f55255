/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins of the configuration in force. Seldom asked for, so a tree is good enough. */
#include "admin/plugins.h"

#include "admin/answer.h"
#include "http/connection.h"
#include "observe/counters.h"

#include <dlfcn.h>
#include <jansson.h>

static uint64_t get(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void set_number(json_t *to, const char *name, uint64_t value)
{
    json_object_set_new(to, name, json_integer((json_int_t)value));
}

static json_t *commands_of(const instance *i)
{
    json_t *all = json_array();
    for (const cmp_command *row = i->commands; row != NULL && row->name != NULL; row++) {
        json_array_append_new(all, json_pack("{s:s, s:s*, s:s}", "name", row->name, "argument",
                                             row->argument, "help", row->help));
    }
    return all;
}

json_t *plugins_instance(const instance *i)
{
    json_t *made = json_object();
    json_object_set_new(made, "instance", json_string(i->name));
    json_object_set_new(made, "blocks", json_boolean(instance_blocks(i)));
    set_number(made, "calls", counter_read(i->figures.calls));
    set_number(made, "unavailable", figures_unavailable(&i->figures));
    set_number(made, "errors", counter_read(i->bad_answers) + counter_read(i->stale_operations));
    set_number(made, "late_answers", counter_read(i->figures.late));
    set_number(made, "under_way", instance_under_way(i));
    set_number(made, "stalls", get(&i->running->stalls));
    set_number(made, "longest_stall_ms", get(&i->running->longest_ms));
    json_object_set_new(made, "commands", commands_of(i));
    return made;
}

/* The dynamic linker knows whose the plugin's own texts are. */
static json_t *file_of(const cmp_plugin *p)
{
    Dl_info info;
    return dladdr(p->name, &info) != 0 ? json_string(info.dli_fname) : json_null();
}

static json_t *plugin_of(const cmp_plugin *p)
{
    char abi[16];
    json_t *made = json_object();
    snprintf(abi, sizeof(abi), "%u.%u", p->abi_major, p->abi_minor);
    json_object_set_new(made, "plugin", json_string(p->name));
    json_object_set_new(made, "kind", json_string(plugin_kind_name(p->kind)));
    json_object_set_new(made, "version",
                        p->version != NULL ? json_string(p->version) : json_null());
    json_object_set_new(made, "abi", json_string(abi));
    json_object_set_new(made, "file", file_of(p));
    json_object_set_new(made, "instances", json_array());
    return made;
}

/* In the configuration's order; a plugin stands where its first instance does. */
static json_t *entry_of(json_t *plugins, const cmp_plugin *p)
{
    size_t at;
    json_t *entry;
    json_array_foreach(plugins, at, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "plugin")), p->name) == 0) {
            return entry;
        }
    }
    entry = plugin_of(p);
    json_array_append_new(plugins, entry);
    return entry;
}

int plugins_answer(h2o_req_t *req)
{
    const generation *g = connection_of(req->conn)->sw->worker->tenure->generation;
    json_t *all = json_object(), *plugins = json_array();
    char abi[16];
    snprintf(abi, sizeof(abi), "%d.%d", CMP_ABI_MAJOR, CMP_ABI_MINOR);
    for (size_t i = 0; i < g->instance_count; i++) {
        json_t *entry = entry_of(plugins, g->instances[i]->plugin);
        json_array_append_new(json_object_get(entry, "instances"),
                              plugins_instance(g->instances[i]));
    }
    json_object_set_new(all, "abi", json_string(abi));
    json_object_set_new(all, "plugins", plugins);
    admin_answer_object(req, all);
    return 0;
}
