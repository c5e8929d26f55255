/* SPDX-License-Identifier: Apache-2.0 */
/* Makes instances for whoever has read a configuration: the daemon for all of its sections, a tool
 * for the ones that it needs. */
#include "plugin/section.h"

#include "base/names.h"
#include "conf/schema_likeness.h"
#include "observe/counters.h"

#include <stdlib.h>

/* Where a plugin's complaints belong. */
typedef struct section_scope {
    const section_site *site;
    const conf_plugin *section;
    kit_arena *memory; /* the report's */
} section_scope;

static conf_place place_in_section(void *arg, const char *key)
{
    const section_scope *scope = arg;
    const char *path = scope->section->path;
    return conf_place_of(scope->site->conf,
                         key != NULL ? kit_arena_printf(scope->memory, "%s.%s", path, key) : path);
}

/* With the nearest name that could have been meant. */
static void report_not_loaded(const section_site *s, const conf_plugin *section, const char *error,
                              cmp_report *report)
{
    const char *key = kit_arena_printf(&report->memory, "%s.use", section->path);
    char **names = loader_names(s->loader);
    const char *near = name_nearest(cmp_str_from(section->use), (const char *const *)names);
    const bool hint = near != NULL && strcmp(near, section->use) != 0;
    report_add(report, conf_place_of(s->conf, key), key, "%s%s%s%s", error,
               hint ? "; did you mean \"" : "", hint ? near : "", hint ? "\"?" : "");
    loader_names_free(&names);
}

/* Divided among the workers, each of which has its own and needs no lock. */
static void make_caches(const conf_cache *settings, instance *i)
{
    const unsigned workers = i->site->worker_count;
    i->caches = kit_arena_calloc(&i->memory, workers, sizeof(*i->caches));
    i->cache_settings =
        (instance_cache){.size_bytes = (size_t)settings->size_bytes / workers,
                         .ttl_ms = settings->ttl_ms,
                         .negative_ttl_ms = settings->negative_ttl_ms,
                         .stale_ms = settings->stale_ms,
                         .displaced =
                             figures_counter(i->name, "cache_displaced",
                                             "entries that gave way to others for want of room")};
    i->cache_counters = (instance_cache_counters){
        .hits = counter_register(i->name, "cache_hits", "look-ups that the cache answered"),
        .misses = counter_register(i->name, "cache_misses", "look-ups that needed the store"),
        .stale = counter_register(i->name, "cache_stale",
                                  "times that a record past its time stood in for the store"),
    };
}

/* The core's own part of a store's section; false when there is none, or none that is good. */
static bool fill_cache(const section_site *s, const conf_plugin *section, const cmp_plugin *plugin,
                       conf_cache *settings, cmp_report *report)
{
    struct fy_node *node = yaml_value(section->node, CMP_STR("cache"));
    if (node == NULL) {
        return false;
    }
    const char *path = kit_arena_printf(&report->memory, "%s.cache", section->path);
    if (plugin->kind != CMP_PLUGIN_STORE) {
        report_add(report, conf_place_of(s->conf, path), path,
                   "only a store has a cache; %s is of kind %s", section->use,
                   plugin_kind_name(plugin->kind));
        return false;
    }
    return schema_fill(conf_cache_rows, section->file, node, path, NULL, &report->memory, settings,
                       report);
}

static const cmp_option *rows_of(const cmp_plugin *plugin)
{
    static const cmp_option none[] = {CMP_OPTION_END};
    return plugin->options != NULL ? plugin->options : none;
}

static bool fill_options(const conf_plugin *section, const cmp_plugin *plugin, instance *i,
                         cmp_report *report)
{
    static const char *const ours[] = {"use", "cache", NULL};
    return schema_fill(rows_of(plugin), section->file, section->node, section->path, ours,
                       &i->memory, (void *)(uintptr_t)i->options, report);
}

/* All that an instance is made of, but for peers and keys. The plugin itself by its address: it is
 * loaded once. */
