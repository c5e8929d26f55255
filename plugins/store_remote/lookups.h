/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups on one worker: the store's vtable. `instance` is a struct remote. */
#pragma once

#include "remote.h"

void *lookups_worker_start(void *instance, cmp_loop *loop);
void lookups_worker_stop(void *instance, void *state);

/* There is another keyring. Control thread. */
void lookups_keys_changed(void *instance);

cmp_store_verdict lookups_lookup(void *instance, void *state, cmp_str ici, cmp_op op,
                                 cmp_record *record);
void lookups_cancel(void *instance, void *state, cmp_op op, void *data);

/* Sends what the turn has gathered. */
void lookups_turn_end(void *instance, void *state);
