/* SPDX-License-Identifier: Apache-2.0 */
/* The ICIs that a write has touched, for those who remember their records. */
#pragma once

#include "buffer.h"

#include <cmp/host.h>

typedef struct changes {
    buffer icis; /* the first ones, each ended by a NUL */
    uint64_t count;
} changes;

void changes_note(changes *c, cmp_str ici);

/* Tells the host: ICI by ICI, or all at once when they are many. */
void changes_tell(const changes *c, const cmp_host *host);

void changes_dispose(changes *c);
