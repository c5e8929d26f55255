/* Accessors of opaque transactions, and copies of what they show. */
#include "mc/request.h"

static cmp_str txn_param(const cmp_txn *r, cmp_param param)
{
    return (unsigned)param < CMP_PARAM_MAX ? r->message.params[param] : CMP_NONE;
}

static const cmp_pair *txn_contextual(const cmp_txn *r, size_t index)
{
    return index < r->message.contextual_count ? &r->message.contextual[index] : NULL;
}

static const uint8_t *txn_source(const cmp_txn *r)
{
    return r->source;
}

static cmp_str txn_listener(const cmp_txn *r)
{
    return r->listener;
}

static cmp_interface txn_interface(const cmp_txn *r)
{
    return r->interface;
}

static cmp_str txn_peer(const cmp_txn *r)
{
    return r->requestor;
}

static int64_t txn_now_ms(const cmp_txn *r)
{
    return r->now_ms;
}

static void *txn_alloc(cmp_txn *r, size_t size)
{
    return kit_arena_alloc(r->memory, size);
}

/* In the host's table and not functions that a plugin links to: it needs nothing of ours to be
 * loaded, and tests give it a table of their own. */
void request_services(cmp_host *host)
{
    host->txn_param = txn_param;
    host->txn_contextual = txn_contextual;
    host->txn_source = txn_source;
    host->txn_listener = txn_listener;
    host->txn_interface = txn_interface;
    host->txn_peer = txn_peer;
    host->txn_now_ms = txn_now_ms;
    host->txn_alloc = txn_alloc;
}

/* Called before the first wait: the front frees its request when the client goes, and the octets
 * with it (a resolve that never waits copies nothing). */
void request_own(cmp_txn *r)
{
    message *m = &r->message;
    for (size_t i = 0; i < CMP_PARAM_MAX; i++) {
        m->params[i] = kit_arena_copy(r->memory, m->params[i]);
    }
    const cmp_pair *borrowed = m->contextual;
    if (m->contextual_count > 0) {
        m->contextual = kit_arena_alloc(r->memory, m->contextual_count * sizeof(*m->contextual));
    }
    for (size_t i = 0; i < m->contextual_count; i++) {
        m->contextual[i] = (cmp_pair){.name = kit_arena_copy(r->memory, borrowed[i].name),
                                      .value = kit_arena_copy(r->memory, borrowed[i].value)};
    }
}

/* For threads of the pool: what a blocking plugin is shown is its own, and stays as it is when the
 * transaction has ended. */
void request_copy(cmp_txn *to, const cmp_txn *from, kit_arena *memory)
{
    *to = *from;
    to->memory = memory;
    request_own(to);
}
