/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of an origin's host: looked up on the pool, kept by each lane for a while. */
#include "outbound/wire.h"

#include <cmp-kit/memory.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define STALE_USE_MS 1000 /* how long old addresses are used when the look-up fails */

struct resolve_job {
    lane *lane; /* NULL: it has gone */
    char *host;
    uint16_t port;
    int family;
    int error; /* of getaddrinfo */
    unsigned count;
    endpoint found[ADDRESSES_MAX];
};

/* On a pool thread. */
static void look_up(void *arg)
{
    resolve_job *job = arg;
    const struct addrinfo hints = {.ai_family = job->family,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", job->port);
    /* Blocks for as long as the resolver likes, which no worker could. */
    job->error = getaddrinfo(job->host, port, &hints, &list);
    if (job->error != 0) {
        return;
    }
    for (const struct addrinfo *i = list; i != NULL && job->count < ADDRESSES_MAX; i = i->ai_next) {
        endpoint *a = &job->found[job->count++];
        memcpy(&a->at, i->ai_addr, i->ai_addrlen);
        a->size = i->ai_addrlen;
    }
    freeaddrinfo(list);
}

static wire *first_resolving(const lane *l)
{
    wire *w = TAILQ_FIRST(&l->wires);
    while (w != NULL && w->state != WIRE_RESOLVING) {
        w = TAILQ_NEXT(w, entry);
    }
    return w;
}

static void job_free(resolve_job *job)
{
    free(job->host);
    free(job);
}

/* Old addresses are better than none. */
static const char *lane_learn(lane *l, const resolve_job *job)
{
    const uint64_t now = clock_monotonic_ms();
    if (job->count > 0) {
        memcpy(l->addresses, job->found, sizeof(job->found[0]) * job->count);
        l->address_count = job->count;
        /* getaddrinfo has sorted them (RFC 6724). */
        l->address_first = 0;
        l->addresses_until_ms = now + l->origin->resolve_interval_ms;
        return NULL;
    }
    l->addresses_until_ms = now + STALE_USE_MS;
    if (l->address_count > 0) {
        return NULL;
    }
    return job->error != 0 ? gai_strerror(job->error) : "the host has no address";
}

static void on_looked_up(void *arg)
{
    resolve_job *job = arg;
    lane *l = job->lane;
    if (l != NULL) {
        l->resolving = NULL;
        const char *failure = lane_learn(l, job);
        for (wire *w = first_resolving(l); w != NULL; w = first_resolving(l)) {
            wire_resolved(w, failure);
        }
        lane_wake(l);
    }
    job_free(job);
}

resolve_result resolve_addresses(lane *l)
{
    const origin *o = l->origin;
    if (o->numeric) {
        l->addresses[0] = o->fixed;
        l->address_count = 1;
        return RESOLVE_READY;
    }
    if (l->address_count > 0 && clock_monotonic_ms() < l->addresses_until_ms) {
        return RESOLVE_READY;
    }
    if (l->resolving == NULL) {
        resolve_job *job = kit_calloc(1, sizeof(*job));
        job->lane = l;
        job->host = kit_strdup(o->host);
        job->port = o->port;
        job->family = o->source.size != 0 ? o->source.at.ss_family : AF_UNSPEC;
        /* No instance's share: plugins that hang leave the look-ups their part of the threads. */
        if (!pool_submit(l->owner->pool, NULL, l->owner->loop, look_up, on_looked_up, job)) {
            job_free(job);
            return l->address_count > 0 ? RESOLVE_READY : RESOLVE_FAILED;
        }
        l->resolving = job;
    }
    return RESOLVE_LATER;
}

/* The thread cannot be called back: it ends by itself, and finds no lane. */
void resolve_abandon(lane *l)
{
    if (l->resolving != NULL) {
        l->resolving->lane = NULL;
        l->resolving = NULL;
    }
}
