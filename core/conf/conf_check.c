/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what rows cannot: names that refer to each other, things that must be unique, and https on
 * MC-3 and MC-6 (9.3.2). */
#include "conf/internal.h"

#include "base/address.h"
#include "base/endpoint.h"
#include "base/names.h"
#include "conf/value.h"

#include <cmp-kit/prefixes.h>
#include <cmp-kit/text.h>

#include <stdlib.h>

typedef struct check {
    const conf *c;
    cmp_report *report;
    kit_arena memory; /* of the check alone */
} check;

static void CMP_PRINTF(3, 4) wrong(check *k, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) >= 0) {
        report_add(k->report, conf_place_of(k->c, path), path, "%s", text);
        free(text);
    }
    va_end(args);
}

static const conf_listener *listener_at(const check *k, size_t i)
{
    return (const conf_listener *)k->c->top.listeners.at + i;
}

static const conf_peer *peer_at(const check *k, size_t i)
{
    return (const conf_peer *)k->c->top.peers.at + i;
}

/* ---- things that must be unique ---- */

typedef struct entry {
    const char *text, *path;
    const char *shown; /* the text as it was written */
    size_t order;
} entry;

typedef struct entries {
    entry *at;
    size_t count, room;
} entries;

/* Borrows the texts, from the configuration or from the check's own memory. NULL, an absent value,
 * is passed over. */
static void entries_add_as(entries *e, const char *text, const char *shown, const char *path)
{
    if (text == NULL) {
        return;
    }
    if (e->count == e->room) {
        e->room = e->room != 0 ? 2 * e->room : 16;
        e->at = kit_realloc(e->at, e->room * sizeof(*e->at));
    }
    e->at[e->count] = (entry){text, path, shown, e->count};
    e->count++;
}

static void entries_add(entries *e, const char *text, const char *path)
{
    entries_add_as(e, text, text, path);
}

/* The order of the file decides between equals, so that the later one is the one complained of. */
static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    const int texts = strcmp(x->text, y->text);
    return texts != 0 ? texts : x->order < y->order ? -1 : x->order > y->order;
}

/* Reports every entry whose text an earlier one has; frees the list. Sorted, not compared pair by
 * pair: there may be thousands of peers with prefixes. */
static void entries_check_unique(check *k, entries *e)
{
    if (e->count != 0) {
        qsort(e->at, e->count, sizeof(*e->at), compare_entries);
    }
    const entry *first = e->at;
    for (size_t i = 1; i < e->count; i++) {
        if (strcmp(first->text, e->at[i].text) != 0) {
            first = &e->at[i];
            continue;
        }
        const conf_place place = conf_place_of(k->c, first->path);
        wrong(k, e->at[i].path, "\"%s\" is given already at %s:%u:%u", e->at[i].shown, place.file,
              place.line, place.column);
    }
    free(e->at);
}

/* ---- names ---- */

static void check_name(check *k, const char *name, const char *path)
{
    if (name != NULL && !conf_name_valid(cmp_str_from(name))) {
        wrong(k, path, CONF_NAME_EXPECTED);
    }
}

/* The things that a list may name. */
typedef struct known {
    const char *what;
    const char **names; /* sorted, ended by NULL */
    size_t count;
    bool star; /* "*" stands for all of them */
} known;

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_known(const known *n, const char *name)
{
    return (n->star && strcmp(name, "*") == 0) ||
           bsearch(&name, n->names, n->count, sizeof(*n->names), compare_texts) != NULL;
}

static void check_reference(check *k, const char *name, const char *path, const known *n)
{
    if (is_known(n, name)) {
        return;
    }
    const char *near = name_nearest(cmp_str_from(name), n->names);
    if (near != NULL) {
        wrong(k, path, "there is no %s \"%s\"; did you mean \"%s\"?", n->what, name, near);
    } else {
        wrong(k, path, "there is no %s \"%s\"", n->what, name);
    }
}

static void check_references(check *k, const cmp_strings *list, const char *path, const known *n)
{
    entries named = {.count = 0};
    for (size_t i = 0; i < list->count; i++) {
        const char *item = kit_arena_printf(&k->memory, "%s[%zu]", path, i);
        entries_add(&named, list->at[i], item);
        check_reference(k, list->at[i], item, n);
    }
    entries_check_unique(k, &named);
}

static known plugin_names(check *k)
{
    known n = {.what = "plugin", .count = k->c->plugin_count};
    n.names = kit_arena_calloc(&k->memory, n.count + 1, sizeof(*n.names));
    for (size_t i = 0; i < n.count; i++) {
        n.names[i] = k->c->plugins[i].name;
    }
    qsort(n.names, n.count, sizeof(*n.names), compare_texts);
    return n;
}

