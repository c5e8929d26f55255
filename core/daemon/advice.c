/* SPDX-License-Identifier: Apache-2.0 */
/* See advice.h; asked once all parts were built, by a check (-t) and by a start. */
#include "daemon/advice.h"

#include "base/clock.h"
#include "daemon/unreadable.h"
#include "daemon/validity.h"

#include <cmp-kit/keys.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct advice {
    const generation *g;
    cmp_report *report;
    kit_arena memory;
} advice;

static void CMP_PRINTF(3, 4) advise(advice *a, const char *key, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0) {
        report_warn(a->report, conf_place_of(a->g->conf, key), key, "%s", text);
        free(text);
    }
    va_end(args);
}

/* ---- certificates ---- */

/* A file that the configuration names somewhere. */
typedef struct named {
    const char *path, *key;
    bool of_cas;
} named;

typedef struct files {
    named *at;
    size_t count;
} files;

static void files_add(files *f, const char *path, const char *key, bool of_cas)
{
    if (path != NULL) {
        f->at[f->count++] = (named){path, key, of_cas};
    }
}

static int compare_files(const void *a, const void *b)
{
    const named *x = a, *y = b;
    return x->of_cas != y->of_cas ? (x->of_cas ? 1 : -1) : strcmp(x->path, y->path);
}

static files certificate_files(advice *a)
{
    const conf_top *top = &a->g->conf->top;
    files f = {.count = 0};
    f.at =
        kit_arena_calloc(&a->memory, 2 * (top->listeners.count + top->peers.count), sizeof(*f.at));
    for (size_t i = 0; i < top->listeners.count; i++) {
        const conf_tls *tls = &((const conf_listener *)top->listeners.at)[i].tls;
        const char *key = kit_arena_printf(&a->memory, "listeners[%zu].tls", i);
        files_add(&f, tls->certificate, kit_arena_printf(&a->memory, "%s.certificate", key), false);
        files_add(&f, tls->client_ca, kit_arena_printf(&a->memory, "%s.client_ca", key), true);
    }
    for (size_t i = 0; i < top->peers.count; i++) {
        const conf_peer_tls *tls = &((const conf_peer *)top->peers.at)[i].tls;
        const char *key = kit_arena_printf(&a->memory, "peers[%zu].tls", i);
        files_add(&f, tls->certificate, kit_arena_printf(&a->memory, "%s.certificate", key), false);
        files_add(&f, tls->ca, kit_arena_printf(&a->memory, "%s.ca", key), true);
    }
    return f;
}

/* Sorted, so that a file is read once, whatever peers have it: one with all of the web's CAs is
 * large. */
static void advise_certificates(advice *a)
{
    const files f = certificate_files(a);
    validity v = {0, 0};
    if (f.count > 0) {
        qsort(f.at, f.count, sizeof(*f.at), compare_files);
    }
    for (size_t i = 0; i < f.count; i++) {
        if (i == 0 || compare_files(&f.at[i - 1], &f.at[i]) != 0) {
            v = validity_of(f.at[i].path, f.at[i].of_cas);
        }
        char text[VALIDITY_TEXT_SIZE];
        if (validity_doubtful(&v, text)) {
            advise(a, f.at[i].key, "%s %s", f.at[i].path, text);
        }
    }
}

/* ---- keys ---- */

typedef struct held {
    const peers *peers;
    bool *by_index; /* a key that is valid now */
    int64_t now_ms;
} held;

static void on_key(const cmp_key *key, void *arg)
{
    const held *h = arg;
    const peer *p = peers_find(h->peers, key->peer);
    if (p != NULL && !kit_key_not_yet(key, h->now_ms) && !kit_key_expired(key, h->now_ms)) {
        h->by_index[p->index] = true;
    }
}

/* By a peer's index. */
static const bool *held_by_peers(advice *a, cmp_key_use use)
{
    const generation *g = a->g;
    held h = {.peers = g->peers, .now_ms = clock_now_ms()};
    h.by_index = kit_arena_calloc(&a->memory, g->conf->top.peers.count, sizeof(*h.by_index));
    if (g->keyring != NULL) {
        keyring_each(g->keyring, use, on_key, &h);
    }
    return h.by_index;
}

/* Another may have its credentials anywhere. */
static bool lives_by_keyring(const instance *i)
{
    return (i->plugin->services & CMP_SERVICE_KEYRING) != 0;
}

/* Peers may ask there, and of those that may none has a key. */
static bool nobody_can_sign(const conf *c, const conf_listener *l, const bool *has_key)
{
    const uint64_t signed_ones = 1U << CMP_INTERFACE_MC3 | 1U << CMP_INTERFACE_MC6;
    bool may_ask = false;
    for (size_t i = 0; i < c->top.peers.count; i++) {
        const conf_peer *p = (const conf_peer *)c->top.peers.at + i;
        if ((p->allow.interfaces & l->interfaces & signed_ones) != 0) {
            may_ask = true;
            if (has_key[i]) {
                return false;
            }
        }
    }
    return may_ask;
}

/* The keyring of an installation is empty at first. */
static void advise_signatures(advice *a)
{
    const generation *g = a->g;
    const bool *has_key = held_by_peers(a, CMP_KEY_ISSUED);
    for (size_t i = 0; i < g->conf->top.listeners.count; i++) {
        const listener *l = &g->listeners[i];
        bool verifies = false;
        for (size_t n = 0; n < l->auth.count; n++) {
            verifies = verifies || lives_by_keyring(l->auth.at[n]);
        }
        if (verifies && nobody_can_sign(g->conf, l->conf, has_key)) {
            advise(a, kit_arena_printf(&a->memory, "listeners[%zu].authenticate", i),
                   "no key issued to a peer that may ask here is valid now: what they sign is "
                   "answered with 401; cmpctl keys issue makes one, and peers that are only asked "
                   "have allow: {interfaces: []}");
        }
    }
}

