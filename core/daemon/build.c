/* Builds a generation: each part checks itself, and all errors end up in one report. */
#include "daemon/build.h"

#include "base/text.h"
#include "http/tls.h"
#include "pipeline/services.h"

#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CMPD_PLUGIN_DIR
#define CMPD_PLUGIN_DIR "/usr/lib/cmpd/plugins"
#endif

uint32_t build_services(void)
{
    cmp_host host = {0};
    instance_services(&host);
    pipeline_services(&host);
    return host.services;
}

const char **build_plugin_folders(arena *a, const char *const *first)
{
    size_t count = 0;
    while (first != NULL && first[count] != NULL) {
        count++;
    }
    const char **folders = arena_calloc(a, count + 3, sizeof(*folders));
    for (size_t i = 0; i < count; i++) {
        folders[i] = first[i];
    }
    char program[4096];
    const ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (size > 0) {
        program[size] = '\0';
        folders[count++] = arena_printf(a, "%s/plugins", dirname(program));
    }
    folders[count] = CMPD_PLUGIN_DIR;
    return folders;
}

#define DEFAULT_PATH "/mc-3/resolve-ici"
#define SOURCES_MAX  65536 /* addresses that a listener with MC-1 keeps in mind */

/* ---- plugins ---- */

typedef struct builder {
    generation *g;
    cmp_report *report;
    loader *loader;
} builder;

static conf_place place_in_section(void *arg, const char *key)
{
    const builder *b = arg;
    return conf_place_of(b->g->conf, key);
}

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

static void report_not_loaded(builder *b, const conf_plugin *section, const char *error)
{
    const char *key = arena_printf(&b->g->memory, "%s.use", section->path);
    char **names = loader_names(b->loader);
    const char *near = name_nearest(cmp_str_from(section->use), (const char *const *)names);
    if (near != NULL && strcmp(near, section->use) != 0) {
        report_at(b, key, "%s; did you mean \"%s\"?", error, near);
    } else {
        report_at(b, key, "%s", error);
    }
    loader_names_free(&names);
}

/* The core's own part of a store's section. */
static void build_cache(builder *b, const conf_plugin *section, instance *i)
{
    struct fy_node *node = fy_node_mapping_lookup_by_string(section->node, "cache", (size_t)-1);
    if (node == NULL) {
        return;
    }
    const char *path = arena_printf(&b->g->memory, "%s.cache", section->path);
    conf_cache settings;
    if (i->plugin->kind != CMP_PLUGIN_STORE) {
        report_at(b, path, "only a store has a cache; %s is of kind %s", section->use,
                  plugin_kind_name(i->plugin->kind));
    } else if (schema_fill(conf_cache_rows, section->file, node, path, NULL, &b->g->memory,
                           &settings, b->report)) {
        i->caches = arena_calloc(&b->g->memory, i->site->worker_count, sizeof(*i->caches));
        i->cache_settings =
            (instance_cache){.size_bytes = (size_t)settings.size_bytes / i->site->worker_count,
                             .ttl_ms = settings.ttl_ms,
                             .negative_ttl_ms = settings.negative_ttl_ms,
                             .stale_ms = settings.stale_ms};
    }
}

static void build_instance(builder *b, const conf_plugin *section, instance *i, instance_site *site)
{
    static const char *const ours[] = {"use", "cache", NULL};
    char error[1024];
    const cmp_plugin *plugin = loader_load(b->loader, section->use, error, sizeof(error));
    if (plugin == NULL) {
        report_not_loaded(b, section, error);
        return;
    }
    void *options = arena_calloc(&b->g->memory, 1, plugin->options_size + 1);
    static const cmp_option none[] = {{.name = NULL}};
    i->plugin = plugin;
    if (!schema_fill(plugin->options != NULL ? plugin->options : none, section->file, section->node,
                     section->path, ours, &b->g->memory, options, b->report)) {
        return;
    }
    cmp_host host = {0};
    instance_services(&host);
    pipeline_services(&host);
    const conf_scope scope = {.place_of = place_in_section, .arg = b, .path = section->path};
    b->report->scope = &scope;
    instance_create(i, plugin, section->name, options, &host, site, b->g, b->report);
    b->report->scope = NULL;
    build_cache(b, section, i);
}

