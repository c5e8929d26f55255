/* Any octets as a request: JSON bodies are decoded and validated, or refused with a fault that can
 * be shown. */
#include "decode_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_check(decode_json, (cmp_str){(const char *)data, size});
    return 0;
}
