/* SPDX-License-Identifier: Apache-2.0 */
/* Packs code records for the index while a file is loaded, and unpacks them at a look-up.
 * Writing goes through one function that either counts or writes, so the two cannot disagree. */
#include "packing.h"

enum {
    TYPE_URI = 1, /* the two content types that nearly every code has */
    TYPE_TEXT = 2,
    TYPE_MASK = 3,     /* 0: none of these */
    HAS_TYPE = 1 << 2, /* another one */
    HAS_TTL = 1 << 3,
    HAS_VALIDITY = 1 << 4, /* both times */
    HAS_VARIANTS = 1 << 5,
    HAS_MORE = HAS_TYPE | HAS_TTL | HAS_VALIDITY | HAS_VARIANTS,
    IS_REVOKED = 1 << 6,
    IS_TRANSFERRED = 1 << 7, /* the content is the host that it is transferred to */
};

/* ---- writing ---- */

/* Where octets go; with `to` NULL they are only counted. */
typedef struct sink {
    uint8_t *to;
    size_t size;
} sink;

static void put_octet(sink *s, unsigned octet)
{
    if (s->to != NULL) {
        s->to[s->size] = (uint8_t)octet;
    }
    s->size++;
}

static void put_octets(sink *s, const void *from, size_t size)
{
    if (s->to != NULL && size > 0) {
        memcpy(s->to + s->size, from, size);
    }
    s->size += size;
}

static void put_number(sink *s, uint64_t number)
{
    for (; number > 0x7F; number >>= 7) {
        put_octet(s, (unsigned)(number & 0x7F) | 0x80);
    }
    put_octet(s, (unsigned)number);
}

static void put_text(sink *s, cmp_str text)
{
    put_number(s, text.size);
    put_octets(s, text.at, text.size);
}

static void put_variant(sink *s, const cmp_variant *variant)
{
    put_text(s, variant->content);
    put_text(s, variant->content_type); /* never empty, so size 0 says absent */
    put_number(s, variant->condition_count);
    for (size_t i = 0; i < variant->condition_count; i++) {
        put_text(s, variant->conditions[i].name);
        put_text(s, variant->conditions[i].value);
    }
}

static void put_variants(sink *s, const cmp_record *record)
{
    size_t conditions = 0;
    for (size_t i = 0; i < record->variant_count; i++) {
        conditions += record->variants[i].condition_count;
    }
    /* Both numbers come first, so that a reader knows what memory it needs before it reads on. */
    put_number(s, record->variant_count);
    put_number(s, conditions);
    for (size_t i = 0; i < record->variant_count; i++) {
        put_variant(s, &record->variants[i]);
    }
}

static size_t variants_size(const cmp_record *record)
{
    sink count = {NULL, 0};
    put_variants(&count, record);
    return count.size;
}

static unsigned type_of(cmp_str type)
{
    return type.at == NULL                        ? 0
           : cmp_str_equal(type, CMP_STR("uri"))  ? TYPE_URI
           : cmp_str_equal(type, CMP_STR("text")) ? TYPE_TEXT
                                                  : HAS_TYPE;
}

static unsigned flags_of(const cmp_record *record)
{
    unsigned flags = type_of(record->content_type);
    flags |= record->ttl_s != CMP_TTL_UNSET ? HAS_TTL : 0;
    flags |= record->not_before_ms != CMP_TIME_MIN || record->not_after_ms != CMP_TIME_MAX
                 ? HAS_VALIDITY
                 : 0;
    flags |= record->variant_count > 0 ? HAS_VARIANTS : 0;
    flags |= record->status == CMP_RECORD_REVOKED ? IS_REVOKED : 0;
    flags |= record->transferred_to.at != NULL ? IS_TRANSFERRED : 0;
    return flags;
}

static void put_record(sink *s, cmp_str ici, const cmp_record *record)
{
    const unsigned flags = flags_of(record);
    put_octet(s, (unsigned)ici.size - 1); /* 1 to 256 fit into an octet so */
    put_octets(s, ici.at, ici.size);
    put_octet(s, flags);
    put_text(s, flags & IS_TRANSFERRED ? record->transferred_to : record->content);
    if (flags & HAS_TTL) {
        put_number(s, record->ttl_s);
    }
    if (flags & HAS_VALIDITY) {
        /* As the processor has them: a packed record never leaves the process. */
        put_octets(s, &record->not_before_ms, sizeof(record->not_before_ms));
        put_octets(s, &record->not_after_ms, sizeof(record->not_after_ms));
    }
    if (flags & HAS_TYPE) {
        put_text(s, record->content_type);
    }
    if (flags & HAS_VARIANTS) {
        put_number(s, variants_size(record));
        put_variants(s, record);
    }
}

