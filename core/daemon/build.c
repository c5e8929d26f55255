/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a generation: each part checks itself, and all errors end up in one report. */
#include "daemon/build.h"

#include "base/log.h"
#include "http/tls.h"
#include "pipeline/release.h"
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

#define SOURCES_LEAST 65536 /* addresses that a listener keeps in mind */

/* ---- plugins ---- */

typedef struct builder {
    generation *g;
    cmp_report *report;
    loader *loader;
} builder;

static void report_at(builder *b, const char *key, const char *format, ...) CMP_PRINTF(3, 4);

static void report_at(builder *b, const char *key, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0) {
        report_add(b->report, conf_place_of(b->g->conf, key), key, "%s", text);
    }
    va_end(args);
    free(text);
}

/* In the configuration's order, each of them, also after errors: all that is wrong is said at
 * once. */
static void build_instances(builder *b, instance_site *site)
{
    generation *g = b->g;
    cmp_host services = {0};
    instance_services(&services);
    pipeline_services(&services);
    const section_site s = {.conf = g->conf,
                            .loader = b->loader,
                            .services = &services,
                            .site = site,
                            .context = g,
                            .memory = &g->memory};
    g->instance_count = g->conf->plugin_count;
    g->instances = kit_arena_calloc(&g->memory, g->instance_count, sizeof(*g->instances));
    for (size_t i = 0; i < g->instance_count; i++) {
        section_open(&s, &g->conf->plugins[i], &g->instances[i], b->report);
    }
}

/* ---- wiring ---- */

static instance *find_instance(generation *g, const char *name)
{
    for (size_t i = 0; i < g->instance_count; i++) {
        if (strcmp(g->conf->plugins[i].name, name) == 0) {
            return &g->instances[i];
        }
    }
    return NULL;
}

/* Otherwise it was reported: there is none, or it could not be opened before it had chosen what
 * serves it. */
static bool has_functions(const instance *i)
{
    return i != NULL && i->plugin != NULL && i->plugin->ops.store != NULL;
}

/* Names that are not configured were reported by conf_load. */
static chain build_chain(builder *b, const cmp_strings *names, cmp_plugin_kind kind,
                         const char *key)
{
    chain c = {.at = kit_arena_calloc(&b->g->memory, names->count, sizeof(instance *))};
    for (size_t n = 0; n < names->count; n++) {
        instance *i = find_instance(b->g, names->at[n]);
        if (!has_functions(i)) {
            continue;
        }
        if (i->plugin->kind != kind) {
            report_at(b, kit_arena_printf(&b->g->memory, "%s[%zu]", key, n),
                      "\"%s\" is of kind %s (%s), expected %s", names->at[n],
                      plugin_kind_name(i->plugin->kind), i->plugin->name, plugin_kind_name(kind));
            continue;
        }
        c.at[c.count++] = i;
    }
    return c;
}

static bool is_asked(const asked_fields *fields, cmp_str name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (cmp_str_equal(fields->names[i], name)) {
            return true;
        }
    }
    return false;
}

/* Every 401 needs one (RFC 9110, 11.6.1), also where a client can do nothing: on dedicated links.
 */
#define NO_CHALLENGE "CMP realm=\"mc-3\""

/* Those of all plugins, as any of them may be met. */
static void build_challenge(builder *b, listener *l)
{
    const char *all = NULL;
    for (size_t i = 0; i < l->auth.count; i++) {
        const char *one = l->auth.at[i]->plugin->ops.auth->challenge;
        if (one != NULL) {
            all = all == NULL ? one : kit_arena_printf(&b->g->memory, "%s, %s", all, one);
        }
    }
    l->challenge = cmp_str_from(all != NULL ? all : NO_CHALLENGE);
}

