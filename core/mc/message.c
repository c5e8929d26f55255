/* SPDX-License-Identifier: Apache-2.0 */
/* The message MC-3-RESOLVE_ICI (10.5.1.1): what its parameters are called, and which values they
 * may have. Stands between decoding and the pipeline's step that validates. */
#include "mc/message.h"

#include "base/hash.h"
#include "base/names.h"
#include "mc/range.h"

#include <cmp-kit/text.h>

#include <assert.h>

#define AGE_MAX        150
#define FREE_TEXT_SIZE ((size_t)20) /* of `age` and `income` (Table 19) */

/* ---- what a value may be; it is never empty in here ---- */

static bool tid_valid(cmp_str value)
{
    return value.size <= 128 && kit_ascii_visible(value);
}

static bool visible_256(cmp_str value)
{
    return value.size <= 256 && kit_ascii_visible(value);
}

/* Any UTF-8: message_add has looked for what no value may hold. How a Home CMP names its users is
 * its own affair. */
static bool user_valid(cmp_str value)
{
    return value.size <= 256;
}

/* The form alone, no list of codes: ISO changes them more often than a CMP is updated, and an
 * unknown one does no harm. */
static bool two_letters(cmp_str value)
{
    if (value.size != 2) {
        return false;
    }
    const char first = kit_ascii_lower(value.at[0]), second = kit_ascii_lower(value.at[1]);
    return first >= 'a' && first <= 'z' && second >= 'a' && second <= 'z';
}

static bool post_valid(cmp_str value)
{
    return value.size <= 32;
}

/* What begins like a number has to be one: `22-` or `1.000` would otherwise be free text, which
 * matches no numeric rule, and nobody would notice. */
static bool free_text(cmp_str value)
{
    return value.size <= FREE_TEXT_SIZE && !range_looks_numeric(value);
}

static bool age_valid(cmp_str value)
{
    range r;
    return range_parse(value, false, &r) ? r.high <= AGE_MAX : free_text(value);
}

static bool income_valid(cmp_str value)
{
    range r;
    return range_parse(value, true, &r) || free_text(value);
}

static bool gender_valid(cmp_str value)
{
    return cmp_str_equal(value, CMP_STR("female")) || cmp_str_equal(value, CMP_STR("male"));
}

static bool count_parse(cmp_str value, int64_t *count)
{
    return value.size <= 2 && kit_number_parse(value, 0, 99, count);
}

static bool count_valid(cmp_str value)
{
    int64_t count;
    return count_parse(value, &count);
}

/* ---- Table 19 ---- */

/* X(enumerator, name, mandatory, who sets it at the next hop, check, what the check wants)
 *
 * MADE: every hop makes its own (a hop is a transaction of its own, SPEC 5), so a handset may not
 * send it either. WRITTEN: what came in goes on, by step_forward's own rules. PASSED: it goes on
 * unless the peer's `release` withholds it. */
#define PARAM_LIST(X)                                                                              \
    X(TID, "tid", true, MADE, tid_valid, "tid is 1 to 128 visible ASCII characters")               \
    X(ICI, "ici", true, WRITTEN, visible_256, "ici is 1 to 256 visible ASCII characters")          \
    X(USER, "user", true, WRITTEN, user_valid, "user is 1 to 256 octets of UTF-8")                 \
    X(APIKEYID, "apikeyid", false, MADE, visible_256,                                              \
      "apikeyid is 1 to 256 visible ASCII characters")                                             \
    X(SIGNATURE, "signature", false, MADE, visible_256, "signature is hexadecimal or base64")      \
    X(LANGUAGE, "language", false, PASSED, two_letters,                                            \
      "language is an ISO 639-1 code of two letters")                                              \
    X(CC, "cc", false, PASSED, two_letters, "cc is an ISO 3166-1 code of two letters")             \
    X(POST, "post", false, PASSED, post_valid, "post is 1 to 32 octets of UTF-8")                  \
    X(AGE, "age", false, PASSED, age_valid,                                                        \
      "age is a number (35), a range (22-55) or a short text")                                     \
    X(INCOME, "income", false, PASSED, income_valid,                                               \
      "income is a number (50,000), a range (35,000-75,000), a bound (<30,000) or a short text")   \
    X(GENDER, "gender", false, PASSED, gender_valid, "gender is female or male")                   \
    X(COUNT, "count", false, MADE, count_valid, "count is a number from 0 to 99")                  \
    X(ADDR, "addr", false, MADE, host_valid, "addr is a fully qualified host name")

