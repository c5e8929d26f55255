/* SPDX-License-Identifier: Apache-2.0 */
/* Opens only what a command names: a store that is of no concern may be down meanwhile. */
#include "ctl/stores.h"

#include "base/log.h"
#include "base/names.h"
#include "ctl/output.h"
#include "ctl/store_call.h"
#include "pipeline/generation.h"
#include "pipeline/services.h"
#include "plugin/folders.h"
#include "plugin/section.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

enum { TAKEN_MAX = 2 }; /* a copy's two ends */

struct stores {
    const char *config;
    generation g; /* only what instances need of one: configuration, peers and keyring */
    loader *loader;
    cmp_host services;
    instance_site site;
    store_call *call;
    instance *taken[TAKEN_MAX];
    size_t taken_count;
};

static bool read_config(stores *s)
{
    cmp_report report;
    report_init(&report);
    s->g.conf = conf_load(s->config, &report);
    const bool good = s->g.conf != NULL && report.count == 0;
    output_fail_report(&report);
    report_dispose(&report);
    return good;
}

/* Warnings of plugins matter to whoever waits here; notices of what went well are for a daemon's
 * log. */
stores *stores_open(const char *config)
{
    log_setup(CMP_LOG_WARNING, LOG_TEXT);
    stores *s = kit_calloc(1, sizeof(*s));
    s->config = config;
    s->site.worker_count = 1;
    kit_arena_init(&s->g.memory, NULL, 0);
    if (!read_config(s)) {
        stores_close(&s);
        return NULL;
    }
    const conf_top *top = &s->g.conf->top;
    s->g.host = cmp_str_from(top->cmp.host);
    s->g.peers = peers_create(top);
    instance_services(&s->services);
    pipeline_services(&s->services);
    s->loader = loader_create(plugin_folders(&s->g.memory, NULL, &top->plugin_path),
                              s->services.services, (library_trust)top->plugin_files);
    return s;
}

/* ---- finding ---- */

static const conf_plugin *find_section(stores *s, const char *name)
{
    const conf *c = s->g.conf;
    const char **names = kit_arena_calloc(&s->g.memory, c->plugin_count + 1, sizeof(*names));
    for (size_t i = 0; i < c->plugin_count; i++) {
        if (strcmp(c->plugins[i].name, name) == 0) {
            return &c->plugins[i];
        }
        names[i] = c->plugins[i].name;
    }
    const char *near = name_nearest(cmp_str_from(name), names);
    if (near != NULL) {
        output_fail("%s: it has no plugins.%s; did you mean %s?", s->config, name, near);
    } else {
        output_fail("%s: it has no plugins.%s", s->config, name);
    }
    return NULL;
}

/* NULL after a message. */
static const cmp_plugin *find_plugin(stores *s, const conf_plugin *section)
{
    char error[1024];
    const cmp_plugin *plugin = loader_load(s->loader, section->use, error, sizeof(error));
    if (plugin == NULL) {
        output_fail("%s: %s.use: %s", s->config, section->path, error);
    } else if (plugin->kind != CMP_PLUGIN_STORE) {
        output_fail("%s: %s (%s) is of kind %s, not a store", s->config, section->name,
                    section->use, plugin_kind_name(plugin->kind));
        plugin = NULL;
    }
    return plugin;
}

/* Whether a store can do what is wanted of it; false after a message. */
static bool does(const conf_plugin *section, const cmp_plugin *plugin, unsigned wants)
{
    if ((wants & STORES_WRITE) != 0 && plugin->ops.store->begin == NULL) {
        output_fail("store %s (%s) is only read, it takes no codes", section->name, section->use);
        return false;
    }
    if ((wants & STORES_SCAN) != 0 && plugin->ops.store->scan == NULL) {
        output_fail("store %s (%s) cannot list what it holds", section->name, section->use);
        return false;
    }
    return true;
}

/* What a plugin that chooses for each instance can do is known when that is open. */
static const conf_plugin *find(stores *s, const char *name, unsigned wants)
{
    const conf_plugin *section = find_section(s, name);
    const cmp_plugin *plugin = section != NULL ? find_plugin(s, section) : NULL;
    if (plugin == NULL || (plugin->choose == NULL && !does(section, plugin, wants))) {
        return NULL;
    }
    return section;
}

bool stores_can(stores *s, const char *name, unsigned wants)
{
    return find(s, name, wants) != NULL;
}

/* ---- opening ---- */

static bool peer_known(void *arg, const char *name)
{
    return peers_find(arg, cmp_str_from(name)) != NULL;
}

/* The keyring is guarded, and may not be ours to read: only for plugins that need it. */
static void load_keyring(stores *s, const conf_plugin *section, cmp_report *report)
{
    char error[1024];
    const cmp_plugin *plugin = loader_load(s->loader, section->use, error, sizeof(error));
    const char *path = s->g.conf->top.keys;
    if (path != NULL && s->g.keyring == NULL && (plugin->services & CMP_SERVICE_KEYRING) != 0) {
        s->g.keyring = keyring_load(path, peer_known, s->g.peers, report);
    }
}

/* Asked again (`does`) when it is open: a plugin that chooses for each instance has done so by
 * now. */
instance *stores_take(stores *s, const char *name, unsigned wants)
{
    const conf_plugin *section = find(s, name, wants);
    if (section == NULL) {
        return NULL;
    }
    cmp_report report;
    report_init(&report);
    load_keyring(s, section, &report);
    /* What is missing is made for who writes alone. */
    const cmp_purpose purpose = (wants & STORES_WRITE) != 0 ? CMP_PURPOSE_RUN : CMP_PURPOSE_READ;
    const section_site site = {.conf = s->g.conf,
                               .loader = s->loader,
                               .services = &s->services,
                               .purpose = purpose,
                               .site = &s->site,
                               .peers = s->g.peers,
                               .keyring = s->g.keyring};
    instance *i = section_open(&site, section, NULL, &report);
    s->taken[s->taken_count++] = i;
    bool good = report.count == 0;
    output_fail_report(&report);
    report_dispose(&report);
    good = good && does(section, i->plugin, wants);
    if (good && (wants & STORES_LOOKUP) != 0) {
        s->call = store_call_open(i);
    }
    return good ? i : NULL;
}

cmp_store_verdict stores_lookup(stores *s, cmp_str ici, kit_arena *memory, cmp_str *json)
{
    return store_call_lookup(s->call, ici, memory, json);
}

bool stores_ours(const stores *s, cmp_str ici)
{
    return s->g.conf->top.cmp.prefixes.count == 0 || peers_prefix_owner(s->g.peers, ici).ours;
}

/* The worker's end, the instances, and only then its loop: see store_call.h. */
void stores_close(stores **ref)
{
    stores *s = *ref;
    if (s == NULL) {
        return;
    }
    store_call_close(s->call);
    for (size_t i = 0; i < s->taken_count; i++) {
        section_close(&s->taken[i]);
    }
    store_call_free(&s->call);
    loader_destroy(&s->loader);
    keyring_unref(&s->g.keyring);
    peers_unref(&s->g.peers);
    conf_destroy(&s->g.conf);
    kit_arena_reset(&s->g.memory);
    free(s);
    *ref = NULL;
}
