/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a peer in a generation: how requests get to it, and what it is not to see. */
#include "daemon/build_parts.h"

#include "pipeline/release.h"

/* "none" is for a dedicated link (9.3.2), and was demanded in so many words by conf_check. */
static instance *build_signer(builder *b, const conf_peer *p, const char *path)
{
    if (p->sign_with == NULL || strcmp(p->sign_with, "none") == 0) {
        return NULL;
    }
    const char *key = kit_arena_printf(&b->g->memory, "%s.sign_with", path);
    instance *i = build_find(b->g, p->sign_with);
    if (!build_has_functions(i)) {
        return NULL; /* reported before */
    }
    if (i->plugin->kind != CMP_PLUGIN_AUTH || i->plugin->ops.auth->sign == NULL) {
        build_report(b, key, "\"%s\" (%s) cannot sign", p->sign_with, i->plugin->name);
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
        build_report(b, path, "%s", error);
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
            build_report(b, key, "%s", fault);
        } else if (strcmp(name, "user") == 0 &&
                   (ring == NULL || keyring_pseudonym_secret(ring).size == 0)) {
            build_report(b, key, "withholding users needs a pseudonym_secret in the keyring");
        }
    }
}

const char *build_peer_without_users(const conf *c)
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

void build_way(builder *b, size_t at)
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