typedef struct param_row {
    cmp_str name;
    bool mandatory;
    param_hop hop;
    bool (*check)(cmp_str value);
    const char *expected;
} param_row;

#define ROW(param, text, is_mandatory, at_hop, check_value, wanted)                                \
    [CMP_PARAM_##                                                                                  \
        param] = {{(text), sizeof(text) - 1}, is_mandatory, PARAM_##at_hop, check_value, wanted},
static const param_row rows[] = {PARAM_LIST(ROW)};
#undef ROW
_Static_assert(sizeof(rows) / sizeof(rows[0]) == CMP_PARAM_MAX, "a row for each parameter");

cmp_str param_name(cmp_param param)
{
    assert(param < CMP_PARAM_MAX);
    return rows[param].name;
}

param_hop param_at_hop(cmp_param param)
{
    assert(param < CMP_PARAM_MAX);
    return rows[param].hop;
}

/* With a constant `size` this shrinks to the comparisons with the names of that size. */
static inline __attribute__((always_inline)) cmp_param find_sized(const char *at, size_t size)
{
#define ROW(param, text, ...)                                                                      \
    if (size == sizeof(text) - 1 && memcmp(at, text, sizeof(text) - 1) == 0) {                     \
        return CMP_PARAM_##param;                                                                  \
    }
    PARAM_LIST(ROW)
#undef ROW
    /* Table 19's description of `income` calls it `in`. */
    if (size == 2 && memcmp(at, "in", 2) == 0) {
        return CMP_PARAM_INCOME;
    }
    return CMP_PARAM_MAX;
}

cmp_param param_find(cmp_str name)
{
    switch (name.size) {
    case 2:
        return find_sized(name.at, 2);
    case 3:
        return find_sized(name.at, 3);
    case 4:
        return find_sized(name.at, 4);
    case 5:
        return find_sized(name.at, 5);
    case 6:
        return find_sized(name.at, 6);
    case 8:
        return find_sized(name.at, 8);
    case 9:
        return find_sized(name.at, 9);
    default:
        return find_sized(name.at, name.size);
    }
}

/* ---- adding ---- */

static bool fail(fault *f, error_code code, cmp_str parameter, const char *detail)
{
    *f = (fault){.code = code, .parameter = parameter, .detail = detail};
    return false;
}

/* The size of the character that a text begins with; 0: it is none, or a control character. */
static size_t good_first(cmp_str text, bool *is_control)
{
    const uint8_t octet = (uint8_t)text.at[0];
    const size_t size = octet < 0x80 ? 1 : kit_utf8_first(text);
    /* C0, DEL, and C1 (U+0080 to U+009F); NUL is one of them. */
    *is_control =
        octet < 0x20 || octet == 0x7F || (size == 2 && octet == 0xC2 && (uint8_t)text.at[1] < 0xA0);
    return *is_control ? 0 : size;
}

/* Here, before authentication, and not only when values are checked: what is logged or shown of a
 * refused request has to be text. */
static bool value_good(cmp_str name, cmp_str value, fault *f)
{
    if (kit_ascii_printable(value)) {
        return true;
    }
    while (value.size > 0) {
        bool is_control;
        const size_t size = good_first(value, &is_control);
        if (size == 0) {
            return fail(f, ERROR_INVALID_PARAMETER, name,
                        is_control ? "The value has a control character"
                                   : "The value is not valid UTF-8");
        }
        value.at += size;
        value.size -= size;
    }
    return true;
}

cmp_str param_shown(cmp_str name)
{
    size_t i = 0;
    for (; i < name.size && i < PARAM_NAME_MAX; i++) {
        const char c = name.at[i], lower = kit_ascii_lower(c);
        const bool letter = lower >= 'a' && lower <= 'z';
        const bool other = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!letter && (i == 0 || !other)) {
            break;
        }
    }
    return i > 0 ? (cmp_str){name.at, i} : CMP_NONE;
}

static bool name_good(cmp_str name, fault *f)
{
    const cmp_str shown = param_shown(name);
    if (name.size > 0 && shown.size == name.size) {
        return true;
    }
    return fail(f, ERROR_INVALID_PARAMETER, shown,
                "A parameter's name is a letter and up to 63 letters, digits, '.', '_' and '-'");
}

