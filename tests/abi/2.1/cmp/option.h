/* SPDX-License-Identifier: Apache-2.0 */
/* Options as rows: what a section of the configuration may hold.
 *
 * A plugin describes its options once; the host validates the operator's section against the rows
 * and fills the plugin's options struct. Error messages, `cmpd --help-plugin` and the man page's
 * table come from the same rows. */
#pragma once

#include <cmp/base.h>

/* What a row takes, and the field that it fills at `offset`. All pointers in filled fields belong
 * to the host and live as long as the plugin instance. */
typedef enum cmp_option_type {
    CMP_OPTION_STRING,  /* const char *; min..max bound its octets when max > 0 */
    CMP_OPTION_PATH,    /* const char *; relative paths are taken from the configuration's folder */
    CMP_OPTION_INTEGER, /* int64_t; min..max when max > min */
    CMP_OPTION_DURATION, /* int64_t, milliseconds; written 250ms, 5s, 3m, 2h, 1d */
    CMP_OPTION_SIZE,     /* int64_t, octets; written 512, 16K, 64M, 1G (powers of 1024) */
    CMP_OPTION_RATE,     /* int64_t, events per hour; written 500/s, 20/m, 100/h */
    CMP_OPTION_BOOLEAN,  /* bool; true or false */
    CMP_OPTION_ENUM,     /* int, the index in `choices` */
    CMP_OPTION_HOST,     /* const char *, a fully qualified host name in lower case */
    CMP_OPTION_SECRET,   /* const char *; never shown in a message, wiped when the instance ends */
    CMP_OPTION_CIDRS,    /* cmp_cidrs; one network or a list, IPv4 and IPv6 */
    CMP_OPTION_STRINGS,  /* cmp_strings; one string or a list */
    CMP_OPTION_ENUMS,    /* uint64_t, a set: bit i is choices[i]; one name or a list */
    CMP_OPTION_ROWS,     /* cmp_rows; a list of mappings, each described by `rows` */
    CMP_OPTION_GROUP, /* an embedded struct described by `rows`; an absent one has its defaults */
    CMP_OPTION_RAW,   /* const char *; the subtree as JSON text, NULL when absent */
} cmp_option_type;

enum {
    CMP_OPTION_REQUIRED = 1 << 0, /* its absence is an error; a default would never be used */
};

/* One row. It is static, and so is all that it points to. */
typedef struct cmp_option cmp_option;
struct cmp_option {
    const char *name; /* a letter and up to 63 of a-z, 0-9, _ and -. A section's own are not use,
                         cache and instance: these are the host's, and it will take no more */
    cmp_option_type type;
    size_t offset;              /* of the field in the options struct */
    const char *const *choices; /* ENUM, ENUMS: names, ended by NULL */
    const cmp_option *rows;     /* ROWS, GROUP: what each holds, ended by a row without a name */
    size_t row_size;            /* ROWS, GROUP: size of one struct */
    const char *help;           /* one line, no full stop */
    unsigned flags;
    const char *fallback; /* the default, written as an operator would; NULL: zero */
    int64_t min, max;     /* bounds, in the field's unit; unused when both are 0 */
};

/* A network: the first `bits` of `address`. IPv4 is held as an IPv4-mapped IPv6 address, so bits
 * counts from 96 there. */
typedef struct cmp_cidr {
    uint8_t address[16];
    uint8_t bits;
} cmp_cidr;

typedef struct cmp_cidrs {
    const cmp_cidr *at;
    size_t count;
} cmp_cidrs;

typedef struct cmp_strings {
    const char *const *at;
    size_t count;
} cmp_strings;

typedef struct cmp_rows {
    const void *at; /* an array of the row's struct */
    size_t count;
} cmp_rows;

