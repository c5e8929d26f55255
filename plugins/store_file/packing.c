/* Packs code records for the index while a file is loaded, and unpacks them at a look-up.
 * Writing goes through one function that either counts or writes, so the two cannot disagree. */
#include "packing.h"

enum {
    TYPE_URI = 1,   /* the two content types that nearly every code has */
    TYPE_TEXT = 2,  /* cost nothing */
    TYPE_OTHER = 3, /* 0: none */
    TYPE_MASK = 3,
    HAS_TTL = 1 << 2,
    HAS_NOT_BEFORE = 1 << 3,
    HAS_NOT_AFTER = 1 << 4,
    IS_REVOKED = 1 << 5,
    IS_TRANSFERRED = 1 << 6, /* the content is the host that it is transferred to */
    HAS_VARIANTS = 1 << 7,
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

static unsigned flags_of(const cmp_record *record)
{
    unsigned flags = 0;
    if (record->content_type.at != NULL) {
        flags |= cmp_str_equal(record->content_type, CMP_STR("uri"))    ? TYPE_URI
                 : cmp_str_equal(record->content_type, CMP_STR("text")) ? TYPE_TEXT
                                                                        : TYPE_OTHER;
    }
    flags |= record->ttl_s != CMP_TTL_UNSET ? HAS_TTL : 0;
    flags |= record->not_before_ms != CMP_TIME_MIN ? HAS_NOT_BEFORE : 0;
    flags |= record->not_after_ms != CMP_TIME_MAX ? HAS_NOT_AFTER : 0;
    flags |= record->status == CMP_RECORD_REVOKED ? IS_REVOKED : 0;
    flags |= record->transferred_to.at != NULL ? IS_TRANSFERRED : 0;
    flags |= record->variant_count > 0 ? HAS_VARIANTS : 0;
    return flags;
}

static void put_record(sink *s, cmp_str ici, const cmp_record *record)
{
    const unsigned flags = flags_of(record);
    const cmp_str content = flags & IS_TRANSFERRED ? record->transferred_to : record->content;
    put_octet(s, flags);
    put_octet(s, (unsigned)ici.size - 1);
    put_number(s, content.size);
    if (flags & HAS_TTL) {
        put_number(s, record->ttl_s);
    }
    if (flags & HAS_NOT_BEFORE) {
        put_octets(s, &record->not_before_ms, sizeof(record->not_before_ms));
    }
    if (flags & HAS_NOT_AFTER) {
        put_octets(s, &record->not_after_ms, sizeof(record->not_after_ms));
    }
    if ((flags & TYPE_MASK) == TYPE_OTHER) {
        put_octet(s, (unsigned)record->content_type.size);
    }
    if (flags & HAS_VARIANTS) {
        put_number(s, variants_size(record));
    }
    put_octets(s, ici.at, ici.size);
    put_octets(s, content.at, content.size);
    if ((flags & TYPE_MASK) == TYPE_OTHER) {
        put_octets(s, record->content_type.at, record->content_type.size);
    }
    if (flags & HAS_VARIANTS) {
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

void packed_read(const uint8_t *from, packed *p)
{
    cmp_record *record = &p->record;
    *record = CMP_RECORD_INIT;
    const unsigned flags = *from++;
    const size_t ici_size = (size_t)*from++ + 1;
    const size_t content_size = take_number(&from);
    if (flags & HAS_TTL) {
        record->ttl_s = (uint32_t)take_number(&from);
    }
    if (flags & HAS_NOT_BEFORE) {
        record->not_before_ms = take_time(&from);
    }
    if (flags & HAS_NOT_AFTER) {
        record->not_after_ms = take_time(&from);
    }
    const size_t type_size = (flags & TYPE_MASK) == TYPE_OTHER ? *from++ : 0;
    const size_t variants_octets = flags & HAS_VARIANTS ? take_number(&from) : 0;

    p->ici = take_octets(&from, ici_size);
    *(flags & IS_TRANSFERRED ? &record->transferred_to : &record->content) =
        take_octets(&from, content_size);
    switch (flags & TYPE_MASK) {
    case TYPE_URI:
        record->content_type = CMP_STR("uri");
        break;
    case TYPE_TEXT:
        record->content_type = CMP_STR("text");
        break;
    case TYPE_OTHER:
        record->content_type = take_octets(&from, type_size);
        break;
    }
    record->status = flags & IS_REVOKED ? CMP_RECORD_REVOKED : CMP_RECORD_ACTIVE;
    p->variants = flags & HAS_VARIANTS ? from : NULL;
    p->end = from + variants_octets;
}

size_t packed_variants_size(const packed *p)
{
    const uint8_t *from = p->variants;
    if (from == NULL) {
        return 0;
    }
    const size_t variants = take_number(&from);
    const size_t conditions = take_number(&from);
    return variants * sizeof(cmp_variant) + conditions * sizeof(cmp_condition);
}

void packed_variants(packed *p, void *memory)
{
    const uint8_t *from = p->variants;
    const size_t count = take_number(&from);
    take_number(&from); /* all conditions: for packed_variants_size */
    cmp_variant *variants = memory;
    cmp_condition *condition = (cmp_condition *)(variants + count);
    for (size_t i = 0; i < count; i++) {
        variants[i].content = take_text(&from);
        const cmp_str type = take_text(&from);
        variants[i].content_type = type.size > 0 ? type : CMP_NONE;
        variants[i].condition_count = take_number(&from);
        variants[i].conditions = condition;
        for (size_t k = 0; k < variants[i].condition_count; k++, condition++) {
            condition->name = take_text(&from);
            condition->value = take_text(&from);
        }
    }
    p->record.variants = variants;
    p->record.variant_count = count;
}
