/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of requests, for when what they borrow may go away. */
#include "mc/request.h"

static cmp_pair *own_pairs(const cmp_pair *borrowed, size_t count, kit_arena *memory)
{
    cmp_pair *owned = count > 0 ? kit_arena_alloc(memory, count * sizeof(*owned)) : NULL;
    for (size_t i = 0; i < count; i++) {
        owned[i] = (cmp_pair){.name = kit_arena_copy(memory, borrowed[i].name),
                              .value = kit_arena_copy(memory, borrowed[i].value)};
    }
    return owned;
}

/* The connection that showed it may end before the request does. */
static const cmp_certificate *own_certificate(const cmp_certificate *borrowed, kit_arena *memory)
{
    if (borrowed == NULL) {
        return NULL;
    }
    cmp_certificate *owned = kit_arena_alloc(memory, sizeof(*owned));
    *owned = *borrowed;
    owned->subject = kit_arena_copy(memory, borrowed->subject);
    owned->names = own_pairs(borrowed->names, borrowed->name_count, memory);
    return owned;
}

/* Called before the first wait: the front frees its request when the client goes, and the octets
 * with it (a resolve that never waits copies nothing). */
void request_own(mc_request *r)
{
    message *m = &r->message;
    for (size_t i = 0; i < CMP_PARAM_MAX; i++) {
        m->params[i] = kit_arena_copy(r->memory, m->params[i]);
    }
    m->contextual = own_pairs(m->contextual, m->contextual_count, r->memory);
    r->headers = own_pairs(r->headers, r->header_count, r->memory);
    r->certificate = own_certificate(r->certificate, r->memory);
    r->traceparent = kit_arena_copy(r->memory, r->traceparent);
}

_Static_assert(CONTEXTUAL_MAX <= 32, "a bit for each");

void request_drop(mc_request *r, uint32_t which)
{
    message *m = &r->message;
    size_t kept = 0;
    for (size_t i = 0; i < m->contextual_count; i++) {
        if ((which >> i & 1) == 0) {
            m->contextual[kept++] = m->contextual[i];
        }
    }
    m->contextual_count = kept;
}

/* For threads of the pool: what a blocking plugin is shown is its own, and stays as it is when the
 * transaction has ended. */
void request_copy(mc_request *to, const mc_request *from, kit_arena *memory)
{
    *to = *from;
    to->memory = memory;
    request_own(to);
}
