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
    instance *i = generation_find(b->g, p->sign_with);
    if (!build_has_functions(i)) {
        return NULL; /* reported before */
    }
    if (i->plugin->kind != CMP_PLUGIN_AUTH || i->plugin->ops.auth->sign == NULL) {
        build_report(b, key, "\"%s\" (%s) cannot sign", p->sign_with, i->plugin->name);
        return NULL;
    }
    return i;
}

static origin_options options_of(const conf_peer *p, const char *url)
{
    return (origin_options){.name = p->name,
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
}

/* All that an origin is made of, but for what its files hold. */
static likeness likeness_of(const origin_options *o)
{
    const char *const texts[] = {o->name, o->url, o->default_path, o->server_name, o->source};
    const char *const files[] = {o->ca, o->crl, o->certificate, o->key};
    const uint64_t numbers[] = {o->connections_max, o->waiting_max, o->connect_timeout_ms,
                                o->idle_timeout_ms, o->resolve_interval_ms};
    likeness_sum *sum = likeness_begin();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        likeness_text(sum, texts[i]);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        likeness_text(sum, files[i]);
    }
    likeness_octets(sum, numbers, sizeof(numbers));
    return likeness_end(&sum);
}

/* The origin of that peer that is alike: its connections, its circuit and its TLS context go on. */
static origin *find_alike(const builder *b, const char *name, const likeness *wanted)
{
    const peer *p = b->before != NULL ? peers_find(b->before->peers, cmp_str_from(name)) : NULL;
    const way *w = p != NULL ? &b->before->ways[p->index] : NULL;
    for (size_t i = 0; w != NULL && i < w->url_count; i++) {
        if (likeness_equal(&w->likenesses[i], wanted) &&
            file_set_is_current(origin_files(w->urls[i]))) {
            return origin_ref(w->urls[i]);
        }
    }
    return NULL;
}

static void build_url(builder *b, way *w, const char *url, const char *path)
{
    const origin_options options = options_of(w->conf, url);
    const likeness own = likeness_of(&options);
    char error[1024];
    origin *o = find_alike(b, w->conf->name, &own);
    if (o == NULL) {
        o = origin_create(&options, error, sizeof(error));
    }
    if (o == NULL) {
        build_report(b, path, "%s", error);
        return;
    }
    w->likenesses[w->url_count] = own;
    w->urls[w->url_count++] = o;
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
    w->likenesses = kit_arena_calloc(&g->memory, p->url.count, sizeof(*w->likenesses));
    for (size_t i = 0; i < p->url.count; i++) {
        build_url(b, w, p->url.at[i], kit_arena_printf(&g->memory, "%s.url[%zu]", path, i));
    }
    check_release(b, p, path);
}