static size_t contextual_room(const message *m, cmp_str name)
{
    const size_t left = CONTEXTUAL_SIZE_MAX - m->contextual_size;
    return m->contextual_count < CONTEXTUAL_MAX && name.size <= left ? left - name.size : 0;
}

size_t message_room(const message *m, cmp_str name)
{
    return param_find(name) != CMP_PARAM_MAX ? PARAM_VALUE_MAX : contextual_room(m, name);
}

/* The cheap questions come first: a value that is too much anyway need not be read. `size` is
 * compared with what is left, so that no sum can overflow. */
static bool contextual_add(message *m, kit_arena *a, cmp_str name, cmp_str value, fault *f)
{
    if (!name_good(name, f)) {
        return false;
    }
    for (size_t i = 0; i < m->contextual_count; i++) {
        if (cmp_str_equal(m->contextual[i].name, name)) {
            return fail(f, ERROR_DUPLICATE_PARAMETER, name, NULL);
        }
    }
    const size_t size = name.size + value.size;
    if (m->contextual_count == CONTEXTUAL_MAX || size > CONTEXTUAL_SIZE_MAX - m->contextual_size) {
        return fail(f, ERROR_INVALID_PARAMETER, name, "There is too much contextual information");
    }
    if (!value_good(name, value, f)) {
        return false;
    }
    if (m->contextual == NULL) {
        m->contextual = kit_arena_alloc(a, CONTEXTUAL_MAX * sizeof(*m->contextual));
    }
    m->contextual[m->contextual_count++] = (cmp_pair){name, value};
    m->contextual_size += size;
    return true;
}

bool message_add(message *m, kit_arena *a, cmp_str name, cmp_str value, fault *f)
{
    if (value.at == NULL) {
        value = CMP_STR(""); /* present all the same */
    }
    const cmp_param param = param_find(name);
    if (param == CMP_PARAM_MAX) {
        return contextual_add(m, a, name, value, f);
    }
    if (m->params[param].at != NULL) {
        return fail(f, ERROR_DUPLICATE_PARAMETER, rows[param].name, NULL);
    }
    if (value.size > PARAM_VALUE_MAX) {
        return fail(f, ERROR_INVALID_PARAMETER, rows[param].name, rows[param].expected);
    }
    if (!value_good(rows[param].name, value, f)) {
        return false;
    }
    m->params[param] = value;
    return true;
}

/* ---- checking ---- */

static bool present(const message *m, cmp_param param, fault *f)
{
    if (m->params[param].at == NULL) {
        return fail(f, ERROR_MISSING_PARAMETER, rows[param].name, NULL);
    }
    if (m->params[param].size == 0) {
        return fail(f, ERROR_INVALID_PARAMETER, rows[param].name, rows[param].expected);
    }
    return true;
}

/* After authentication (SPEC 4.7): until then message_identified has to do, since a peer that is
 * not known is told nothing about its values. */
bool message_validate(message *m, fault *f)
{
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        if (m->params[param].at == NULL && !rows[param].mandatory) {
            continue;
        }
        if (!present(m, param, f)) {
            return false;
        }
        if (!rows[param].check(m->params[param])) {
            return fail(f, ERROR_INVALID_PARAMETER, rows[param].name, rows[param].expected);
        }
    }
    m->count = 0;
    if (m->params[CMP_PARAM_COUNT].at != NULL) {
        return count_parse(m->params[CMP_PARAM_COUNT], &m->count);
    }
    return true;
}

bool message_identified(const message *m, fault *f)
{
    return present(m, CMP_PARAM_TID, f) && present(m, CMP_PARAM_ICI, f);
}

/* Most parameters are absent. A seed of its own for each of the others says which it is. */
uint64_t message_digest(const message *m, uint64_t seed)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < CMP_PARAM_MAX; i++) {
        const cmp_str value = m->params[i];
        if (value.at != NULL) {
            digest = digest * 31 + hash_seeded(seed + 1 + i, value.at, value.size);
        }
    }
    for (size_t i = 0; i < m->contextual_count; i++) {
        const cmp_pair *pair = &m->contextual[i];
        digest = digest * 31 + hash_seeded(seed, pair->name.at, pair->name.size);
        digest = digest * 31 + hash_seeded(seed, pair->value.at, pair->value.size);
    }
    return digest;
}