static likeness likeness_of(const conf_plugin *section, const cmp_plugin *plugin, const instance *i,
                            const conf_cache *cache)
{
    likeness_sum *sum = likeness_begin();
    const char *folder = yaml_folder(section->file);
    likeness_octets(sum, &plugin, sizeof(plugin));
    likeness_text(sum, folder);
    schema_likeness(sum, rows_of(plugin), i->options, true);
    likeness_number(sum, cache != NULL);
    if (cache != NULL) {
        schema_likeness(sum, conf_cache_rows, cache, true);
    }
    return likeness_end(&sum);
}

/* A plugin that looks at peers has looked: it is made anew when there is something else to see. */
static bool can_go_on(const section_site *s, const instance *before, const instance *fresh,
                      const cmp_plugin *plugin)
{
    return before != NULL && likeness_equal(&before->likeness, &fresh->likeness) &&
           ((plugin->services & CMP_SERVICE_PEERS) == 0 || s->peers == before->peers ||
            peers_look_alike(s->peers, before->peers));
}

static instance *begin(const section_site *s, const conf_plugin *section)
{
    instance *i = kit_calloc(1, sizeof(*i));
    i->owners = 1;
    i->site = s->site;
    i->peers = s->peers != NULL ? peers_ref(s->peers) : NULL;
    i->keyring = s->keyring != NULL ? keyring_ref(s->keyring) : NULL;
    kit_arena_init(&i->memory, NULL, 0);
    i->name = kit_arena_text(&i->memory, cmp_str_from(section->name));
    return i;
}

static void create(const section_site *s, const conf_plugin *section, const cmp_plugin *plugin,
                   instance *i, const instance *before, cmp_report *report)
{
    section_scope arg = {s, section, &report->memory};
    const conf_scope scope = {.place_of = place_in_section, .arg = &arg, .path = section->path};
    cmp_host services = *s->services;
    services.purpose = s->purpose;
    services.folder = kit_arena_text(&i->memory, cmp_str_from(yaml_folder(section->file)));
    report->scope = &scope;
    instance_create(i, plugin, &services, before, report);
    report->scope = NULL;
}

/* One octet more than the options need, for a plugin without any: a pointer to them is never NULL.
 * The cache is looked at also when the plugin will complain: an operator wants to see all errors of
 * a section at once. */
static void open_plugin(const section_site *s, const conf_plugin *section, const cmp_plugin *plugin,
                        instance **made, instance *before, cmp_report *report)
{
    instance *i = *made;
    conf_cache cache;
    i->plugin = plugin;
    i->rows = plugin->options;
    i->options = kit_arena_calloc(&i->memory, 1, plugin->options_size + 1);
    const bool good = fill_options(section, plugin, i, report);
    const bool cached = good && fill_cache(s, section, plugin, &cache, report);
    if (!good) {
        return;
    }
    i->likeness = likeness_of(section, plugin, i, cached ? &cache : NULL);
    if (can_go_on(s, before, i, plugin)) {
        section_close(made);
        before->owners++;
        *made = before;
        return;
    }
    create(s, section, plugin, i, before, report);
    if (cached) {
        make_caches(&cache, i);
    }
}

instance *section_open(const section_site *s, const conf_plugin *section, instance *before,
                       cmp_report *report)
{
    char error[1024];
    instance *i = begin(s, section);
    const cmp_plugin *plugin = section->use != NULL /* else reported with other missing keys */
                                   ? loader_load(s->loader, section->use, error, sizeof(error))
                                   : NULL;
    if (plugin != NULL) {
        open_plugin(s, section, plugin, &i, before, report);
    } else if (section->use != NULL) {
        report_not_loaded(s, section, error, report);
    }
    return i;
}

bool section_leave(instance *i)
{
    return --i->owners == 0;
}

/* The plugin's part goes first, for it may hold on to its options until its end. */
void section_close(instance **ref)
{
    instance *i = *ref;
    if (i == NULL) {
        return;
    }
    instance_destroy(i);
    if (i->rows != NULL && i->options != NULL) {
        schema_wipe(i->rows, (void *)(uintptr_t)i->options);
    }
    kit_arena_reset(&i->memory);
    free(i);
    *ref = NULL;
}
