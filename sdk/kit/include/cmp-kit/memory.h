/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is there: when there is none left the process says so on stderr and aborts, since a
 * daemon that overcommits hears of it too late to do anything better. For memory whose size an
 * outsider chooses, ask malloc and refuse.
 *
 * Any thread. What is returned is the caller's, and goes back with free. */
#pragma once

#include <cmp/base.h>

__BEGIN_DECLS

/* malloc, calloc, realloc and strdup; never NULL. A size of 0 is as good as 1. kit_alloc's octets
 * and those that kit_realloc adds are not initialised. */
void *kit_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *kit_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *kit_realloc(void *at, size_t size) __attribute__((returns_nonnull));
char *kit_strdup(const char *text) __attribute__((malloc, returns_nonnull));

/* `at`, which another library has allocated; the same end when it is NULL. */
void *kit_must(void *at) __attribute__((returns_nonnull));

__END_DECLS