size_t packed_size(cmp_str ici, const cmp_record *record)
{
    sink count = {NULL, 0};
    put_record(&count, ici, record);
    return count.size;
}

void packed_write(cmp_str ici, const cmp_record *record, uint8_t *to)
{
    sink out = {to, 0};
    put_record(&out, ici, record);
}

/* ---- reading ---- */

/* No end is looked for, here and below: only packed_write makes what is read, never an outsider. */
static size_t take_number(const uint8_t **from)
{
    size_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t octet = *(*from)++;
        number |= (size_t)(octet & 0x7F) << shift;
        if (octet < 0x80) {
            return number;
        }
    }
}

static cmp_str take_octets(const uint8_t **from, size_t size)
{
    const cmp_str text = {(const char *)*from, size};
    *from += size;
    return text;
}

static cmp_str take_text(const uint8_t **from)
{
    const size_t size = take_number(from);
    return take_octets(from, size);
}

static int64_t take_time(const uint8_t **from)
{
    int64_t ms;
    memcpy(&ms, *from, sizeof(ms));
    *from += sizeof(ms);
    return ms;
}

cmp_str packed_ici(const uint8_t *packed)
{
    return (cmp_str){(const char *)packed + 1, (size_t)*packed + 1};
}

/* What is found behind the content. */
typedef struct tail {
    const uint8_t *variants; /* NULL: none */
    const uint8_t *end;      /* of the packed record */
} tail;

/* For a record that has more than nearly all have, in the order in which put_record writes. */
static tail read_more(const uint8_t *from, unsigned flags, cmp_record *record)
{
    const uint8_t *variants = NULL;
    if (flags & HAS_TTL) {
        record->ttl_s = (uint32_t)take_number(&from);
    }
    if (flags & HAS_VALIDITY) {
        record->not_before_ms = take_time(&from);
        record->not_after_ms = take_time(&from);
    }
    if (flags & HAS_TYPE) {
        record->content_type = take_text(&from);
    }
    if (flags & HAS_VARIANTS) {
        const size_t size = take_number(&from);
        variants = from;
        from += size;
    }
    return (tail){variants, from};
}

/* Sets each member of the record once: CMP_RECORD_INIT would clear them all before, and what is
 * stored has to wait in the processor until the packed record has come from memory. */
static inline tail read_record(const uint8_t *packed, cmp_record *record)
{
    static const cmp_str types[TYPE_MASK + 1] = {
        [TYPE_URI] = {"uri", 3},
        [TYPE_TEXT] = {"text", 4},
    };
    const uint8_t *from = packed + 2 + *packed;
    const unsigned flags = *from++;
    const cmp_str content = take_text(&from);
    const bool transferred = (flags & IS_TRANSFERRED) != 0;

    record->content = transferred ? CMP_NONE : content;
    record->content_type = types[flags & TYPE_MASK];
    record->transferred_to = transferred ? content : CMP_NONE;
    record->not_before_ms = CMP_TIME_MIN;
    record->not_after_ms = CMP_TIME_MAX;
    record->ttl_s = CMP_TTL_UNSET;
    record->status = flags & IS_REVOKED ? CMP_RECORD_REVOKED : CMP_RECORD_ACTIVE;
    record->variants = NULL;
    record->variant_count = 0;
    return flags & HAS_MORE ? read_more(from, flags, record) : (tail){NULL, from};
}

/* Reads the whole record for it: only loading and scans ask, never a look-up. */
const uint8_t *packed_end(const uint8_t *packed)
{
    cmp_record record;
    return read_record(packed, &record).end;
}

const uint8_t *packed_read(const uint8_t *packed, cmp_record *record)
{
    return read_record(packed, record).variants;
}

size_t packed_variants_size(const uint8_t *variants)
{
    const size_t count = take_number(&variants);
    const size_t conditions = take_number(&variants);
    return count * sizeof(cmp_variant) + conditions * sizeof(cmp_condition);
}

void packed_variants(const uint8_t *variants, void *memory, cmp_record *record)
{
    const uint8_t *from = variants;
    const size_t count = take_number(&from);
    take_number(&from); /* all conditions: for packed_variants_size */
    cmp_variant *variant = memory;
    /* Behind the variants in the same memory: both hold pointers and sizes, so they align alike. */
    cmp_condition *condition = (cmp_condition *)(variant + count);
    record->variants = variant;
    record->variant_count = count;
    for (size_t i = 0; i < count; i++, variant++) {
        variant->content = take_text(&from);
        const cmp_str type = take_text(&from);
        variant->content_type = type.size > 0 ? type : CMP_NONE;
        variant->condition_count = take_number(&from);
        variant->conditions = condition;
        for (size_t k = 0; k < variant->condition_count; k++, condition++) {
            condition->name = take_text(&from);
            condition->value = take_text(&from);
        }
    }
}