static void advise_keys(advice *a)
{
    const generation *g = a->g;
    const bool *has_key = held_by_peers(a, CMP_KEY_RECEIVED);
    for (size_t i = 0; i < g->conf->top.peers.count; i++) {
        const way *w = &g->ways[i];
        if (w->url_count != 0 && w->signer != NULL && !has_key[i] && lives_by_keyring(w->signer)) {
            advise(a, kit_arena_printf(&a->memory, "peers[%zu].sign_with", i),
                   "no key received from %s is valid now: what has to go there is answered with "
                   "500",
                   w->conf->name);
        }
    }
}

/* ---- freshness ---- */

static void on_dated_key(const cmp_key *key, void *arg)
{
    advice *a = arg;
    const int64_t window_ms = a->g->conf->top.replay.window_ms;
    if (key->max_skew_ms == 0 || 2 * key->max_skew_ms <= window_ms ||
        kit_key_expired(key, clock_now_ms())) {
        return;
    }
    const double skew_s = (double)key->max_skew_ms / 1000, window_s = (double)window_ms / 1000;
    advise(a, "replay.window",
           "a request signed with %.*s can be used twice: with its max_skew of %g s it may come %g "
           "s early, and stays fresh for %g s, but is remembered for %g s only; set window to %g s "
           "or more, or that max_skew to %g s or less",
           (int)key->id.size, key->id.at, skew_s, skew_s, 2 * skew_s, window_s, 2 * skew_s,
           window_s / 2);
}

/* SPEC 4, freshness: what is no longer remembered has to be too old. */
static void advise_replay(advice *a)
{
    if (a->g->keyring != NULL) {
        keyring_each(a->g->keyring, CMP_KEY_ISSUED, on_dated_key, a);
    }
}

/* ---- plugins ---- */

static bool has(const cmp_strings *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_used(const conf_top *top, const char *name)
{
    if (has(&top->resolve.stores, name) || has(&top->resolve.routes, name) ||
        (top->resolve.writable != NULL && strcmp(top->resolve.writable, name) == 0)) {
        return true;
    }
    for (size_t i = 0; i < top->listeners.count; i++) {
        if (has(&((const conf_listener *)top->listeners.at)[i].authenticate, name)) {
            return true;
        }
    }
    for (size_t i = 0; i < top->peers.count; i++) {
        const char *signer = ((const conf_peer *)top->peers.at)[i].sign_with;
        if (signer != NULL && strcmp(signer, name) == 0) {
            return true;
        }
    }
    return false;
}

static void advise_plugins(advice *a)
{
    const conf *c = a->g->conf;
    for (size_t i = 0; i < c->plugin_count; i++) {
        if (!is_used(&c->top, c->plugins[i].name)) {
            advise(a, c->plugins[i].path,
                   "is made, but neither resolve, a listener nor a peer uses it");
        }
    }
}

/* ---- ways ---- */

/* A text of a section. What it means only the plugin knows, but these names mean the same in ours:
 * `peer`, who gets requests, and `mode: referral`, which forwards none. */
static cmp_str option_of(const conf_plugin *section, const char *name)
{
    return yaml_scalar(yaml_value(section->node, cmp_str_from(name)));
}

static bool has_url(const generation *g, const peer *p)
{
    return g->ways[p->index].url_count != 0;
}

/* Whether it may forward by the peers' prefixes. */
static bool advise_route(advice *a, const conf_plugin *section)
{
    const cmp_str name = option_of(section, "peer");
    const peer *p = name.at != NULL ? peers_find(a->g->peers, name) : NULL;
    if (p != NULL && !has_url(a->g, p)) {
        advise(a, kit_arena_printf(&a->memory, "%s.peer", section->path),
               "%.*s has no url: what goes there is answered with 502", (int)name.size, name.at);
    }
    return name.at == NULL;
}

static void advise_ways(advice *a)
{
    const conf *c = a->g->conf;
    bool forwards = false, refers = false;
    for (size_t i = 0; i < c->plugin_count; i++) {
        if (has(&c->top.resolve.routes, c->plugins[i].name)) {
            forwards = advise_route(a, &c->plugins[i]) || forwards;
            refers =
                refers || cmp_str_equal(option_of(&c->plugins[i], "mode"), CMP_STR("referral"));
        }
    }
    for (size_t i = 0; forwards && !refers && i < c->top.peers.count; i++) {
        const way *w = &a->g->ways[i];
        if (w->conf->prefixes.count != 0 && w->url_count == 0) {
            advise(a, kit_arena_printf(&a->memory, "peers[%zu].prefixes", i),
                   "%s has no url: what a route sends there is answered with 502", w->conf->name);
        }
    }
}

void advice_give(const generation *g, cmp_report *report)
{
    advice a = {.g = g, .report = report};
    kit_arena_init(&a.memory, NULL, 0);
    advise_ways(&a);
    advise_signatures(&a);
    advise_plugins(&a);
    advise_certificates(&a);
    advise_keys(&a);
    advise_replay(&a);
    unreadable_warn(g, report);
    kit_arena_reset(&a.memory);
}
