/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults that rows cannot say, as they depend on other values: what is right for listeners on
 * which peers ask is not for those on which anybody may. Between reading and checking. */
#include "conf/internal.h"

#include "base/interface.h"

/* What one connection can bring into one turn of the loop is what lies in its buffer: few octets
 * keep a flood of small frames from holding up the others. They also bound what is on its way to
 * us, and with it the rate of one connection: at 50 ms of way 16 KiB are 1,600 requests a second of
 * 160 octets, or 550 of 600 (tests/long.sh delay). Enough for a handset, but not for a peer. */
#define RECEIVE_BUFFER_ANONYMOUS (INT64_C(16) * 1024)
#define RECEIVE_BUFFER_PEERS     (INT64_C(64) * 1024)

bool conf_listener_anonymous(const conf_listener *l)
{
    for (cmp_interface i = 0; i < CMP_INTERFACE_MAX; i++) {
        if (interface_in(l->interfaces, i) && interfaces[i].anonymous) {
            return true;
        }
    }
    return false;
}

/* Thousands of handsets share the address of a carrier; and peers come from a few. */
#define SOURCE_CONNECTIONS_PART_ANONYMOUS 2
#define SOURCE_CONNECTIONS_PART_PEERS     8
#define SOURCE_CONNECTS_ANONYMOUS         (INT64_C(500) * 3600)
#define SOURCE_CONNECTS_PEERS             (INT64_C(200) * 3600)

/* 0 is what the rows leave when nothing was written: no operator can mean it, for their bounds
 * begin above it. */
static void derive_listener(conf_listener *l, int64_t connections)
{
    const bool anonymous = conf_listener_anonymous(l);
    if (l->source_connections == 0) {
        const int64_t part =
            anonymous ? SOURCE_CONNECTIONS_PART_ANONYMOUS : SOURCE_CONNECTIONS_PART_PEERS;
        l->source_connections = connections > part ? connections / part : 1;
    }
    if (l->source_connects == 0) {
        l->source_connects = anonymous ? SOURCE_CONNECTS_ANONYMOUS : SOURCE_CONNECTS_PEERS;
    }
    if (l->receive_buffer_bytes == 0) {
        l->receive_buffer_bytes = anonymous ? RECEIVE_BUFFER_ANONYMOUS : RECEIVE_BUFFER_PEERS;
    }
}

/* Half of all connections is divided among the listeners; those that name no share get even parts
 * of what the others leave of it. The other half is for whoever comes first: a share keeps a busy
 * listener from shutting out another, and is no cap. */
static void derive_shares(conf_listener *listeners, size_t count, int64_t connections)
{
    int64_t left = connections / 2;
    size_t without = 0;
    for (size_t i = 0; i < count; i++) {
        left -= listeners[i].connections;
        without += listeners[i].connections == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (listeners[i].connections == 0 && left > 0) {
            listeners[i].connections = left / (int64_t)without;
        }
    }
}

#define JOURNAL_SEGMENT_SIZE (INT64_C(64) * 1024 * 1024)

static void derive_journal(conf_journal *j)
{
    if (j->segment_bytes == 0) {
        const int64_t most = j->keep_bytes / CONF_SEGMENTS_LEAST;
        j->segment_bytes = most < JOURNAL_SEGMENT_SIZE ? most : JOURNAL_SEGMENT_SIZE;
    }
}

void conf_derive(conf *c)
{
    /* The rows are the configuration's own memory; only for others are they read-only. */
    conf_listener *listeners = (conf_listener *)(uintptr_t)c->top.listeners.at;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        derive_listener(&listeners[i], c->top.limits.connections);
    }
    derive_shares(listeners, c->top.listeners.count, c->top.limits.connections);
    derive_journal(&c->top.journal);
}
