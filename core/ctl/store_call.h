/* SPDX-License-Identifier: Apache-2.0 */
/* One look-up in a store from a program that has no workers: a loop and a pool of its own, and a
 * request that holds nothing but the ICI. */
#pragma once

#include "plugin/instance.h"

#include <cmp-kit/arena.h>

typedef struct store_call store_call;

/* Starts the instance and its one worker; instance->site gets a loop and a pool. */
store_call *store_call_open(instance *i);

/* Asks and waits. With CMP_STORE_FOUND the record is in *json, in `memory`, as record_write writes
 * it. */
CMP_MUST_USE cmp_store_verdict store_call_lookup(store_call *c, cmp_str ici, kit_arena *memory,
                                                 cmp_str *json);

/* Ends the worker; the instance is to be destroyed next. NULL is fine. */
void store_call_close(store_call *c);

/* After the instance was destroyed. */
void store_call_free(store_call **c);
