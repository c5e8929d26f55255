/* SPDX-License-Identifier: Apache-2.0 */
/* See table.h. */
#include "host/table.h"

#include "host/ops.h"
#include "host/services.h"
#include "host/txn.h"

static void control_misuse(void *owner, const char *service, const char *how)
{
    host *h = owner;
    h->misuse(h, service, how);
}

bool host_init(host *h, void *owner, void (*misuse)(host *h, const char *service, const char *how),
               int64_t (*control_ms)(void *h), bool keeps)
{
    memset(h, 0, sizeof(*h));
    h->owner = owner;
    h->misuse = misuse;
    kit_arena_init(&h->memory, NULL, 0);
    kit_arena_init(&h->chosen.memory, NULL, 0);
    pthread_mutex_init(&h->lock, NULL);
    host_metrics_init(&h->metrics);
    h->keys = host_keys_copy(NULL, 0);
    h->table.size = sizeof(h->table);
    h->table.core = h;
    h->table.folder = ".";
    host_op_services(&h->table);
    host_txn_services(&h->table);
    host_loop_services(&h->table);
    host_other_services(&h->table);
    return host_loop_init(&h->control, h, control_ms, control_misuse, keeps);
}
