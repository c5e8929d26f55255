/* SPDX-License-Identifier: Apache-2.0 */
/* Reads single scalars for schema.c: numbers with units, names out of a list, hosts, networks. */
#include "conf/value.h"

#include "base/endpoint.h"
#include "base/names.h"
#include "conf/yaml.h"

#include <cmp-kit/text.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

/* What a parser works on: the row, the text, and where things go. */
typedef struct input {
    const cmp_option *row;
    cmp_str text;
    const char *folder;
    kit_arena *memory;
    const char *hint;
} input;

typedef bool value_parser(input *in, void *value);

/* ---- numbers ---- */

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

static const unit durations[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                 {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const unit sizes[] = {{"", 1},        {"K", 1 << 10},          {"M", 1 << 20},
                             {"G", 1 << 30}, {"T", INT64_C(1) << 40}, {NULL, 0}};
static const unit rates[] = {{"/h", 1}, {"/m", 60}, {"/s", 3600}, {NULL, 0}};

static const unit *units_of(cmp_option_type type)
{
    switch (type) {
    case CMP_OPTION_DURATION:
        return durations;
    case CMP_OPTION_SIZE:
        return sizes;
    case CMP_OPTION_RATE:
        return rates;
    default:
        return NULL;
    }
}

static bool in_bounds(const cmp_option *row, int64_t number)
{
    return row->max <= row->min || (number >= row->min && number <= row->max);
}

static bool parse_integer(input *in, void *value)
{
    int64_t number;
    if (!kit_number_parse(in->text, INT64_MIN, INT64_MAX, &number) || !in_bounds(in->row, number)) {
        return false;
    }
    *(int64_t *)value = number;
    return true;
}

/* A duration has its unit always: "30" would be seconds to some and milliseconds to others. */
static bool parse_with_unit(input *in, void *value)
{
    size_t digits = 0;
    while (digits < in->text.size && in->text.at[digits] >= '0' && in->text.at[digits] <= '9') {
        digits++;
    }
    int64_t number;
    if (!kit_number_parse((cmp_str){in->text.at, digits}, 0, INT64_MAX, &number)) {
        return false;
    }
    const cmp_str name = {in->text.at + digits, in->text.size - digits};
    const unit *u = units_of(in->row->type);
    while (u->name != NULL && !cmp_str_equal(name, cmp_str_from(u->name))) {
        u++;
    }
    /* Nothing of a unit is nothing. */
    if (u->name == NULL && !(number == 0 && name.size == 0)) {
        return false;
    }
    if (__builtin_mul_overflow(number, u->factor, &number) || !in_bounds(in->row, number)) {
        return false;
    }
    *(int64_t *)value = number;
    return true;
}

/* The largest unit that leaves no rest: units stand in order. */
void value_format(cmp_option_type type, int64_t number, char text[VALUE_TEXT_SIZE])
{
    const unit *best = NULL;
    for (const unit *u = units_of(type); u != NULL && u->name != NULL; u++) {
        if (number != 0 && number % u->factor == 0) {
            best = u;
        }
    }
    const int64_t factor = best != NULL ? best->factor : 1;
    snprintf(text, VALUE_TEXT_SIZE, "%" PRId64 "%s", number / factor,
             best != NULL ? best->name : "");
}

/* ---- texts ---- */

static bool parse_string(input *in, void *value)
{
    const int64_t size = (int64_t)in->text.size;
    if (in->row->max > 0 && (size < in->row->min || size > in->row->max)) {
        return false;
    }
    *(const char **)value = kit_arena_text(in->memory, in->text);
    return true;
}

static bool parse_text(input *in, void *value)
{
    *(const char **)value = kit_arena_text(in->memory, in->text);
    return true;
}

static bool parse_path(input *in, void *value)
{
    if (in->text.size == 0) {
        return false;
    }
    *(const char **)value = yaml_path(in->memory, in->folder, in->text);
    return true;
}

/* In lower case from here on: the checks compare hosts octet by octet. */
static bool parse_host(input *in, void *value)
{
    if (!host_valid(in->text)) {
        return false;
    }
    char *host = kit_arena_text(in->memory, in->text);
    for (char *c = host; *c != '\0'; c++) {
        *c = kit_ascii_lower(*c);
    }
    *(const char **)value = host;
    return true;
}

/* YAML 1.2 has no other: yes, on and 1 are texts. */
static bool parse_boolean(input *in, void *value)
{
    *(bool *)value = cmp_str_equal(in->text, CMP_STR("true"));
    return *(bool *)value || cmp_str_equal(in->text, CMP_STR("false"));
}

static bool parse_enum(input *in, void *value)
{
    const char *const *choices = in->row->choices;
    for (int i = 0; choices[i] != NULL; i++) {
        if (cmp_str_equal(in->text, cmp_str_from(choices[i]))) {
            *(int *)value = i;
            return true;
        }
    }
    const char *near = name_nearest(in->text, choices);
    if (near != NULL) {
        in->hint = kit_arena_printf(in->memory, "did you mean \"%s\"?", near);
    }
    return false;
}

/* ---- networks ---- */

/* Clears what lies beyond the first `bits`; false when something did. */
static bool mask(uint8_t address[16], unsigned bits)
{
    bool clean = true;
    for (unsigned i = 0; i < 16; i++) {
        const unsigned kept = bits <= 8 * i ? 0 : bits - 8 * i >= 8 ? 8 : bits - 8 * i;
        const uint8_t net = (uint8_t)(address[i] & (0xff00 >> kept));
        clean = clean && net == address[i];
        address[i] = net;
    }
    return clean;
}

static const char *format_network(kit_arena *memory, const uint8_t address[16], bool v4,
                                  int64_t bits)
{
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text, sizeof(text));
    return kit_arena_printf(memory, "did you mean %s/%" PRId64 "?", text, bits);
}

/* Networks of IPv4 are kept as IPv4-mapped ones, 96 bits longer, so that one comparison serves both
 * families. */
static bool parse_cidr(input *in, void *value)
{
    cmp_cidr net = {.bits = 0};
    const char *slash = memchr(in->text.at, '/', in->text.size);
    const size_t size = slash != NULL ? (size_t)(slash - in->text.at) : in->text.size;
    endpoint first;
    if (!endpoint_parse((cmp_str){in->text.at, size}, 0, &first)) {
        return false;
    }
    endpoint_octets(&first, net.address);
    const bool v4 = first.at.ss_family == AF_INET;
    const int64_t all = v4 ? 32 : 128;
    int64_t bits = all;
    if (slash != NULL &&
        !kit_number_parse((cmp_str){slash + 1, in->text.size - size - 1}, 0, all, &bits)) {
        return false;
    }
    net.bits = (uint8_t)(v4 ? bits + 96 : bits);
    /* An address inside the network is more often a slip than meant. */
    if (!mask(net.address, net.bits)) {
        in->hint = format_network(in->memory, net.address, v4, bits);
        return false;
    }
    *(cmp_cidr *)value = net;
    return true;
}

/* ---- the table of types ---- */

static const struct {
    value_parser *parse;
    size_t size;
    bool listed;
} types[] = {
    [CMP_OPTION_STRING] = {parse_string, sizeof(const char *), false},
    [CMP_OPTION_PATH] = {parse_path, sizeof(const char *), false},
    [CMP_OPTION_INTEGER] = {parse_integer, sizeof(int64_t), false},
    [CMP_OPTION_DURATION] = {parse_with_unit, sizeof(int64_t), false},
    [CMP_OPTION_SIZE] = {parse_with_unit, sizeof(int64_t), false},
    [CMP_OPTION_RATE] = {parse_with_unit, sizeof(int64_t), false},
    [CMP_OPTION_BOOLEAN] = {parse_boolean, sizeof(bool), false},
    [CMP_OPTION_ENUM] = {parse_enum, sizeof(int), false},
    [CMP_OPTION_HOST] = {parse_host, sizeof(const char *), false},
    [CMP_OPTION_SECRET] = {parse_string, sizeof(const char *), false},
    [CMP_OPTION_CIDRS] = {parse_cidr, sizeof(cmp_cidr), true},
    [CMP_OPTION_STRINGS] = {parse_text, sizeof(const char *), true},
    [CMP_OPTION_ENUMS] = {parse_enum, sizeof(int), true},
    [CMP_OPTION_RAW] = {NULL, 0, false},
};

bool value_listed(cmp_option_type type)
{
    return types[type].listed;
}

size_t value_size(cmp_option_type type)
{
    return types[type].size;
}

bool value_parse(const cmp_option *row, cmp_str text, const char *folder, kit_arena *memory,
                 void *value, const char **hint)
{
    input in = {.row = row, .text = text, .folder = folder, .memory = memory};
    /* What a field holds is NUL-terminated. */
    const bool good =
        memchr(text.at, '\0', text.size) == NULL && types[row->type].parse(&in, value);
    *hint = in.hint;
    return good;
}
