/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a generation: each part checks itself, and all errors end up in one report. */
#include "daemon/build.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/log_source.h"
#include "daemon/build_parts.h"
#include "daemon/outline.h"
#include "http/tls.h"
#include "pipeline/services.h"
#include "plugin/folders.h"
#include "plugin/section.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <unistd.h>

uint32_t build_services(void)
{
    cmp_host host = {0};
    instance_services(&host);
    pipeline_services(&host);
    return host.services;
}

/* ---- plugins ---- */

/* In the configuration's order, each of them, also after errors: all that is wrong is said at
 * once. */
static void build_instances(builder *b)
{
    generation *g = b->g;
    cmp_host services = {0};
    instance_services(&services);
    pipeline_services(&services);
    const section_site s = {.conf = g->conf,
                            .loader = b->site->loader,
                            .services = &services,
                            .purpose = b->site->purpose,
                            .site = b->site->instances,
                            .peers = g->peers,
                            .keyring = g->keyring};
    g->instances = kit_arena_calloc(&g->memory, g->conf->plugin_count, sizeof(*g->instances));
    for (size_t i = 0; i < g->conf->plugin_count; i++) {
        const conf_plugin *section = &g->conf->plugins[i];
        instance *before = b->before != NULL ? generation_find(b->before, section->name) : NULL;
        g->instances[g->instance_count++] = section_open(&s, section, before, b->report);
    }
}

/* The store that the interface codes writes to. */
static instance *build_writable(builder *b)
{
    const generation *g = b->g;
    const char *name = g->conf->top.resolve.writable;
    for (size_t i = 0; name == NULL && i < g->stores.count; i++) {
        if (g->stores.at[i]->plugin->ops.store->begin != NULL) {
            return g->stores.at[i];
        }
    }
    instance *i = name != NULL ? generation_find(b->g, name) : NULL;
    if (i == NULL || !build_has_functions(i)) {
        return NULL; /* none can be written, or reported before */
    }
    if (i->plugin->kind != CMP_PLUGIN_STORE || i->plugin->ops.store->begin == NULL) {
        build_report(b, "resolve.writable", "\"%s\" (%s) cannot be written", name, i->plugin->name);
    }
    return i;
}

static bool peer_known(void *arg, const char *name)
{
    return peers_find(arg, cmp_str_from(name)) != NULL;
}

typedef struct known {
    const peers *peers;
    bool all;
} known;

static void look_at_peer(const cmp_key *key, void *arg)
{
    known *k = arg;
    k->all = k->all && peers_find(k->peers, key->peer) != NULL;
}

/* Whether the generation has keys, and from this file. */
static bool is_of(const generation *g, const char *path)
{
    return g != NULL && g->keyring != NULL && strcmp(path, g->conf->top.keys) == 0;
}

/* Whether the file is as it was when those keys were read, and all their peers are still there. */
static bool keys_go_on(const generation *g, const generation *before)
{
    const char *path = g->conf->top.keys;
    if (!is_of(before, path)) {
        return false;
    }
    const kit_file_mark now = kit_file_mark_of(path);
    known k = {g->peers, kit_file_mark_equal(&now, keyring_mark(before->keyring))};
    keyring_each(before->keyring, CMP_KEY_ISSUED, look_at_peer, &k);
    keyring_each(before->keyring, CMP_KEY_RECEIVED, look_at_peer, &k);
    return k.all;
}

/* A file with nothing in it is one that somebody failed to write, where there were keys before. */
static void refuse_empty(const char *path, const keyring *k, cmp_report *report)
{
    if (keyring_mark(k)->size == 0) {
        report_add(report, (conf_place){.file = path}, NULL, "the keyring is empty");
    }
}

/* The same keyring as before where it can be: plugins derive a lot from it. */
static void build_keyring(builder *b)
{
    generation *g = b->g;
    const char *path = g->conf->top.keys;
    if (path == NULL) {
        return;
    }
    if (keys_go_on(g, b->before)) {
        g->keyring = keyring_ref(b->before->keyring);
        return;
    }
    g->keyring = keyring_load(path, peer_known, g->peers, b->report);
    if (g->keyring != NULL) {
        if (is_of(b->before, path) && keyring_mark(b->before->keyring)->size > 0) {
            refuse_empty(path, g->keyring, b->report);
        }
        keyring_forget(g->keyring, clock_now_ms());
    }
}

static void build_groups(builder *b, const cmp_strings *names, const char *key, groups *found)
{
    size_t wrong;
    if (!groups_find(names, &b->g->memory, found, &wrong)) {
        build_report(b, kit_arena_printf(&b->g->memory, "%s[%zu]", key, wrong),
                     "there is no group \"%s\"", names->at[wrong]);
    }
}

/* The order matters: keys name peers, instances are shown both by their services, and listeners,
 * ways and chains name instances. */