/* `*` is for allow.forward_to: a registry may have requests forwarded to everybody. */
static known peer_names(check *k)
{
    known n = {.what = "peer", .star = true};
    n.names = kit_arena_calloc(&k->memory, k->c->top.peers.count + 1, sizeof(*n.names));
    for (size_t i = 0; i < k->c->top.peers.count; i++) {
        if (peer_at(k, i)->name != NULL) {
            n.names[n.count++] = peer_at(k, i)->name;
        }
    }
    qsort(n.names, n.count, sizeof(*n.names), compare_texts);
    return n;
}

/* ---- listeners ---- */

/* A list that is given, but with nothing in it. (One that is missing was reported before.) */
static void check_not_empty(check *k, const char *listener, const char *key, const char *text)
{
    const char *path = kit_arena_printf(&k->memory, "%s.%s", listener, key);
    struct fy_node *node = yaml_find(k->c->files[0], path, false);
    if (node != NULL && (yaml_nothing(node) ||
                         (fy_node_is_sequence(node) && fy_node_sequence_item_count(node) == 0))) {
        wrong(k, path, "%s", text);
    }
}

/* Whether `path` lies under the head of another interface's paths. */
static bool lies_under(const char *path, const char *head)
{
    const size_t size = strlen(head);
    return strncmp(path, head, size) == 0 && path[size] == '/';
}

/* All paths of an interface that carries no message begin with `head`. A head and what lies under
 * it are told apart by the slash between; one path for two interfaces would be decided by which is
 * looked for first. */
static void check_head(check *k, const conf_listener *l, const char *head, const char *key)
{
    if (head[strlen(head) - 1] == '/') {
        wrong(k, key, "it does not end with a slash");
    }
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        if (l->paths.of[i] != NULL && lies_under(l->paths.of[i], head)) {
            wrong(k, key, "the path %s of another interface lies under it", l->paths.of[i]);
        }
    }
}

static void check_paths(check *k, const conf_listener *l, const char *listener)
{
    const char *const *paths = l->paths.of;
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        const char *key = kit_arena_printf(&k->memory, "%s.paths.%s", listener, interfaces[i].word);
        if (paths[i] == NULL) {
            continue;
        }
        if (*paths[i] != '/') {
            wrong(k, key, "a path begins with a slash");
        } else if (!interfaces[i].message) {
            check_head(k, l, paths[i], key);
        }
        for (cmp_interface j = 0; j < i; j++) {
            if (paths[j] != NULL && strcmp(paths[i], paths[j]) == 0) {
                wrong(k, key, "%s has the same path", interfaces[j].word);
            }
        }
    }
}

/* 9.3.2: MC-3 and MC-6 run over https only, and every request on them is authenticated. */
static void check_security(check *k, const conf_listener *l, const char *path)
{
    const char *tls = kit_arena_printf(&k->memory, "%s.tls", path);
    const char *authenticate = kit_arena_printf(&k->memory, "%s.authenticate", path);
    /* Inside a group that is there, a missing certificate was reported before. */
    const bool has_tls = yaml_find(k->c->files[0], tls, false) != NULL;
    const bool authenticates = yaml_find(k->c->files[0], authenticate, false) != NULL;
    bool signed_only = false;
    const char *https_only = NULL;
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        const interface_info *info = &interfaces[i];
        if (interface_in(l->interfaces, i)) {
            https_only = https_only == NULL && info->https_only ? info->word : https_only;
            signed_only = signed_only || (info->message && !info->anonymous);
        }
    }
    if (https_only != NULL && !has_tls) {
        wrong(k, tls, "missing; %s runs over https only%s", https_only,
              signed_only ? " (9.3.2)" : "");
    }
    if (signed_only && !authenticates) { /* codes may do with tokens alone */
        wrong(k, authenticate, "missing; every request on MC-3 and MC-6 is authenticated (9.3.2)");
    }
}

/* A CA alone says nothing about what happens without a certificate: it is to be said. */
static void check_client_certificate(check *k, const conf_listener *l, const char *path)
{
    if (l->tls.client_certificate == CONF_CLIENT_CERTIFICATE_REQUIRED && l->tls.client_ca == NULL) {
        wrong(k, kit_arena_printf(&k->memory, "%s.tls.client_ca", path),
              "missing; a required certificate is verified against it");
    }
    if (l->tls.client_crl != NULL && l->tls.client_ca == NULL) {
        wrong(k, kit_arena_printf(&k->memory, "%s.tls.client_crl", path),
              "needs client_ca beside it, whose certificates it speaks of");
    }
    if (l->tls.client_certificate == CONF_CLIENT_CERTIFICATE_NONE && l->tls.client_ca != NULL) {
        wrong(k, kit_arena_printf(&k->memory, "%s.tls.client_ca", path),
              "of no use without client_certificate: optional or required");
    }
}

