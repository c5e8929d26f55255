/* SPDX-License-Identifier: Apache-2.0 */
/* Makes instances for whoever has read a configuration: the daemon for all of its sections, a tool
 * for the ones that it needs. */
#include "plugin/section.h"

#include "base/names.h"
#include "observe/counters.h"

/* Where a plugin's complaints belong. */
typedef struct section_scope {
    const section_site *site;
    const conf_plugin *section;
} section_scope;

static conf_place place_in_section(void *arg, const char *key)
{
    const section_scope *scope = arg;
    const char *path = scope->section->path;
    return conf_place_of(scope->site->conf,
                         key != NULL ? kit_arena_printf(scope->site->memory, "%s.%s", path, key)
                                     : path);
}

/* With the nearest name that could have been meant. */
static void report_not_loaded(const section_site *s, const conf_plugin *section, const char *error,
                              cmp_report *report)
{
    const char *key = kit_arena_printf(s->memory, "%s.use", section->path);
    char **names = loader_names(s->loader);
    const char *near = name_nearest(cmp_str_from(section->use), (const char *const *)names);
    const bool hint = near != NULL && strcmp(near, section->use) != 0;
    report_add(report, conf_place_of(s->conf, key), key, "%s%s%s%s", error,
               hint ? "; did you mean \"" : "", hint ? near : "", hint ? "\"?" : "");
    loader_names_free(&names);
}

/* Divided among the workers, each of which has its own and needs no lock. */
static void make_caches(const section_site *s, const conf_cache *settings, instance *i)
{
    const unsigned workers = i->site->worker_count;
    i->caches = kit_arena_calloc(s->memory, workers, sizeof(*i->caches));
    i->cache_settings = (instance_cache){.size_bytes = (size_t)settings->size_bytes / workers,
                                         .ttl_ms = settings->ttl_ms,
                                         .negative_ttl_ms = settings->negative_ttl_ms,
                                         .stale_ms = settings->stale_ms};
    i->cache_counters = (instance_cache_counters){
        .hits = counter_register(i->name, "cache_hits", "look-ups that the cache answered"),
        .misses = counter_register(i->name, "cache_misses", "look-ups that needed the store"),
        .stale = counter_register(i->name, "cache_stale",
                                  "times that a record past its time stood in for the store"),
    };
}

/* The core's own part of a store's section. Also when the plugin has complained: an operator wants
 * to see all errors of a section at once. */
static void fill_cache(const section_site *s, const conf_plugin *section, instance *i,
                       cmp_report *report)
{
    struct fy_node *node = yaml_value(section->node, CMP_STR("cache"));
    if (node == NULL) {
        return;
    }
    const char *path = kit_arena_printf(s->memory, "%s.cache", section->path);
    conf_cache settings;
    if (i->plugin->kind != CMP_PLUGIN_STORE) {
        report_add(report, conf_place_of(s->conf, path), path,
                   "only a store has a cache; %s is of kind %s", section->use,
                   plugin_kind_name(i->plugin->kind));
    } else if (schema_fill(conf_cache_rows, section->file, node, path, NULL, s->memory, &settings,
                           report)) {
        make_caches(s, &settings, i);
    }
}

static bool fill_options(const section_site *s, const conf_plugin *section,
                         const cmp_plugin *plugin, void *options, cmp_report *report)
{
    static const cmp_option none[] = {CMP_OPTION_END};
    static const char *const ours[] = {"use", "cache", NULL};
    return schema_fill(plugin->options != NULL ? plugin->options : none, section->file,
                       section->node, section->path, ours, s->memory, options, report);
}

/* One octet more than the options need, for a plugin without any: a pointer to them is never NULL.
 * They live as long as the generation's memory; secrets in them are wiped by section_close. */
bool section_open(const section_site *s, const conf_plugin *section, instance *i,
                  cmp_report *report)
{
    if (section->use == NULL) {
        return false; /* reported with the other missing keys */
    }
    char error[1024];
    const size_t errors = report->count;
    const cmp_plugin *plugin = loader_load(s->loader, section->use, error, sizeof(error));
    if (plugin == NULL) {
        report_not_loaded(s, section, error, report);
        return false;
    }
    void *options = kit_arena_calloc(s->memory, 1, plugin->options_size + 1);
    i->plugin = plugin;
    i->rows = plugin->options;
    i->options = options;
    if (!fill_options(s, section, plugin, options, report)) {
        return false;
    }
    section_scope arg = {s, section};
    const conf_scope scope = {.place_of = place_in_section, .arg = &arg, .path = section->path};
    cmp_host services = *s->services;
    services.folder = yaml_folder(section->file);
    report->scope = &scope;
    instance_create(i, plugin, section->name, options, &services, s->site, s->context, report);
    report->scope = NULL;
    fill_cache(s, section, i, report);
    return report->count == errors;
}

/* The instance goes first, for it may hold on to its options until its end. */
void section_close(instance *i)
{
    instance_destroy(i);
    if (i->rows != NULL && i->options != NULL) {
        schema_wipe(i->rows, (void *)(uintptr_t)i->options);
    }
}
