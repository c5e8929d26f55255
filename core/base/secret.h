/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets: wiped before it is given back. */
#pragma once

#include <cmp/base.h>

/* A copy of `from`, NUL-terminated behind its last octet; free with secret_free. */
uint8_t *secret_copy(const void *from, size_t size) __attribute__((returns_nonnull));

/* Wipes and frees *secret and nulls it; NULL is fine. `size` as given to secret_copy. */
void secret_free(uint8_t **secret, size_t size);

/* Overwrites octets in a way that the compiler keeps. */
void secret_wipe(void *at, size_t size);