/* What of a request the auth chain wants to see beside its message: nothing else is kept of it. */
static void build_wishes(builder *b, listener *l)
{
    for (size_t i = 0; i < l->auth.count; i++) {
        const cmp_auth_ops *ops = l->auth.at[i]->plugin->ops.auth;
        l->wants_certificate = l->wants_certificate || (ops->wants & CMP_AUTH_CERTIFICATE) != 0;
        for (const char *const *name = ops->headers; name != NULL && *name != NULL; name++) {
            if (l->fields.names == NULL) {
                l->fields.names =
                    kit_arena_alloc(&b->g->memory,
                                    l->auth.count * CMP_AUTH_HEADERS_MAX * sizeof(cmp_str));
            }
            if (!is_asked(&l->fields, cmp_str_from(*name))) {
                l->fields.names[l->fields.count++] = cmp_str_from(*name);
            }
        }
    }
}

static void build_paths(listener *l, const conf_listener *settings)
{
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        const cmp_str path = cmp_str_from(settings->paths.of[i]);
        if (!interface_in(settings->interfaces, i)) {
            continue;
        }
        if (interfaces[i].message) {
            l->paths[l->path_count++] = (listener_path){.path = path, .interface = i};
        } else {
            l->codes = path;
        }
    }
}

/* Twice as many as can have connections, so that these are never all that a bucket holds. */
static sources *build_sources(const builder *b, const conf_listener *l)
{
    const size_t connections = (size_t)b->g->conf->top.limits.connections;
    const int64_t connects_a_second = l->source_connects / 3600;
    const sources_limits limits = {
        .requests_per_hour = l->source_rate,
        .requests_at_once = (unsigned)l->source_burst,
        .connects_per_hour = l->source_connects,
        .connects_at_once = connects_a_second > 2 ? (unsigned)connects_a_second / 2 : 1,
        .connections = (unsigned)l->source_connections,
    };
    return sources_create(connections > SOURCES_LEAST / 2 ? 2 * connections : SOURCES_LEAST,
                          &limits);
}

static kit_networks *build_balancers(const cmp_cidrs *from)
{
    if (from->count == 0) {
        return NULL;
    }
    kit_network *all = kit_calloc(from->count, sizeof(*all));
    for (size_t i = 0; i < from->count; i++) {
        all[i] = (kit_network){.net = from->at[i], .value = 0};
    }
    kit_networks *made = kit_networks_build(all, from->count);
    free(all);
    return made;
}

/* What one listener lacks must not hide what is wrong with the others, so every part bears with
 * what is missing. */
static void build_listener(builder *b, size_t at)
{
    generation *g = b->g;
    const conf_listener *settings = (const conf_listener *)g->conf->top.listeners.at + at;
    listener *l = &g->listeners[at];
    const char *path = kit_arena_printf(&g->memory, "listeners[%zu]", at);
    l->conf = settings;
    if (settings->name == NULL) {
        return; /* reported; there is more to find, but not here */
    }
    l->name = cmp_str_from(settings->name);
    l->auth = build_chain(b, &settings->authenticate, CMP_PLUGIN_AUTH,
                          kit_arena_printf(&g->memory, "%s.authenticate", path));
    build_challenge(b, l);
    build_wishes(b, l);
    build_paths(l, settings);
    l->sources = build_sources(b, settings);
    l->balancers = build_balancers(&settings->balancers.from);
    l->cors = text_set_make(&settings->cors, &g->memory);
    if (settings->tls.certificate != NULL && settings->tls.key != NULL) {
        l->tls = tls_context_create(g->conf, settings, path, b->report);
    }
}

/* ---- ways to peers ---- */

/* "none" is for a dedicated link (9.3.2), and was demanded in so many words by conf_check. */
static instance *build_signer(builder *b, const conf_peer *p, const char *path)
{
    if (p->sign_with == NULL || strcmp(p->sign_with, "none") == 0) {
        return NULL;
    }
    const char *key = kit_arena_printf(&b->g->memory, "%s.sign_with", path);
    instance *i = find_instance(b->g, p->sign_with);
    if (!has_functions(i)) {
        return NULL; /* reported before */
    }
    if (i->plugin->kind != CMP_PLUGIN_AUTH || i->plugin->ops.auth->sign == NULL) {
        report_at(b, key, "\"%s\" (%s) cannot sign", p->sign_with, i->plugin->name);
        return NULL;
    }
    return i;
}

