/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as Accept-Language: what comes out are two letters of the field, or nothing. */
#include "base/accept_language.h"

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
    const cmp_str field = {(const char *)data, size};
    accept_language a = {.quality = 0};
    accept_language_read(&a, field);
    must(a.ranges <= ACCEPT_LANGUAGE_RANGES_MAX);
    must((a.code.at != NULL) == (a.quality > 0) && a.quality <= 1000);
    if (a.code.at != NULL) {
        must(a.code.size == 2 && a.code.at >= field.at && a.code.at + 2 <= field.at + field.size);
        for (size_t i = 0; i < 2; i++) {
            const char c = kit_ascii_lower(a.code.at[i]);
            must(c >= 'a' && c <= 'z');
        }
        accept_language again = {.quality = 0};
        accept_language_read(&again, a.code);
        must(cmp_str_equal(again.code, a.code) && again.quality == 1000);
    }
    return 0;
}
