/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a request: query strings and forms are decoded and validated, or refused with a
 * fault that can be shown. */
#include "decode_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_check(decode_form, (cmp_str){(const char *)data, size});
    return 0;
}