static origin *build_url(builder *b, const conf_peer *p, const char *url, const char *path)
{
    const origin_options options = {.name = p->name,
                                    .url = url,
                                    .default_path = interfaces[CMP_INTERFACE_MC3].path,
                                    .server_name = p->tls.server_name,
                                    .ca = p->tls.ca,
                                    .crl = p->tls.crl,
                                    .certificate = p->tls.certificate,
                                    .key = p->tls.key,
                                    .source = p->source,
                                    .connections_max = (unsigned)p->connections,
                                    .waiting_max = (unsigned)p->waiting,
                                    .connect_timeout_ms = (uint64_t)p->connect_timeout_ms,
                                    .idle_timeout_ms = (uint64_t)p->idle_timeout_ms,
                                    .resolve_interval_ms = (uint64_t)p->resolve_interval_ms};
    char error[1024];
    origin *o = origin_create(&options, error, sizeof(error));
    if (o == NULL) {
        report_at(b, path, "%s", error);
    }
    return o;
}

/* A user that is to be withheld is shown as a keyed pseudonym. Without a secret of the operator's
 * the pseudonym could be reckoned back from a list of users. */
static void check_release(builder *b, const conf_peer *p, const char *path)
{
    const keyring *ring = b->g->keyring;
    for (size_t i = 0; i < p->release.withhold.count; i++) {
        const char *key = kit_arena_printf(&b->g->memory, "%s.release.withhold[%zu]", path, i);
        const char *name = p->release.withhold.at[i];
        const char *fault = release_fault(cmp_str_from(name), &b->g->memory);
        if (fault != NULL) {
            report_at(b, key, "%s", fault);
        } else if (strcmp(name, "user") == 0 &&
                   (ring == NULL || keyring_pseudonym_secret(ring).size == 0)) {
            report_at(b, key, "withholding users needs a pseudonym_secret in the keyring");
        }
    }
}

/* The name of the first peer that sees no users, or NULL. */
static const char *peer_without_users(const conf *c)
{
    for (size_t i = 0; i < c->top.peers.count; i++) {
        const conf_peer *p = (const conf_peer *)c->top.peers.at + i;
        for (size_t w = 0; w < p->release.withhold.count; w++) {
            if (strcmp(p->release.withhold.at[w], "user") == 0) {
                return p->name;
            }
        }
    }
    return NULL;
}

static void build_way(builder *b, size_t at)
{
    generation *g = b->g;
    const conf_peer *p = (const conf_peer *)g->conf->top.peers.at + at;
    way *w = &g->ways[at];
    const char *path = kit_arena_printf(&g->memory, "peers[%zu]", at);
    w->conf = p;
    if (p->name == NULL) {
        return; /* reported */
    }
    w->signer = build_signer(b, p, path);
    w->urls = kit_arena_calloc(&g->memory, p->url.count, sizeof(*w->urls));
    for (size_t i = 0; i < p->url.count; i++) {
        origin *o =
            build_url(b, p, p->url.at[i], kit_arena_printf(&g->memory, "%s.url[%zu]", path, i));
        if (o != NULL) {
            w->urls[w->url_count++] = o;
        }
    }
    g->forwards = g->forwards || w->url_count > 0;
    check_release(b, p, path);
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
    instance *i = name != NULL ? find_instance(b->g, name) : NULL;
    if (!has_functions(i)) {
        return NULL; /* none can be written, or reported before */
    }
    if (i->plugin->kind != CMP_PLUGIN_STORE || i->plugin->ops.store->begin == NULL) {
        report_at(b, "resolve.writable", "\"%s\" (%s) cannot be written", name, i->plugin->name);
    }
    return i;
}

