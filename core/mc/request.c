/* Copies of requests, for when what they borrow may go away. */
#include "mc/request.h"

/* Called before the first wait: the front frees its request when the client goes, and the octets
 * with it (a resolve that never waits copies nothing). */
void request_own(mc_request *r)
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
void request_copy(mc_request *to, const mc_request *from, kit_arena *memory)
{
    *to = *from;
    to->memory = memory;
    request_own(to);
}
