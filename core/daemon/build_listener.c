/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a listener in a generation: who may ask there, what is seen of a request, where its
 * interfaces are found. */
#include "daemon/build_parts.h"

#include "http/tls.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

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

static const listener *listener_before(const builder *b, const listener *l)
{
    for (size_t i = 0; b->before != NULL && i < b->before->listener_count; i++) {
        if (cmp_str_equal(b->before->listeners[i].name, l->name)) {
            return &b->before->listeners[i];
        }
    }
    return NULL;
}

static likeness tls_likeness(const conf_listener *l)
{
    const char *const files[] = {l->tls.certificate, l->tls.key, l->tls.client_ca,
                                 l->tls.client_crl};
    likeness_sum *sum = likeness_begin();
    likeness_text(sum, l->name);
    likeness_number(sum, l->http2);
    likeness_number(sum, conf_listener_anonymous(l));
    likeness_number(sum, l->tls.client_certificate);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        likeness_text(sum, files[i]);
    }
    return likeness_end(&sum);
}

/* That of before when nothing of it has changed, its files included: sessions can be resumed. */
static void build_tls(builder *b, listener *l, const char *path)
{
    const listener *before = listener_before(b, l);
    l->tls_likeness = tls_likeness(l->conf);
    if (before != NULL && before->tls != NULL &&
        likeness_equal(&before->tls_likeness, &l->tls_likeness) &&
        file_set_is_current(listener_tls_files(before->tls))) {
        l->tls = listener_tls_ref(before->tls);
    } else {
        l->tls = listener_tls_create(b->g->conf, l->conf, path, b->report);
    }
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
void build_listener(builder *b, size_t at)
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
    l->balancers = build_balancers(&settings->balancers.from);
    l->cors = text_set_make(&settings->cors, &g->memory);
    if (settings->tls.certificate != NULL && settings->tls.key != NULL) {
        build_tls(b, l, path);
    }
}
