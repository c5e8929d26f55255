/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of JSON without a tree. Texts are nearly always plain ASCII, so that runs of it are what
 * this is fast at. */
#include "mc/json_write.h"

#include "mc/json_plain.h"

#include <cmp-kit/text.h>

/* Without memory to write to, it counts. Both runs are one function, so that the size cannot be
 * another than what is written. */
void json_put(json_out *out, cmp_str octets)
{
    if (out->to != NULL && octets.size > 0) {
        memcpy(out->to + out->size, octets.at, octets.size);
    }
    out->size += octets.size;
}

static void put_control(json_out *out, uint8_t octet)
{
    char text[6] = {'\\', 'u', '0', '0'};
    kit_hex_encode(&octet, 1, text + 4);
    json_put(out, (cmp_str){text, sizeof(text)});
}

/* One character that is not plain; returns how many octets of the text it took. Octets that are no
 * UTF-8 reach this in problems, which quote what was refused for being so. */
static size_t put_special(json_out *out, cmp_str text)
{
    const uint8_t octet = (uint8_t)text.at[0];
    static const char escapes[0x60][3] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r",
        ['\t'] = "\\t", ['"'] = "\\\"", ['\\'] = "\\\\"};
    if (octet < sizeof(escapes) / sizeof(escapes[0])) {
        if (escapes[octet][0] != '\0') {
            json_put(out, (cmp_str){escapes[octet], 2});
        } else {
            put_control(out, octet);
        }
        return 1;
    }
    const size_t size = kit_utf8_first(text);
    if (size == 0) {
        json_put(out, CMP_STR("\xEF\xBF\xBD")); /* U+FFFD */
        return 1;
    }
    json_put(out, (cmp_str){text.at, size});
    return size;
}

void json_put_string(json_out *out, cmp_str text)
{
    json_put(out, CMP_STR("\""));
    while (text.size > 0) {
        size_t done = out->plain ? text.size : json_plain_run(text);
        json_put(out, (cmp_str){text.at, done});
        if (done < text.size) {
            out->escaped = true;
            done += put_special(out, (cmp_str){text.at + done, text.size - done});
        }
        text.at += done;
        text.size -= done;
    }
    json_put(out, CMP_STR("\""));
}

void json_put_number(json_out *out, uint64_t number)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    json_put(out, (cmp_str){text + at, sizeof(text) - at});
}
