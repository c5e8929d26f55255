/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the addresses of all listeners together: two of them cannot be bound at once when one is
 * the other, or takes its port of every address. */
#include "conf/bind.h"
#include "conf/internal.h"

#include <cmp-kit/memory.h>

#include <netinet/in.h>
#include <stdlib.h>

typedef struct bound {
    conf_bind bind;
    const char *text; /* as it was written */
    const char *path;
} bound;

typedef struct bounds {
    const conf *c;
    cmp_report *report;
    kit_arena memory;
    bound *at;
    size_t count, room;
} bounds;

static bool has_v4(const bound *b)
{
    return b->bind.both_families || b->bind.at.at.ss_family == AF_INET;
}

static bool has_v6(const bound *b)
{
    return b->bind.at.at.ss_family == AF_INET6;
}

/* 0.0.0.0, [::] and *. */
static bool is_any(const bound *b)
{
    if (b->bind.at.at.ss_family == AF_INET) {
        return ((const struct sockaddr_in *)&b->bind.at.at)->sin_addr.s_addr == INADDR_ANY;
    }
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&b->bind.at.at)->sin6_addr);
}

static bool same_address(const bound *a, const bound *b)
{
    uint8_t x[16], y[16];
    endpoint_octets(&a->bind.at, x);
    endpoint_octets(&b->bind.at, y);
    return memcmp(x, y, sizeof(x)) == 0;
}

/* Port 0 is any free one, and so it is never taken twice. */
static bool collide(const bound *a, const bound *b)
{
    return endpoint_port(&a->bind.at) == endpoint_port(&b->bind.at) &&
           ((has_v4(a) && has_v4(b)) || (has_v6(a) && has_v6(b))) &&
           (is_any(a) || is_any(b) || same_address(a, b));
}

static void report_collision(bounds *all, const bound *first, const bound *second)
{
    const conf_place place = conf_place_of(all->c, first->path);
    report_add(all->report, conf_place_of(all->c, second->path), second->path,
               is_any(first) == is_any(second) ? "\"%s\" is given already as \"%s\" at %s:%u:%u"
                                               : "\"%s\" has the port of \"%s\" at %s:%u:%u",
               second->text, first->text, place.file, place.line, place.column);
}

static void add(bounds *all, const char *text, const char *path)
{
    bound b = {.text = text, .path = path};
    if (!bind_parse(text, &b.bind)) {
        report_add(all->report, conf_place_of(all->c, path), path,
                   "expected an address and a port, such as 0.0.0.0:8443, [::]:8443 or *:8443");
        return;
    }
    if (endpoint_port(&b.bind.at) == 0) {
        return;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (collide(&all->at[i], &b)) {
            report_collision(all, &all->at[i], &b);
            return;
        }
    }
    if (all->count == all->room) {
        all->room = all->room != 0 ? 2 * all->room : 16;
        all->at = kit_realloc(all->at, all->room * sizeof(*all->at));
    }
    all->at[all->count++] = b;
}

/* Pair by pair: there are a handful, each of them many sockets. */
void conf_check_binds(const conf *c, cmp_report *report)
{
    bounds all = {.c = c, .report = report};
    kit_arena_init(&all.memory, NULL, 0);
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        const cmp_strings *texts = &((const conf_listener *)c->top.listeners.at)[l].bind;
        for (size_t i = 0; i < texts->count; i++) {
            add(&all, texts->at[i],
                kit_arena_printf(&all.memory, "listeners[%zu].bind[%zu]", l, i));
        }
    }
    free(all.at);
    kit_arena_reset(&all.memory);
}
