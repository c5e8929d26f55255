/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as the content of a code, for a browser: what comes out can stand in a field of HTTP,
 * and is a URI, of which nothing more is to be mapped. */
#include "mc/location.h"

#include <cmp-kit/text.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const cmp_str content = {(const char *)data, size};
    const cmp_str location = location_of(content, &memory);
    if (location.at != NULL) {
        must(kit_ascii_visible(location));
        must(kit_ascii_equal_fold((cmp_str){location.at, 4}, CMP_STR("http")));
        must(memchr(location.at, '\\', location.size) == NULL);
        const cmp_str again = location_of(location, &memory);
        must(again.at == location.at && again.size == location.size);
    }
    kit_arena_reset(&memory);
    return 0;
}
