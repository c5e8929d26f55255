/* SPDX-License-Identifier: Apache-2.0 */
/* See location.h; asked by pipeline/encode.c for a browser alone. The content is the code owner's
 * text: nothing of it may end the field of the answer or begin another. */
#include "mc/location.h"

#include "base/names.h"

#include <cmp-kit/text.h>

#include <idn2.h>

/* Of a host as it is written. One of IDNA has at most 253 octets; a character of it can be written
 * in several, but not in so many that more room would ever be needed. */
#define HOST_SIZE_MAX ((size_t)1024)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    const char lower = kit_ascii_lower(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

static bool is_one_of(char c, const char *characters)
{
    return c != '\0' && strchr(characters, c) != NULL;
}

/* RFC 3986, 2.2 and 2.3: what may stand in a URI as it is. */
static bool is_plain(char c)
{
    return is_alphanumeric(c) || is_one_of(c, "-._~:/?#[]@!$&'()*+,;=");
}

static bool is_escape(const char *at, const char *end)
{
    return end - at >= 3 && *at == '%' && kit_hex_value(at[1]) != 0xFF &&
           kit_hex_value(at[2]) != 0xFF;
}

/* ---- characters (RFC 3987, 2.2) ---- */

static uint32_t code_point(const char *at, size_t size)
{
    uint32_t code = (uint8_t)at[0] & (size == 1 ? 0x7FU : 0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        code = code << 6 | ((uint8_t)at[i] & 0x3FU);
    }
    return code;
}

/* No controls, no noncharacters, and none that turn the direction of the text (4.1): a person would
 * read another address than the one that is gone to. Private ones are let through everywhere, for
 * they are escaped. */