/* Whether an address, IPv4-mapped as the network is, lies in it. Any thread. */
static inline bool cmp_cidr_contains(const cmp_cidr *net, const uint8_t address[16])
{
    const unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(net->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((net->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

/* ---- writing rows ----
 *
 *     typedef struct greeting {
 *         const char *text;
 *         int64_t times;
 *         int tone;
 *     } greeting;
 *
 *     CMP_OPTIONS(rows, greeting) = {
 *         CMP_ROW("text", STRING, greeting, text, "what is said", CMP_REQUIRED),
 *         CMP_ROW("times", INTEGER, greeting, times, "how often", CMP_DEFAULT("1"),
 *                 CMP_RANGE(1, 9)),
 *         CMP_ROW_ENUM("tone", greeting, tone, tones, "how loud", CMP_DEFAULT("low")),
 *         CMP_OPTION_END,
 *     };
 *
 * A row whose field has another type than it fills does not compile. After the help may come
 * CMP_REQUIRED or CMP_DEFAULT, then CMP_RANGE (this order matters to C++ alone). */

/* Begins a table of rows that fill `struct_`, a name without spaces. */
#define CMP_OPTIONS(table, struct_)                                                                \
    typedef struct_ table##_fills;                                                                 \
    static const cmp_option table[]

/* `kind` is a cmp_option_type without its CMP_OPTION_; those that need more than a field have
 * macros of their own. */
#define CMP_ROW(name_, kind, struct_, field, ...)                                                  \
    CMP_ROW_AT(name_, CMP_OPTION_##kind, #kind, struct_, field, CMP_FILLS_##kind,                  \
               .help = __VA_ARGS__)

/* One name out of `choices_`, and a set of them. */
#define CMP_ROW_ENUM(name_, struct_, field, choices_, ...)                                         \
    CMP_ROW_AT(name_, CMP_OPTION_ENUM, "ENUM", struct_, field, int, .choices = (choices_),         \
               .help = __VA_ARGS__)
#define CMP_ROW_ENUMS(name_, struct_, field, choices_, ...)                                        \
    CMP_ROW_AT(name_, CMP_OPTION_ENUMS, "ENUMS", struct_, field, uint64_t, .choices = (choices_),  \
               .help = __VA_ARGS__)

/* The rows of another table: for each member of a list, and for an embedded struct. */
#define CMP_ROW_ROWS(name_, struct_, field, table, ...)                                            \
    CMP_ROW_AT(name_, CMP_OPTION_ROWS, "ROWS", struct_, field, cmp_rows, .rows = (table),          \
               .row_size = sizeof(table##_fills), .help = __VA_ARGS__)
#define CMP_ROW_GROUP(name_, struct_, field, table, ...)                                           \
    CMP_ROW_AT(name_, CMP_OPTION_GROUP, "GROUP", struct_, field, table##_fills, .rows = (table),   \
               .row_size = sizeof(table##_fills), .help = __VA_ARGS__)

#define CMP_REQUIRED          .flags = CMP_OPTION_REQUIRED
#define CMP_DEFAULT(text)     .fallback = (text)
#define CMP_RANGE(min_, max_) .min = (min_), .max = (max_)
#define CMP_OPTION_END                                                                             \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* What the macros above are made of. */
#define CMP_ROW_AT(name_, type_, kind, struct_, field, fills, ...)                                 \
    {                                                                                              \
        .name = (name_), .type = (type_), .offset = CMP_OFFSET_OF(kind, struct_, field, fills),    \
        __VA_ARGS__                                                                                \
    }

#define CMP_FILLS_STRING   const char *
#define CMP_FILLS_PATH     const char *
#define CMP_FILLS_INTEGER  int64_t
#define CMP_FILLS_DURATION int64_t
#define CMP_FILLS_SIZE     int64_t
#define CMP_FILLS_RATE     int64_t
#define CMP_FILLS_BOOLEAN  bool
#define CMP_FILLS_HOST     const char *
#define CMP_FILLS_SECRET   const char *
#define CMP_FILLS_CIDRS    cmp_cidrs
#define CMP_FILLS_STRINGS  cmp_strings
#define CMP_FILLS_RAW      const char *

#ifdef __cplusplus
template <typename fills, typename found> struct cmp_same {
    static constexpr bool value = false;
};
template <typename same> struct cmp_same<same, same> {
    static constexpr bool value = true;
};
template <typename fills, typename found> constexpr size_t cmp_offset_of(size_t offset)
{
    static_assert(cmp_same<fills, found>::value, "the type of a row does not fit its field");
    return offset;
}
#define CMP_OFFSET_OF(kind, struct_, field, fills)                                                 \
    cmp_offset_of<fills, decltype(struct_::field)>(offsetof(struct_, field))
#else
/* NOLINTBEGIN(bugprone-macro-parentheses): a type and its asterisk cannot stand in them */
/* A struct may hold an assertion, so an expression can. */
#define CMP_OFFSET_OF(kind, struct_, field, fills)                                                 \
    (offsetof(struct_, field) +                                                                    \
     0 * sizeof(struct {                                                                           \
         _Static_assert(_Generic(&((struct_ *)0)->field, fills * : 1, default : 0),                \
                        "a row of type " kind " fills a " #fills ", which " #struct_ "." #field    \
                        " is not");                                                                \
         char unused;                                                                              \
     }))
/* NOLINTEND(bugprone-macro-parentheses) */
#endif
