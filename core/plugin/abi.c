/* See abi.h. */
#include "plugin/abi.h"

#include <assert.h>

/* By minor. While a minor is open its sizes are whatever the headers say. */
static const size_t sizes[CMP_ABI_MINOR + 1][ABI_STRUCTS] = {
    {
#define SIZE(name) sizeof(name),
        ABI_LIST(SIZE)
#undef SIZE
    },
};

static const size_t ours[ABI_STRUCTS] = {
#define SIZE(name) sizeof(name),
    ABI_LIST(SIZE)
#undef SIZE
};

size_t abi_size(unsigned minor, abi_struct of)
{
    assert(minor <= CMP_ABI_MINOR);
    return sizes[minor][of];
}

void abi_read(unsigned minor, abi_struct of, void *to, const void *from)
{
    const size_t size = abi_size(minor, of);
    memcpy(to, from, size);
    memset((char *)to + size, 0, ours[of] - size);
}