static void build_instances(builder *b, instance_site *site)
{
    generation *g = b->g;
    g->instance_count = g->conf->plugin_count;
    g->instances = arena_calloc(&g->memory, g->instance_count, sizeof(*g->instances));
    for (size_t i = 0; i < g->instance_count; i++) {
        build_instance(b, &g->conf->plugins[i], &g->instances[i], site);
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

/* Names that are not configured were reported by conf_load. */
static chain build_chain(builder *b, const cmp_strings *names, cmp_plugin_kind kind,
                         const char *key)
{
    chain c = {.at = arena_calloc(&b->g->memory, names->count, sizeof(instance *))};
    for (size_t n = 0; n < names->count; n++) {
        instance *i = find_instance(b->g, names->at[n]);
        if (i == NULL || i->plugin == NULL) {
            continue;
        }
        if (i->plugin->kind != kind) {
            report_at(b, arena_printf(&b->g->memory, "%s[%zu]", key, n),
                      "\"%s\" is of kind %s (%s), expected %s", names->at[n],
                      plugin_kind_name(i->plugin->kind), i->plugin->name, plugin_kind_name(kind));
            continue;
        }
        c.at[c.count++] = i;
    }
    return c;
}

static void add_path(listener *l, const conf_listener *settings, cmp_interface interface,
                     const char *path)
{
    if ((settings->interfaces >> interface & 1) != 0) {
        l->paths[l->path_count++] =
            (listener_path){.path = cmp_str_from(path), .interface = interface};
    }
}

static void build_listener(builder *b, size_t at)
{
    generation *g = b->g;
    const conf_listener *settings = (const conf_listener *)g->conf->top.listeners.at + at;
    listener *l = &g->listeners[at];
    const char *path = arena_printf(&g->memory, "listeners[%zu]", at);
    l->conf = settings;
    l->name = cmp_str_from(settings->name);
    l->auth = build_chain(b, &settings->authenticate, CMP_PLUGIN_AUTH,
                          arena_printf(&g->memory, "%s.authenticate", path));
    add_path(l, settings, CMP_INTERFACE_MC3, settings->paths.mc3);
    add_path(l, settings, CMP_INTERFACE_MC6, settings->paths.mc6);
    add_path(l, settings, CMP_INTERFACE_MC1, settings->paths.mc1);
    if ((settings->interfaces >> CMP_INTERFACE_MC1 & 1) != 0) {
        l->sources =
            sources_create(SOURCES_MAX, settings->source_rate, (unsigned)settings->source_burst);
    }
    if (settings->tls.certificate != NULL && settings->tls.key != NULL) {
        l->tls = tls_context_create(g->conf, settings, path, b->report);
    }
}

/* ---- ways to peers ---- */

static instance *build_signer(builder *b, const conf_peer *p, const char *path)
{
    if (p->sign_with == NULL || strcmp(p->sign_with, "none") == 0) {
        return NULL;
    }
    const char *key = arena_printf(&b->g->memory, "%s.sign_with", path);
    instance *i = find_instance(b->g, p->sign_with);
    if (i == NULL || i->plugin == NULL) {
        return NULL; /* reported before */
    }
    if (i->plugin->kind != CMP_PLUGIN_AUTH || i->plugin->ops.auth->sign == NULL ||
        instance_blocks(i)) {
        report_at(b, key, "\"%s\" (%s) cannot sign", p->sign_with, i->plugin->name);
        return NULL;
    }
    return i;
}

/* A URL without a path means the default one of MC-3. */
static const char *with_path(builder *b, const char *url)
{
    const char *authority = strstr(url, "://");
    const bool has_path = authority == NULL || strchr(authority + 3, '/') != NULL;
    return has_path ? url : arena_printf(&b->g->memory, "%s" DEFAULT_PATH, url);
}

static origin *build_url(builder *b, const conf_peer *p, const char *url, const char *path)
{
    const origin_options options = {.name = p->name,
                                    .url = with_path(b, url),
                                    .server_name = p->tls.server_name,
                                    .ca = p->tls.ca,
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

static void build_way(builder *b, size_t at)
{
    generation *g = b->g;
    const conf_peer *p = (const conf_peer *)g->conf->top.peers.at + at;
    way *w = &g->ways[at];
    const char *path = arena_printf(&g->memory, "peers[%zu]", at);
    w->conf = p;
    w->signer = build_signer(b, p, path);
    w->urls = arena_calloc(&g->memory, p->url.count, sizeof(*w->urls));
    for (size_t i = 0; i < p->url.count; i++) {
        origin *o = build_url(b, p, p->url.at[i], arena_printf(&g->memory, "%s.url[%zu]", path, i));
        if (o != NULL) {
            w->urls[w->url_count++] = o;
        }
    }
    g->forwards = g->forwards || w->url_count > 0;
    for (size_t i = 0; i < p->release.withhold.count; i++) {
        const bool user = strcmp(p->release.withhold.at[i], "user") == 0;
        if (user && (g->keyring == NULL || keyring_pseudonym_secret(g->keyring).size == 0)) {
            report_at(b, arena_printf(&g->memory, "%s.release.withhold[%zu]", path, i),
                      "withholding users needs a pseudonym_secret in the keyring");
        }
    }
}

static bool peer_known(void *arg, const char *name)
{
    return peers_find(arg, cmp_str_from(name)) != NULL;
}

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
    g->listeners = arena_calloc(&g->memory, g->listener_count, sizeof(*g->listeners));
    for (size_t i = 0; i < g->listener_count; i++) {
        build_listener(b, i);
    }
    g->ways = arena_calloc(&g->memory, top->peers.count, sizeof(*g->ways));
    for (size_t i = 0; i < top->peers.count; i++) {
        build_way(b, i);
    }
    g->stores = build_chain(b, &top->resolve.stores, CMP_PLUGIN_STORE, "resolve.stores");
    g->routes = build_chain(b, &top->resolve.routes, CMP_PLUGIN_ROUTE, "resolve.routes");
}

/* The loader's folders: given ones, the configuration's (from its own folder), built-in ones. */
static loader *make_loader(const char *path, const char *const *extra, const conf *c)
{
    arena a;
    arena_init(&a, NULL, 0);
    size_t count = 0, extra_count = 0;
    while (extra != NULL && extra[extra_count] != NULL) {
        extra_count++;
    }
    const char **first =
        arena_calloc(&a, extra_count + c->top.plugin_path.count + 1, sizeof(*first));
    for (; count < extra_count; count++) {
        first[count] = extra[count];
    }
    const char *folder = dirname(arena_text(&a, cmp_str_from(path)));
    for (size_t i = 0; i < c->top.plugin_path.count; i++) {
        const char *given = c->top.plugin_path.at[i];
        first[count++] = given[0] == '/' ? given : arena_printf(&a, "%s/%s", folder, given);
    }
    loader *l = loader_create(build_plugin_folders(&a, first), build_services());
    arena_reset(&a);
    return l;
}

generation *generation_build(const char *path, const char *const *extra_folders,
                             loader **loader_ref, instance_site *site, cmp_report *report)
{
    conf *c = conf_load(path, report);
    if (c == NULL) {
        return NULL;
    }
    generation *g = mem_calloc(1, sizeof(*g));
    arena_init(&g->memory, NULL, 0);
    g->conf = c;
    if (site->worker_count == 0) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        site->worker_count = c->top.workers > 0 ? (unsigned)c->top.workers
                             : cores > 0        ? (unsigned)cores
                                                : 1;
    }
    if (*loader_ref == NULL) {
        *loader_ref = make_loader(path, extra_folders, c);
    }
    builder b = {.g = g, .report = report, .loader = *loader_ref};
    build_parts(&b, site);
    if (report->count != 0) {
        generation_destroy(&g);
    }
    return g;
}

void generation_destroy(generation **g_ref)
{
    generation *g = *g_ref;
    if (g == NULL) {
        return;
    }
    for (size_t i = g->instance_count; i-- > 0;) {
        instance *in = &g->instances[i];
        instance_destroy(in);
        if (in->plugin != NULL && in->plugin->options != NULL && in->options != NULL) {
            schema_wipe(in->plugin->options, (void *)(uintptr_t)in->options);
        }
    }
    for (size_t i = 0; i < g->listener_count; i++) {
        tls_context_destroy(&g->listeners[i].tls);
        sources_destroy(&g->listeners[i].sources);
    }
    for (size_t i = 0; g->ways != NULL && i < g->conf->top.peers.count; i++) {
        for (size_t u = 0; u < g->ways[i].url_count; u++) {
            origin_unref(&g->ways[i].urls[u]);
        }
    }
    keyring_destroy(&g->keyring);
    peers_destroy(&g->peers);
    conf_destroy(&g->conf);
    arena_reset(&g->memory);
    free(g);
    *g_ref = NULL;
}
