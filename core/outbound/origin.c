/* SPDX-License-Identifier: Apache-2.0 */
/* Origins: the URL, the counts of who holds one, and its health as others see it. */
#include "outbound/origin.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdio.h>
#include <stdlib.h>

#define HTTPS_PORT 443

/* Letters, digits, hyphens, dots and underscores: names of one label are good inside a site. 253
 * is what 255 octets on the wire (RFC 1035, 2.3.4) leave for the text. */
static bool name_valid(const char *text)
{
    const size_t size = strlen(text);
    return size > 0 && size <= 253 && text[0] != '.' && text[0] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
               size;
}

static char *text_copy(cmp_str text)
{
    char *copy = kit_alloc(text.size + 1);
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return copy;
}

static bool host_good(const origin *o, bool bracketed)
{
    endpoint v6;
    return bracketed ? endpoint_parse(cmp_str_from(o->host), 0, &v6) && v6.at.ss_family == AF_INET6
                     : name_valid(o->host);
}

/* What is wrong with the URL, or NULL. */
static const char *url_parse(origin *o, const char *url, const char *default_path)
{
    if (strncasecmp(url, "https://", 8) != 0) {
        return "does not begin with https://";
    }
    const char *from = url + 8;
    const size_t authority_size = strcspn(from, "/?#");
    const cmp_str authority = {from, authority_size};
    const char *path = from + authority_size;
    host_port parts;
    const bool split = host_port_split(authority, &parts);
    o->host = text_copy(parts.host);
    if (!split || !host_good(o, parts.bracketed)) {
        return "has no good host";
    }
    o->port = HTTPS_PORT;
    if (parts.port.size > 0 && !port_parse(parts.port, 1, &o->port)) {
        return "has no good port";
    }
    /* A query is the request's to add. */
    if (strpbrk(path, "?#") != NULL || !kit_ascii_visible(cmp_str_from(path))) {
        return "has something in or behind the path that is not allowed there";
    }
    o->authority = text_copy(authority);
    o->path = kit_strdup(*path != '\0' ? path : default_path);
    return NULL;
}

/* ---- all of them ---- */

static origin *all;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;

static void enter_list(origin *o)
{
    pthread_mutex_lock(&all_lock);
    o->next = all;
    o->previous = &all;
    if (all != NULL) {
        all->previous = &o->next;
    }
    all = o;
    pthread_mutex_unlock(&all_lock);
}

static void leave_list(origin *o)
{
    pthread_mutex_lock(&all_lock);
    if (o->previous != NULL) { /* else it never was in it */
        *o->previous = o->next;
        if (o->next != NULL) {
            o->next->previous = o->previous;
        }
    }
    pthread_mutex_unlock(&all_lock);
}

