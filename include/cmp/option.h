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
    CMP_OPTION_REQUIRED = 1 << 0,
};

typedef struct cmp_option cmp_option;
struct cmp_option {
    const char *name;
    cmp_option_type type;
    unsigned flags;
    size_t offset;              /* of the field in the options struct */
    const char *fallback;       /* the default, written as an operator would; NULL: zero */
    int64_t min, max;           /* bounds, in the field's unit; unused when both are 0 */
    const char *const *choices; /* ENUM, ENUMS: names, ended by NULL */
    const cmp_option *rows;     /* ROWS, GROUP: what each holds, ended by a row without a name */
    size_t row_size;            /* ROWS: size of one struct */
    const char *help;           /* one line, no full stop */
};

#define CMP_OPTION_END ((cmp_option){.name = NULL})

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

static inline bool cmp_cidr_contains(const cmp_cidr *net, const uint8_t address[16])
{
    const unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(net->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((net->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}
