/* SPDX-License-Identifier: Apache-2.0 */
/* See field.h. What two readers could take for two different things is no value here. */
#include "base/field.h"

#include <cmp-kit/text.h>

#include <arpa/inet.h>

#define PORT_MAX 65535

/* ---- tokens ---- */

/* Sets of ASCII: octet o is in one when bit o % 64 of its word o / 64 is set. */
typedef uint64_t octet_set[2];

/* Letters, digits and !#$%&'*+-.^_`|~ */
static const octet_set token_octets = {0x03FF6CFA00000000, 0x57FFFFFFC7FFFFFE};

/* Letters, digits, -._~ and !$&'()*+,;= : unreserved and sub-delims of RFC 3986, 2.2 and 2.3. */
static const octet_set name_octets = {0x2BFF7FD200000000, 0x47FFFFFE87FFFFFE};

static bool is_in(const octet_set set, char c)
{
    const uint8_t octet = (uint8_t)c;
    return octet < 128 && (set[octet / 64] >> (octet % 64) & 1) != 0;
}

size_t field_token_size(cmp_str text)
{
    size_t size = 0;
    while (size < text.size && is_in(token_octets, text.at[size])) {
        size++;
    }
    return size;
}

bool field_is_token(cmp_str text)
{
    return text.size > 0 && field_token_size(text) == text.size;
}

bool field_is_framing(cmp_str name)
{
    static const char *const names[] = {
        "connection", "content-length",    "expect",
        "host",       "keep-alive",        "http2-settings",
        "te",         "proxy-connection",  "trailer",
        "upgrade",    "transfer-encoding",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cmp_str_equal(cmp_str_from(names[i]), name)) {
            return true;
        }
    }
    return false;
}

/* ---- lists and parameters ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

cmp_str field_trim(cmp_str text)
{
    while (text.size > 0 && is_space(text.at[0])) {
        text.at++;
        text.size--;
    }
    while (text.size > 0 && is_space(text.at[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* Where the separator stands outside of quotes, or the text's end. */
static size_t find_separator(cmp_str text, char separator)
{
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '"') {
            quoted = !quoted;
        } else if (quoted && text.at[i] == '\\') {
            i++;
        } else if (!quoted && text.at[i] == separator) {
            return i;
        }
    }
    return text.size;
}

cmp_str field_cut(cmp_str *rest, char separator)
{
    const cmp_str part = {rest->at, find_separator(*rest, separator)};
    const size_t used = part.size < rest->size ? part.size + 1 : part.size;
    rest->at += used;
    rest->size -= used;
    return field_trim(part);
}

bool field_lists(cmp_str list, cmp_str token)
{
    while (list.size > 0) {
        if (kit_ascii_equal_fold(field_cut(&list, ','), token)) {
            return true;
        }
    }
    return false;
}

cmp_str field_media_type(cmp_str value)
{
    return field_cut(&value, ';');
}

/* weight = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3"0" ], in thousandths; -1 when it is none. */
static int read_weight(cmp_str text)
{
    static const int places[] = {1000, 0, 100, 10, 1};
    int weight = 0;
    if (text.size == 0 || text.size > 5) {
        return -1;
    }
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        if (i == 1 ? c != '.' : c < '0' || c > '9') {
            return -1;
        }
        weight += i == 1 ? 0 : (c - '0') * places[i];
    }
    return weight <= 1000 ? weight : -1;
}

int field_quality(cmp_str parameters)
{
    while (parameters.size > 0) {
        const cmp_str p = field_cut(&parameters, ';');
        if (p.size >= 2 && kit_ascii_lower(p.at[0]) == 'q' && p.at[1] == '=') {
            const int weight = read_weight((cmp_str){p.at + 2, p.size - 2});
            return weight > 0 ? weight : 0;
        }
    }
    return 1000;
}

/* ---- hosts ---- */

/* The reg-name of RFC 3986, 3.2.2; an IPv4 address is one, too. Wider than a host name: what a
 * client calls us by is only checked for octets that could end the field or mean something else to
 * the next reader. Who is meant is never taken from it. */
static bool name_valid(cmp_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t unused;
        if (name.at[i] == '%') {
            if (name.size - i < 3 || !kit_hex_decode((cmp_str){name.at + i + 1, 2}, &unused, 1)) {
                return false;
            }
            i += 2;
        } else if (!is_in(name_octets, name.at[i])) {
            return false;
        }
    }
    return true;
}

/* Without a zone, which means something on the sender's machine only, and without IPvFuture, which
 * nobody has. */
static bool ipv6_valid(cmp_str text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr unused;
    if (text.size >= sizeof(address) || memchr(text.at, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(address, text.at, text.size);
    address[text.size] = '\0';
    return inet_pton(AF_INET6, address, &unused) == 1;
}

/* What follows the name: nothing, or a colon and the digits of a port, which may be none. */
static bool port_valid(cmp_str text)
{
    int64_t unused;
    return text.size == 0 ||
           (text.at[0] == ':' &&
            (text.size == 1 ||
             kit_number_parse((cmp_str){text.at + 1, text.size - 1}, 0, PORT_MAX, &unused)));
}

bool field_host_valid(cmp_str value)
{
    if (value.size == 0) {
        return true;
    }
    const bool bracketed = value.at[0] == '[';
    const char *end = memchr(value.at, bracketed ? ']' : ':', value.size);
    if (bracketed) {
        return end != NULL && ipv6_valid((cmp_str){value.at + 1, (size_t)(end - value.at) - 1}) &&
               port_valid((cmp_str){end + 1, value.size - (size_t)(end - value.at) - 1});
    }
    const size_t size = end != NULL ? (size_t)(end - value.at) : value.size;
    return name_valid((cmp_str){value.at, size}) &&
           port_valid((cmp_str){value.at + size, value.size - size});
}

bool field_traceparent_valid(cmp_str value)
{
    static const char form[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    for (size_t i = 0; i < value.size && value.size == sizeof(form) - 1; i++) {
        const char c = value.at[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (form[i] == 'h' ? !hex : c != '-') {
            return false;
        }
    }
    return value.size == sizeof(form) - 1;
}
