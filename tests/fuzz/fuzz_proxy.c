/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a header of the PROXY protocol: what is read of them does not depend on how many
 * come at once. */
#include "http/proxy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_whole(const proxy_header *h)
{
    static const uint8_t none[16] = {0};
    must(h->size >= sizeof("PROXY UNKNOWN\r\n") - 1 && h->size <= PROXY_SIZE_MAX);
    must(h->origin == PROXY_ORIGIN_ADDRESS || memcmp(h->source, none, sizeof(none)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    proxy_header all, some;
    const proxy_state state = proxy_read(data, size, &all);
    proxy_state before = PROXY_INCOMPLETE;
    const size_t most = size < PROXY_SIZE_MAX + 8 ? size : PROXY_SIZE_MAX + 8;
    for (size_t i = 0; i <= most; i++) {
        const proxy_state now = proxy_read(data, i, &some);
        must(before == PROXY_INCOMPLETE || now == before); /* once decided, always */
        must(now != PROXY_WHOLE || i >= some.size);
        must(now != PROXY_WHOLE || before != PROXY_INCOMPLETE || i == some.size);
        before = now;
    }
    must(before == state);
    if (state == PROXY_WHOLE) {
        check_whole(&all);
        must(some.size == all.size && some.origin == all.origin);
        must(memcmp(some.source, all.source, sizeof(all.source)) == 0);
    }
    return 0;
}
