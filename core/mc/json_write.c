/* Writing of JSON without a tree. Texts are nearly always plain ASCII, so that runs of it are what
 * this is fast at. */
#include "mc/json_write.h"

#include "base/text.h"

#define EACH(octet)      (UINT64_C(0x0101010101010101) * (octet))
#define ZERO_OCTET(word) (((word)-EACH(0x01)) & ~(word))

/* Goes as it is: ASCII from the space on, but no quote and no backslash. */
static bool plain(char c)
{
    return c >= 0x20 && (uint8_t)c < 0x80 && c != '"' && c != '\\';
}

static bool eight_plain(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    const uint64_t quote = eight ^ EACH('"'), backslash = eight ^ EACH('\\');
    const uint64_t special =
        eight | (eight - EACH(0x20)) | ZERO_OCTET(quote) | ZERO_OCTET(backslash);
    return (special & EACH(0x80)) == 0;
}

static size_t plain_run(cmp_str text)
{
    size_t i = 0;
    while (text.size - i >= 8 && eight_plain(text.at + i)) {
        i += 8;
    }
    while (i < text.size && plain(text.at[i])) {
        i++;
    }
    return i;
}

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
    hex_encode(&octet, 1, text + 4);
    json_put(out, (cmp_str){text, sizeof(text)});
}

/* One character that is not plain; returns how many octets of the text it took. */
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
    const size_t size = utf8_first(text);
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
        size_t done = plain_run(text);
        json_put(out, (cmp_str){text.at, done});
        if (done < text.size) {
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
