/* Origins: the URL, the counts of who holds one, and its health as others see it. */
#include "outbound/origin.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define HTTPS_PORT 443

bool address_parse(const char *text, uint16_t port, address *a)
{
    *a = (address){.size = 0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->at;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        a->size = sizeof(*v4);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        a->size = sizeof(*v6);
    }
    return a->size != 0;
}

/* Letters, digits, hyphens, dots and underscores: names of one label are good inside a site. */
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

/* Splits `authority` into o->host and the rest, which is empty or begins with a colon. */
static bool url_host(origin *o, cmp_str authority, cmp_str *rest)
{
    const bool bracket = authority.size > 0 && authority.at[0] == '[';
    const char *end =
        authority.size > 0 ? memchr(authority.at, bracket ? ']' : ':', authority.size) : NULL;
    if (bracket && end == NULL) {
        return false;
    }
    const char *from = authority.at + bracket, *until = authority.at + authority.size;
    o->host = text_copy((cmp_str){from, (size_t)((end != NULL ? end : until) - from)});
    const char *next = end != NULL ? end + bracket : until;
    *rest = (cmp_str){next, (size_t)(until - next)};
    struct in6_addr v6;
    return bracket ? inet_pton(AF_INET6, o->host, &v6) == 1 : name_valid(o->host);
}

/* What is wrong with the URL, or NULL. */
static const char *url_parse(origin *o, const char *url)
{
    if (strncasecmp(url, "https://", 8) != 0) {
        return "does not begin with https://";
    }
    const char *from = url + 8;
    const size_t authority_size = strcspn(from, "/?#");
    const cmp_str authority = {from, authority_size};
    const char *path = from + authority_size;
    cmp_str rest;
    if (!url_host(o, authority, &rest)) {
        return "has no good host";
    }
    int64_t port = HTTPS_PORT;
    if (rest.size > 0 &&
        (rest.at[0] != ':' ||
         !kit_number_parse((cmp_str){rest.at + 1, rest.size - 1}, 1, 65535, &port))) {
        return "has no good port";
    }
    o->port = (uint16_t)port;
    if (strpbrk(path, "?#") != NULL || !kit_ascii_visible(cmp_str_from(path))) {
        return "has something in or behind the path that is not allowed there";
    }
    o->authority = text_copy(authority);
    o->path = kit_strdup(*path != '\0' ? path : "/");
    return NULL;
}

static void origin_free(origin *o)
{
    SSL_CTX_free(o->tls);
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
    const char *fault = url_parse(o, options->url);
    if (fault != NULL) {
        snprintf(error, error_size, "the URL %s %s", options->url, fault);
        return false;
    }
    o->numeric = address_parse(o->host, o->port, &o->fixed);
    if (options->source != NULL && !address_parse(options->source, 0, &o->source)) {
        snprintf(error, error_size, "the source %s is no address", options->source);
        return false;
    }
    if (o->numeric && o->source.size != 0 && o->source.at.ss_family != o->fixed.at.ss_family) {
        snprintf(error, error_size, "the source %s and the URL %s are of two address families",
                 options->source, options->url);
        return false;
    }
    o->server_name = kit_strdup(options->server_name != NULL ? options->server_name : o->host);
    address ignored;
    const bool is_address = address_parse(o->server_name, 0, &ignored);
    o->sni = is_address ? "" : o->server_name;
    if (!is_address && !name_valid(o->server_name)) {
        /* An empty one would switch the check of the name off. */
        snprintf(error, error_size, "the server name \"%s\" is no host name", o->server_name);
        return false;
    }
    o->tls = origin_tls_create(o, options, error, error_size);
    return o->tls != NULL;
}

origin *origin_create(const origin_options *options, char *error, size_t error_size)
{
    origin *o = kit_calloc(1, sizeof(*o));
    atomic_init(&o->owners, 1);
    atomic_init(&o->references, 1);
    breaker_init(&o->breaker);
    o->name = kit_strdup(options->name);
    o->connections_max = options->connections_max > 0 ? options->connections_max : 1;
    o->waiting_max = options->waiting_max;
    o->connect_timeout_ms = options->connect_timeout_ms;
    o->idle_timeout_ms = options->idle_timeout_ms;
    o->resolve_interval_ms = options->resolve_interval_ms;
    if (!origin_fill(o, options, error, error_size)) {
        origin_free(o);
        return NULL;
    }
    return o;
}

origin *origin_hold(origin *o)
{
    atomic_fetch_add_explicit(&o->references, 1, memory_order_relaxed);
    return o;
}

void origin_drop(origin **o)
{
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

circuit origin_circuit(const origin *o)
{
    return (circuit)atomic_load_explicit(&o->breaker.state, memory_order_relaxed);
}