static bool peer_known(void *arg, const char *name)
{
    return peers_find(arg, cmp_str_from(name)) != NULL;
}

/* The order matters: keys name peers, instances are shown both by their services, and listeners,
 * ways and chains name instances. */
static void build_parts(builder *b, instance_site *site)
{
    generation *g = b->g;
    const conf_top *top = &g->conf->top;
    g->host = cmp_str_from(top->cmp.host);
    g->peers = peers_create(top);
    if (top->keys != NULL) {
        g->keyring = keyring_load(top->keys, peer_known, g->peers, b->report);
    }
    build_instances(b, site);
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
 * has changed. A file with nothing in it is one that somebody failed to write. */
keyring *generation_read_keyring(generation *g, cmp_report *report)
{
    const char *path = g->conf->top.keys;
    const size_t errors = report->count;
    keyring *k = keyring_load(path, peer_known, g->peers, report);
    if (k == NULL) {
        return NULL;
    }
    if (keyring_mark(k)->size == 0) {
        report_add(report, (conf_place){.file = path}, NULL, "the keyring is empty");
    }
    const char *blinded = peer_without_users(g->conf);
    if (blinded != NULL && keyring_pseudonym_secret(k).size == 0) {
        report_add(report, (conf_place){.file = path}, "pseudonym_secret",
                   "is needed to withhold users from the peer %s", blinded);
    }
    if (report->count != errors) {
        keyring_unref(&k);
    }
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

/* Everything is built even when there were errors, to find the rest of them; only then it is thrown
 * away. */
generation *generation_build(const char *path, const char *const *extra_folders,
                             loader **loader_ref, instance_site *site, cmp_report *report)
{
    conf *c = conf_load(path, report);
    if (c == NULL) {
        return NULL;
    }
    /* As soon as it is known: what plugins say when they are made is to look like all else. A check
     * speaks to people. */
    if (site->purpose == CMP_PURPOSE_RUN && report->count == 0) {
        log_setup((cmp_log_level)c->top.log.level, (log_format)c->top.log.format);
    }
    generation *g = kit_calloc(1, sizeof(*g));
    kit_arena_init(&g->memory, NULL, 0);
    pthread_mutex_init(&g->keyring_lock, NULL);
    g->conf = c;
    if (site->worker_count == 0) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        site->worker_count = c->top.workers > 0 ? (unsigned)c->top.workers
                             : cores > 0        ? (unsigned)cores
                                                : 1;
    }
    if (*loader_ref == NULL) {
        *loader_ref = make_loader(extra_folders, c);
    }
    builder b = {.g = g, .report = report, .loader = *loader_ref};
    build_parts(&b, site);
    if (report->count != 0) {
        generation_destroy(&g);
    }
    return g;
}

/* Instances go first, and in the opposite order: they may use peers and keys until the end. What
 * they borrow (configuration, memory) goes last. */
void generation_destroy(generation **g_ref)
{
    generation *g = *g_ref;
    if (g == NULL) {
        return;
    }
    for (size_t i = g->instance_count; i-- > 0;) {
        section_close(&g->instances[i]);
    }
    for (size_t i = 0; i < g->listener_count; i++) {
        tls_context_destroy(&g->listeners[i].tls);
        sources_destroy(&g->listeners[i].sources);
        kit_networks_destroy(&g->listeners[i].balancers);
    }
    for (size_t i = 0; g->ways != NULL && i < g->conf->top.peers.count; i++) {
        for (size_t u = 0; u < g->ways[i].url_count; u++) {
            origin_unref(&g->ways[i].urls[u]);
        }
    }
    keyring_unref(&g->keyring);
    peers_destroy(&g->peers);
    conf_destroy(&g->conf);
    kit_arena_reset(&g->memory);
    pthread_mutex_destroy(&g->keyring_lock);
    free(g);
    *g_ref = NULL;
}