static void check_listener(check *k, const conf_listener *l, const char *path, const known *plugins)
{
    check_not_empty(k, path, "bind", "at least one address is needed");
    if (!l->health && !l->metrics) {
        check_not_empty(k, path, "interfaces",
                        "at least one interface is needed, or health or metrics");
    }
    check_not_empty(k, path, "authenticate",
                    "at least one plugin is needed; every request is authenticated (9.3.2)");
    check_references(k, &l->authenticate, kit_arena_printf(&k->memory, "%s.authenticate", path),
                     plugins);
    check_security(k, l, path);
    check_client_certificate(k, l, path);
    check_paths(k, l, path);
}

/* Whom we believe what others are. A header field says it for one request: only where requests are
 * nobody's may it count, as a dedicated link is where the connection comes from (9.3.2). */
static void check_balancers(check *k, const conf_listener *l, const char *path)
{
    const conf_balancers *b = &l->balancers;
    if (b->by != CONF_BALANCERS_PROXY && !conf_listener_anonymous(l)) {
        wrong(k, kit_arena_printf(&k->memory, "%s.balancers.by", path),
              "a header field tells a source on mc-1 only; use proxy");
    }
    for (size_t i = 0; i < b->from.count; i++) {
        if (b->from.at[i].bits == 0 ||
            (b->from.at[i].bits == 96 && address_is_v4(b->from.at[i].address))) {
            wrong(k, kit_arena_printf(&k->memory, "%s.balancers.from[%zu]", path, i),
                  "everybody would be believed");
        }
    }
}

/* Shares that were given; those that were not never exceed what is left. */
static void check_shares(check *k)
{
    int64_t all = 0;
    for (size_t i = 0; i < k->c->top.listeners.count; i++) {
        all += listener_at(k, i)->connections;
        if (all > k->c->top.limits.connections) {
            wrong(k, kit_arena_printf(&k->memory, "listeners[%zu].connections", i),
                  "the listeners' shares are more than limits.connections (%lld)",
                  (long long)k->c->top.limits.connections);
            return;
        }
    }
}

static void check_listeners(check *k, const known *plugins)
{
    entries names = {.count = 0};
    if (k->c->top.listeners.count == 0) {
        struct fy_node *node = yaml_find(k->c->files[0], "listeners", false);
        if (yaml_nothing(node) || fy_node_is_sequence(node)) {
            wrong(k, "listeners", "at least one listener is needed");
        }
    }
    for (size_t i = 0; i < k->c->top.listeners.count; i++) {
        const conf_listener *l = listener_at(k, i);
        const char *path = kit_arena_printf(&k->memory, "listeners[%zu]", i);
        const char *name = kit_arena_printf(&k->memory, "%s.name", path);
        check_name(k, l->name, name);
        if (l->name != NULL && strcmp(l->name, CONF_LISTENER_ADMIN) == 0) {
            wrong(k, name, "logs and metrics call the admin socket so: another name is needed");
        }
        entries_add(&names, l->name, name);
        check_listener(k, l, path, plugins);
        check_balancers(k, l, path);
    }
    check_shares(k);
    entries_check_unique(k, &names);
    conf_check_binds(k->c, k->report);
}

/* ---- peers ---- */

/* Collects a list of routing prefixes, in lower case: routing folds case. */
static void check_prefixes(check *k, const cmp_strings *list, const char *path, entries *all)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *item = kit_arena_printf(&k->memory, "%s[%zu]", path, i);
        const cmp_str prefix = cmp_str_from(list->at[i]);
        kit_digits digits;
        if (!kit_prefix_read(prefix, &digits)) {
            wrong(k, item, "expected a routing prefix: 3 to 64 hexadecimal digits");
            continue;
        }
        char *folded = kit_arena_text(&k->memory, prefix);
        for (char *c = folded; *c != '\0'; c++) {
            *c = kit_ascii_lower(*c);
        }
        entries_add_as(all, folded, list->at[i], item);
    }
}

/* The way to a peer: what a URL needs beside it. (The URLs themselves are checked when their TLS is
 * made ready.) */
static void check_source(check *k, const conf_peer *p, const char *path)
{
    endpoint source;
    if (p->source != NULL && !endpoint_parse(cmp_str_from(p->source), 0, &source)) {
        wrong(k, kit_arena_printf(&k->memory, "%s.source", path),
              "expected an address such as 192.0.2.7 or 2001:db8::7, found \"%s\"", p->source);
    }
}

