/* SPDX-License-Identifier: Apache-2.0 */
/* See abi.h. */
#include "plugin/abi.h"

#include <assert.h>

/* By minor. Ours are what the headers say. */
static const abi_layout layouts[] = {
#include "plugin/abi_sizes.inc"
    {{
#define SIZE(name) sizeof(name),
        ABI_LIST(SIZE)
#undef SIZE
    }},
};
_Static_assert(sizeof(layouts) / sizeof(layouts[0]) == CMP_ABI_MINOR + 1,
               "abi_sizes.inc has a row for each minor before ours");

_Static_assert(sizeof(void *) == 8, "abi_sizes.inc has the figures of 64 bits");

static const abi_layout *const ours = &layouts[CMP_ABI_MINOR];

const abi_layout *abi_layout_of(unsigned minor)
{
    assert(minor <= CMP_ABI_MINOR);
    return &layouts[minor];
}

const abi_layout *abi_older(unsigned minor)
{
    const abi_layout *theirs = abi_layout_of(minor);
    for (size_t i = 0; i < ABI_STRUCTS; i++) {
        if (i != ABI_cmp_host && theirs->size[i] != ours->size[i]) {
            return theirs;
        }
    }
    return NULL;
}

void abi_read(const abi_layout *theirs, abi_struct of, void *to, const void *from)
{
    const size_t size = (theirs != NULL ? theirs : ours)->size[of];
    memcpy(to, from, size);
    memset((char *)to + size, 0, ours->size[of] - size);
}

void abi_write(const abi_layout *theirs, abi_struct of, void *to, const void *from)
{
    memcpy(to, from, (theirs != NULL ? theirs : ours)->size[of]);
}
