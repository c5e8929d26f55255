/* SPDX-License-Identifier: Apache-2.0 */
/* Those functions of a store that pass records outside of operations, whatever minor of the ABI it
 * was made for. */
#pragma once

#include "plugin/instance.h"

/* cmp_store_ops.scan, which the store has; `visit` gets records in our layout. */
CMP_MUST_USE bool store_scan(const instance *store, cmp_str after, cmp_store_visit visit, void *arg,
                             char *error, size_t error_size);

/* cmp_store_ops.put, which the store has. */
CMP_MUST_USE bool store_put(const instance *store, void *write, cmp_str ici,
                            const cmp_record *record, char *error, size_t error_size);