static void check_way(check *k, const conf_peer *p, const char *path, const known *plugins)
{
    const char *sign_with = kit_arena_printf(&k->memory, "%s.sign_with", path);
    if (p->url.count != 0 && p->sign_with == NULL) {
        wrong(k, sign_with,
              "missing; requests to a peer are signed (9.3.2), or \"none\" over a dedicated link");
    }
    if (p->sign_with != NULL && strcmp(p->sign_with, "none") != 0) {
        check_reference(k, p->sign_with, sign_with, plugins);
    }
    if ((p->tls.certificate == NULL) != (p->tls.key == NULL)) {
        wrong(k, kit_arena_printf(&k->memory, "%s.tls", path),
              "a client certificate and its key are given together");
    }
}

/* A peer is somebody who was authenticated. */
static void check_allowed_interfaces(check *k, const conf_peer *p, const char *path)
{
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        if (interface_in(p->allow.interfaces, i) && interfaces[i].anonymous) {
            wrong(k, kit_arena_printf(&k->memory, "%s.allow.interfaces", path),
                  "%s is for handsets, which are no peers", interfaces[i].word);
        }
    }
}

static void check_peers(check *k, const known *plugins)
{
    const known peers = peer_names(k);
    entries names = {.count = 0}, hosts = {.count = 0}, prefixes = {.count = 0};
    entries_add(&hosts, k->c->top.cmp.host, "cmp.host");
    for (size_t i = 0; i < k->c->top.peers.count; i++) {
        const conf_peer *p = peer_at(k, i);
        const char *path = kit_arena_printf(&k->memory, "peers[%zu]", i);
        const char *name = kit_arena_printf(&k->memory, "%s.name", path);
        check_name(k, p->name, name);
        entries_add(&names, p->name, name);
        entries_add(&hosts, p->host, kit_arena_printf(&k->memory, "%s.host", path));
        check_prefixes(k, &p->prefixes, kit_arena_printf(&k->memory, "%s.prefixes", path),
                       &prefixes);
        check_way(k, p, path, plugins);
        check_source(k, p, path);
        check_allowed_interfaces(k, p, path);
        entries allowed = {.count = 0};
        check_prefixes(k, &p->allow.prefixes,
                       kit_arena_printf(&k->memory, "%s.allow.prefixes", path), &allowed);
        entries_check_unique(k, &allowed);
        check_references(k, &p->allow.forward_to,
                         kit_arena_printf(&k->memory, "%s.allow.forward_to", path), &peers);
    }
    entries_check_unique(k, &names);
    entries_check_unique(k, &hosts);
    entries_check_unique(k, &prefixes);
}

static void check_watchdog(check *k)
{
    const conf_watchdog *w = &k->c->top.watchdog;
    if (w->stuck_after_ms <= w->stall_ms) {
        wrong(k, "watchdog.stuck_after",
              "%lld ms; expected more than watchdog.stall, which is %lld ms",
              (long long)w->stuck_after_ms, (long long)w->stall_ms);
    }
}

/* With `size` no larger than one file, each would go as soon as it has ended. */
static void check_journal(check *k)
{
    const conf_journal *j = &k->c->top.journal;
    if (j->keep_bytes != 0 && j->segment_bytes > j->keep_bytes / CONF_SEGMENTS_LEAST) {
        char segment[VALUE_TEXT_SIZE], all[VALUE_TEXT_SIZE];
        value_format(CMP_OPTION_SIZE, j->segment_bytes, segment);
        value_format(CMP_OPTION_SIZE, j->keep_bytes, all);
        wrong(k, "journal.segment_size",
              "%s; expected at most a quarter of journal.size, which is %s", segment, all);
    }
}

/* Nothing here stops at an error: an operator wants all of them at once. So every part bears with
 * values that are missing. */
void conf_check(const conf *c, cmp_report *report)
{
    check k = {.c = c, .report = report};
    kit_arena_init(&k.memory, NULL, 0);
    const known plugins = plugin_names(&k);
    entries own = {.count = 0};
    /* A peer may have one of our own prefixes: it is then a Split-CMP-Parent's child (SPEC 5). */
    check_prefixes(&k, &c->top.cmp.prefixes, "cmp.prefixes", &own);
    entries_check_unique(&k, &own);
    check_listeners(&k, &plugins);
    check_references(&k, &c->top.resolve.stores, "resolve.stores", &plugins);
    check_references(&k, &c->top.resolve.routes, "resolve.routes", &plugins);
    if (c->top.resolve.writable != NULL) {
        check_reference(&k, c->top.resolve.writable, "resolve.writable", &plugins);
    }
    check_peers(&k, &plugins);
    check_watchdog(&k);
    check_journal(&k);
    kit_arena_reset(&k.memory);
}