static void build_parts(builder *b)
{
    generation *g = b->g;
    const conf_top *top = &g->conf->top;
    g->host = cmp_str_from(top->cmp.host);
    build_groups(b, &top->admin.operators, "admin.operators", &g->operators);
    build_groups(b, &top->admin.readers, "admin.readers", &g->readers);
    g->peers = peers_create(top);
    if (b->before != NULL) {
        peers_adopt(g->peers, b->before->peers);
    }
    build_keyring(b);
    build_instances(b);
    g->listener_count = top->listeners.count;
    g->listeners = kit_arena_calloc(&g->memory, g->listener_count, sizeof(*g->listeners));
    for (size_t i = 0; i < g->listener_count; i++) {
        build_listener(b, i);
    }
    g->ways = kit_arena_calloc(&g->memory, top->peers.count, sizeof(*g->ways));
    for (size_t i = 0; i < top->peers.count; i++) {
        build_way(b, i);
    }
    g->stores = build_chain(b, &top->resolve.stores, CMP_PLUGIN_STORE, "resolve.stores");
    g->writable = build_writable(b);
    g->routes = build_chain(b, &top->resolve.routes, CMP_PLUGIN_ROUTE, "resolve.routes");
}

/* What the configuration's own errors would say at a start, said of the keyring: it is that which
 * has changed. */
keyring *generation_read_keyring(generation *g, cmp_report *report)
{
    const char *path = g->conf->top.keys;
    const size_t errors = report->count;
    keyring *k = keyring_load(path, peer_known, g->peers, report);
    if (k == NULL) {
        return NULL;
    }
    refuse_empty(path, k, report);
    const char *blinded = build_peer_without_users(g->conf);
    if (blinded != NULL && keyring_pseudonym_secret(k).size == 0) {
        report_add(report, (conf_place){.file = path}, "pseudonym_secret",
                   "is needed to withhold users from the peer %s", blinded);
    }
    if (report->count != errors) {
        keyring_unref(&k);
        return NULL;
    }
    keyring_forget(k, clock_now_ms());
    return k;
}

/* Once for the process: a library that is closed and opened again may or may not be the same
 * code. */
static loader *make_loader(const char *const *extra, const conf *c)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    loader *l = loader_create(plugin_folders(&a, extra, &c->top.plugin_path), build_services(),
                              (library_trust)c->top.plugin_files);
    kit_arena_reset(&a);
    return l;
}

/* What a process decides once, by its first configuration. */
static void begin_site(build_site *s, const conf *c)
{
    if (s->instances->worker_count == 0) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        s->instances->worker_count = c->top.workers > 0 ? (unsigned)c->top.workers
                                     : cores > 0        ? (unsigned)cores
                                                        : 1;
    }
    if (s->loader == NULL) {
        s->loader = make_loader(s->folders, c);
    }
}

void build_log(const conf *c)
{
    const conf_log *l = &c->top.log;
    log_setup((cmp_log_level)l->level, (log_format)l->format);
    log_source_setup((unsigned)l->source_ipv4, (unsigned)l->source_ipv6);
}

/* Everything is built even when there were errors, to find the rest of them; only then it is thrown
 * away. */
generation *generation_build(build_site *s, generation *before, cmp_report *report)
{
    conf *c = conf_load(s->path, report);
    if (c == NULL) {
        return NULL;
    }
    /* At a start as soon as it is known: what plugins say when they are made, and what is wrong, is
     * to look like all else. A check speaks to people. */
    if (before == NULL && s->purpose == CMP_PURPOSE_RUN) {
        build_log(c);
    }
    generation *g = kit_calloc(1, sizeof(*g));
    kit_arena_init(&g->memory, NULL, 0);
    pthread_mutex_init(&g->keyring_lock, NULL);
    g->conf = c;
    begin_site(s, c);
    builder b = {.site = s, .g = g, .before = before, .report = report};
    build_parts(&b);
    if (before == NULL) {
        s->check_start(s, c, report);
    }
    if (report->count != 0) {
        generation_destroy(&g, s->retired);
    } else {
        g->outline = outline_make(g);
    }
    return g;
}

/* Instances go first, and in the opposite order: they may use others until the end. */
void generation_destroy(generation **g_ref, retired *r)
{
    generation *g = *g_ref;
    if (g == NULL) {
        return;
    }
    for (size_t i = g->instance_count; i-- > 0;) {
        if (section_leave(g->instances[i])) {
            retired_add(r, g->instances[i]);
        }
    }
    for (size_t i = 0; i < g->listener_count; i++) {
        listener_tls_unref(&g->listeners[i].tls);
        sources_unref(&g->listeners[i].sources);
        kit_networks_destroy(&g->listeners[i].balancers);
    }
    for (size_t i = 0; g->ways != NULL && i < g->conf->top.peers.count; i++) {
        for (size_t u = 0; u < g->ways[i].url_count; u++) {
            origin_unref(&g->ways[i].urls[u]);
        }
    }
    keyring_unref(&g->keyring);
    peers_unref(&g->peers);
    conf_destroy(&g->conf);
    kit_arena_reset(&g->memory);
    pthread_mutex_destroy(&g->keyring_lock);
    free(g);
    *g_ref = NULL;
}