static bool is_text(uint32_t code)
{
    const bool turns = code == 0x061C || code == 0x200E || code == 0x200F ||
                       (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    const bool none = (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE ||
                      (code >= 0xFFF0 && code <= 0xFFFD) || (code >= 0xE0000 && code <= 0xE0FFF);
    return code >= 0xA0 && !turns && !none;
}

/* Whether every character may stand in an IRI, or is one of ASCII that can be escaped in its place.
 * White space is none: where it would end, nobody knows. */
static bool is_iri(cmp_str text)
{
    while (text.size > 0) {
        const size_t size = kit_utf8_first(text);
        const uint8_t first = (uint8_t)*text.at;
        if (size == 0 || (size == 1 && (first <= 0x20 || first == 0x7F)) ||
            (size > 1 && !is_text(code_point(text.at, size)))) {
            return false;
        }
        text = (cmp_str){text.at + size, text.size - size};
    }
    return true;
}

/* ---- the parts ---- */

/* The size of `http://` or `https://`; 0: it has another scheme. */
static size_t scheme_size(cmp_str text)
{
    static const cmp_str schemes[] = {{"https://", 8}, {"http://", 7}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const size_t size = schemes[i].size;
        if (text.size > size && kit_ascii_equal_fold((cmp_str){text.at, size}, schemes[i])) {
            return size;
        }
    }
    return 0;
}

/* What stands between the slashes and the path, in parts. */
typedef struct authority {
    cmp_str user; /* with its @, or empty */
    cmp_str host; /* with its brackets */
    cmp_str port; /* with its colon, or empty */
} authority;

/* The host ends at the last colon, unless that stands inside brackets. */
static authority authority_split(cmp_str text)
{
    authority a = {CMP_STR(""), text, CMP_STR("")};
    const char *at = memrchr(text.at, '@', text.size);
    if (at != NULL) {
        const size_t user = (size_t)(at + 1 - text.at);
        a.user = (cmp_str){text.at, user};
        a.host = (cmp_str){at + 1, text.size - user};
    }
    const char *colon = a.host.size > 0 ? memrchr(a.host.at, ':', a.host.size) : NULL;
    if (colon != NULL && memchr(colon, ']', a.host.size - (size_t)(colon - a.host.at)) == NULL) {
        a.port = (cmp_str){colon, a.host.size - (size_t)(colon - a.host.at)};
        a.host.size -= a.port.size;
    }
    return a;
}

/* 3.2.1. Not escaped where it is none: browsers end the host at a backslash. */
static bool user_good(cmp_str user)
{
    const char *const end = user.at + user.size;
    for (const char *c = user.at; c + 1 < end; c++) {
        if ((*c & 0x80) == 0 && !is_alphanumeric(*c) && !is_one_of(*c, "-._~!$&'()*+,;=:") &&
            !is_escape(c, end)) {
            return false;
        }
    }
    return true;
}

static bool port_good(cmp_str port)
{
    int64_t number;
    return port.size <= 1 ||
           kit_number_parse((cmp_str){port.at + 1, port.size - 1}, 0, 65535, &number);
}

static bool is_ascii(cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((text.at[i] & 0x80) != 0) {
            return false;
        }
    }
    return true;
}

/* RFC 3986, 3.2.2: a name, or an address in brackets. */
static bool host_good(cmp_str host)
{
    const bool bracketed = host.size > 2 && *host.at == '[' && host.at[host.size - 1] == ']';
    const char *end = host.at + host.size - (bracketed ? 1 : 0);
    for (const char *c = host.at + (bracketed ? 1 : 0); c < end; c++) {
        if (!is_alphanumeric(*c) && !is_one_of(*c, bracketed ? ".:" : "-._~!$&'()*+,;=") &&
            (bracketed || !is_escape(c, end))) {
            return false;
        }
    }
    return host.size > 0;
}

/* A name that is not of ASCII, by IDNA, where UTS 46 maps capitals and full-width forms: also to a
 * slash or an at sign, so the outcome is judged. (libidn2's own rules for host names are no help:
 * they leave such characters out, which makes another name.) */
static cmp_str host_by_idna(cmp_str host, kit_arena *memory)
{
    char *name = NULL;
    if (host.size > HOST_SIZE_MAX ||
        idn2_to_ascii_8z(kit_arena_text(memory, host), &name,
                         IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) {
        return CMP_NONE;
    }
    const cmp_str mapped = kit_arena_copy(memory, cmp_str_from(name));
    idn2_free(name);
    return host_valid(mapped) ? mapped : CMP_NONE;
}

/* ---- the whole ---- */

typedef struct writer {
    char *at;
    size_t size;
} writer;

static void put(writer *w, cmp_str text)
{
    memcpy(w->at + w->size, text.at, text.size);
    w->size += text.size;
}

/* An escape stays; a percent sign that begins none is one that was meant. */
static void put_escaped(writer *w, cmp_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *const end = text.at + text.size;
    for (const char *c = text.at; c < end; c++) {
        if (is_plain(*c) || is_escape(c, end)) {
            w->at[w->size++] = *c;
        } else {
            const char escape[] = {'%', digits[(uint8_t)*c >> 4], digits[(uint8_t)*c & 15]};
            put(w, (cmp_str){escape, sizeof(escape)});
        }
    }
}

static bool needs_no_mapping(cmp_str text)
{
    const char *const end = text.at + text.size;
    for (const char *c = text.at; c < end; c++) {
        if (!is_plain(*c) && !is_escape(c, end)) {
            return false;
        }
    }
    return true;
}

cmp_str location_of(cmp_str content, kit_arena *memory)
{
    const size_t head = scheme_size(content);
    if (head == 0 || !is_iri(content)) {
        return CMP_NONE;
    }
    size_t size = 0;
    while (head + size < content.size && !is_one_of(content.at[head + size], "/?#")) {
        size++;
    }
    const authority a = authority_split((cmp_str){content.at + head, size});
    const cmp_str host = is_ascii(a.host) ? a.host : host_by_idna(a.host, memory);
    if (host.at == NULL || !host_good(host) || !port_good(a.port) || !user_good(a.user)) {
        return CMP_NONE;
    }
    if (needs_no_mapping(content)) {
        return content;
    }
    const cmp_str rest = {content.at + head + size, content.size - head - size};
    writer w = {kit_arena_alloc(memory, 3 * content.size + host.size), 0};
    put(&w, (cmp_str){content.at, head});
    put_escaped(&w, a.user);
    put(&w, host);
    put(&w, a.port);
    put_escaped(&w, rest);
    return (cmp_str){w.at, w.size};
}