/* Whether the caller has it now: it is not about to be freed. */
static bool try_hold(origin *o)
{
    unsigned references = atomic_load_explicit(&o->references, memory_order_relaxed);
    while (references > 0 &&
           !atomic_compare_exchange_weak_explicit(&o->references, &references, references + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return references > 0;
}

/* Without the lock while they are visited: that may take long. */
void origins_each(void (*visit)(origin *o, void *arg), void *arg)
{
    origin **held = NULL;
    size_t count = 0, room = 0;
    pthread_mutex_lock(&all_lock);
    for (origin *o = all; o != NULL; o = o->next) {
        if (count == room) {
            room = room != 0 ? 2 * room : 16;
            held = kit_realloc(held, room * sizeof(origin *));
        }
        if (origin_wanted(o) && try_hold(o)) {
            held[count++] = o;
        }
    }
    pthread_mutex_unlock(&all_lock);
    for (size_t i = 0; i < count; i++) {
        visit(held[i], arg);
    }
    for (size_t i = 0; i < count; i++) {
        origin_drop(&held[i]);
    }
    free(held);
}

/* ---- one ---- */

static void origin_free(origin *o)
{
    leave_list(o);
    tls_slot_dispose(&o->tls);
    file_set_dispose(&o->files);
    free(o->ca);
    free(o->crl);
    free(o->certificate);
    free(o->key);
    free(o->name);
    free(o->host);
    free(o->authority);
    free(o->path);
    free(o->server_name);
    breaker_dispose(&o->breaker);
    free(o);
}

static bool origin_fill(origin *o, const origin_options *options, char *error, size_t error_size)
{
    const char *fault =
        url_parse(o, options->url, options->default_path != NULL ? options->default_path : "/");
    if (fault != NULL) {
        snprintf(error, error_size, "the URL %s %s", options->url, fault);
        return false;
    }
    o->numeric = endpoint_parse(cmp_str_from(o->host), o->port, &o->fixed);
    if (options->source != NULL && !endpoint_parse(cmp_str_from(options->source), 0, &o->source)) {
        snprintf(error, error_size, "the source %s is no address", options->source);
        return false;
    }
    if (o->numeric && o->source.size != 0 && o->source.at.ss_family != o->fixed.at.ss_family) {
        snprintf(error, error_size, "the source %s and the URL %s are of two address families",
                 options->source, options->url);
        return false;
    }
    o->server_name = kit_strdup(options->server_name != NULL ? options->server_name : o->host);
    endpoint ignored;
    const bool is_address = endpoint_parse(cmp_str_from(o->server_name), 0, &ignored);
    o->sni = is_address ? "" : o->server_name;
    if (!is_address && !name_valid(o->server_name)) {
        /* An empty one would switch the check of the name off. */
        snprintf(error, error_size, "the server name \"%s\" is no host name", o->server_name);
        return false;
    }
    const char *const files[] = {o->ca, o->certificate, o->key};
    file_set_init(&o->files, files, sizeof(files) / sizeof(files[0]));
    SSL_CTX *first = origin_tls_create(o, error, error_size);
    if (first != NULL) {
        tls_slot_put(&o->tls, first);
    }
    return first != NULL;
}

static char *copy(const char *text)
{
    return text != NULL ? kit_strdup(text) : NULL;
}

origin *origin_create(const origin_options *options, char *error, size_t error_size)
{
    origin *o = kit_calloc(1, sizeof(*o));
    atomic_init(&o->owners, 1);
    atomic_init(&o->references, 1);
    breaker_init(&o->breaker);
    tls_slot_init(&o->tls, NULL);
    o->name = kit_strdup(options->name);
    o->of_plugin = options->of_plugin;
    o->connections_max = options->connections_max > 0 ? options->connections_max : 1;
    o->waiting_max = options->waiting_max;
    o->connect_timeout_ms = options->connect_timeout_ms;
    o->idle_timeout_ms = options->idle_timeout_ms;
    o->resolve_interval_ms = options->resolve_interval_ms;
    o->ca = copy(options->ca);
    o->crl = copy(options->crl);
    o->certificate = copy(options->certificate);
    o->key = copy(options->key);
    if (!origin_fill(o, options, error, error_size)) {
        origin_free(o);
        return NULL;
    }
    if (o->files.count > 0) {
        enter_list(o);
    }
    return o;
}

const char *origin_name(const origin *o)
{
    return o->name;
}

bool origin_of_plugin(const origin *o)
{
    return o->of_plugin;
}

const char *origin_ca(const origin *o)
{
    return o->ca;
}

const char *origin_crl(const origin *o)
{
    return o->crl;
}

const char *origin_certificate(const origin *o)
{
    return o->certificate;
}

file_set *origin_files(origin *o)
{
    return &o->files;
}

bool origin_renew(origin *o, char *error, size_t error_size)
{
    SSL_CTX *fresh = origin_tls_create(o, error, error_size);
    if (fresh == NULL) {
        file_set_refused(&o->files);
        return false;
    }
    tls_slot_put(&o->tls, fresh);
    file_set_used(&o->files);
    return true;
}

/* Two counts: `references` are for the memory, and lanes have them, too. `owners` are
 * configurations and plugins: without one nobody will send again, and the probing ends. */
origin *origin_hold(origin *o)
{
    atomic_fetch_add_explicit(&o->references, 1, memory_order_relaxed);
    return o;
}

void origin_drop(origin **o)
{
    /* Release and acquire: what other workers did with it is done before it is freed. */
    if (*o != NULL && atomic_fetch_sub_explicit(&(*o)->references, 1, memory_order_acq_rel) == 1) {
        origin_free(*o);
    }
    *o = NULL;
}

origin *origin_ref(origin *o)
{
    atomic_fetch_add_explicit(&o->owners, 1, memory_order_relaxed);
    return origin_hold(o);
}

void origin_unref(origin **o)
{
    if (*o != NULL) {
        atomic_fetch_sub_explicit(&(*o)->owners, 1, memory_order_relaxed);
        origin_drop(o);
    }
}

const char *origin_authority(const origin *o)
{
    return o->authority;
}

const char *origin_path(const origin *o)
{
    return o->path;
}

const char *const circuit_names[] = {
    [CIRCUIT_CLOSED] = "closed", [CIRCUIT_OPEN] = "open", [CIRCUIT_PROBING] = "probing"};

circuit origin_circuit(const origin *o)
{
    return (circuit)atomic_load_explicit(&o->breaker.state, memory_order_relaxed);
}

bool origin_troubled(const origin *o)
{
    return atomic_load_explicit(&o->breaker.troubled, memory_order_relaxed);
}
