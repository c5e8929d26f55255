/* SPDX-License-Identifier: Apache-2.0 */
/* Content variants ("to tailor the response", Table 19): which content a found code shows to this
 * request. Asked once a look-up has found a record that is ours and valid. */
#include "mc/variant.h"

#include "mc/range.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#define DAY_MS        ((int64_t)24 * 60 * 60 * 1000)
#define MINUTE_MS     ((int64_t)60 * 1000)
#define FREE_TEXT_MAX 20 /* octets of a free-text age or income (Table 19) */
#define POST_MAX      32 /* octets of a postal code */

/* ---- time ---- */

/* When a rule holds: from `from` up to, but not at, `to`. */
typedef struct period {
    bool daily; /* from and to are milliseconds of a UTC day; from > to wraps midnight */
    int64_t from, to;
} period;

/* `08:00` in milliseconds of the day. */
static bool clock_parse(cmp_str text, int64_t *ms)
{
    int64_t hours, minutes;
    if (text.size != 5 || text.at[2] != ':' ||
        !kit_number_parse((cmp_str){text.at, 2}, 0, 23, &hours) ||
        !kit_number_parse((cmp_str){text.at + 3, 2}, 0, 59, &minutes)) {
        return false;
    }
    *ms = (hours * 60 + minutes) * MINUTE_MS;
    return true;
}

/* `to` is excluded, so that windows can follow each other without a gap and without a moment that
 * is in both. */
static bool period_parse(cmp_str text, period *p)
{
    if (text.size == 0) {
        return false;
    }
    const char *slash = memchr(text.at, '/', text.size);
    if (slash != NULL) {
        const size_t size = (size_t)(slash - text.at);
        p->daily = false;
        return kit_time_parse((cmp_str){text.at, size}, &p->from) &&
               kit_time_parse((cmp_str){slash + 1, text.size - size - 1}, &p->to) &&
               p->from < p->to;
    }
    p->daily = true;
    return text.size == 11 && text.at[5] == '-' && clock_parse((cmp_str){text.at, 5}, &p->from) &&
           clock_parse((cmp_str){text.at + 6, 5}, &p->to) && p->from != p->to;
}

/* Parsed for every request: rules are text in the record, records may come from anywhere, and a few
 * octets cost less than a second form of the record would. */
static bool time_matches(cmp_str rule, int64_t now_ms)
{
    period p;
    if (!period_parse(rule, &p)) {
        return false;
    }
    if (!p.daily) {
        return now_ms >= p.from && now_ms < p.to;
    }
    const int64_t of_day = (now_ms % DAY_MS + DAY_MS) % DAY_MS;
    if (p.from < p.to) {
        return of_day >= p.from && of_day < p.to;
    }
    return of_day >= p.from || of_day < p.to;
}

/* ---- parameters ---- */

/* Postal codes are hierarchical from the left nearly everywhere: `75` is Paris, `SW1` a part of
 * London. */
static bool prefix_matches(cmp_str rule, cmp_str value)
{
    return value.size >= rule.size && kit_ascii_equal_fold(rule, (cmp_str){value.at, rule.size});
}

/* Table 19 gives bounds to income alone; a rule may use them for age as well. */
static bool number_matches(cmp_str rule, cmp_str value, bool value_bounds)
{
    range wanted, given;
    if (!range_parse(rule, true, &wanted)) {
        return kit_ascii_equal_fold(rule, value);
    }
    return range_parse(value, value_bounds, &given) && range_inside(given, wanted);
}

static bool param_matches(cmp_param param, cmp_str rule, cmp_str value)
{
    switch (param) {
    case CMP_PARAM_POST:
        return prefix_matches(rule, value);
    case CMP_PARAM_AGE:
        return number_matches(rule, value, false);
    case CMP_PARAM_INCOME:
        return number_matches(rule, value, true);
    default:
        return kit_ascii_equal_fold(rule, value);
    }
}

/* Octet by octet, and their names too: what they mean is between the two CMPs, and folding case
 * might be wrong for them. */
static bool contextual_matches(const cmp_condition *c, const message *m)
{
    for (size_t i = 0; i < m->contextual_count; i++) {
        if (cmp_str_equal(m->contextual[i].name, c->name)) {
            return cmp_str_equal(m->contextual[i].value, c->value);
        }
    }
    return false;
}

static bool condition_holds(const cmp_condition *c, const message *m, int64_t now_ms)
{
    if (cmp_str_equal(c->name, CMP_STR(VARIANT_TIME))) {
        return time_matches(c->value, now_ms);
    }
    const cmp_param param = param_find(c->name);
    if (param == CMP_PARAM_MAX) {
        return contextual_matches(c, m);
    }
    return m->params[param].at != NULL && param_matches(param, c->value, m->params[param]);
}

/* In the record's order, for the operator decides what goes first; no rule is "closer" than
 * another. */
const cmp_variant *variant_choose(const cmp_record *record, const message *m, int64_t now_ms)
{
    for (size_t i = 0; i < record->variant_count; i++) {
        const cmp_variant *variant = &record->variants[i];
        size_t held = 0;
        while (held < variant->condition_count &&
               condition_holds(&variant->conditions[held], m, now_ms)) {
            held++;
        }
        if (held == variant->condition_count) {
            return variant;
        }
    }
    return NULL;
}

cmp_str variant_language(const cmp_variant *variant)
{
    for (size_t i = 0; i < variant->condition_count; i++) {
        if (cmp_str_equal(variant->conditions[i].name, CMP_STR("language"))) {
            return variant->conditions[i].value;
        }
    }
    return CMP_NONE;
}

/* ---- checking rules when they are read ---- */

static bool is_letter(char c)
{
    return kit_ascii_lower(c) >= 'a' && kit_ascii_lower(c) <= 'z';
}

static bool two_letters(cmp_str text)
{
    return text.size == 2 && is_letter(text.at[0]) && is_letter(text.at[1]);
}

/* No parameter of a request can hold what is refused here (SPEC 2 [profile]). */
static bool plain_text(cmp_str text, size_t max)
{
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char octet = (unsigned char)text.at[i];
        if (octet < 0x20 || octet == 0x7F) {
            return false;
        }
    }
    return text.size <= max && kit_utf8_valid(text);
}

/* As free_text in message.c: what no request can carry would be a rule that never matches. */
static bool number_or_text(cmp_str text)
{
    range r;
    if (range_parse(text, true, &r)) {
        return true;
    }
    return text.size > 0 && !range_looks_numeric(text) && plain_text(text, FREE_TEXT_MAX);
}

static bool other_valid(cmp_str name, cmp_str value, const char **expected)
{
    period p;
    if (cmp_str_equal(name, CMP_STR(VARIANT_TIME))) {
        *expected = "a daily window such as 08:00-12:30 (UTC), or two RFC 3339 instants, the "
                    "earlier one first, with a slash between";
        return period_parse(value, &p);
    }
    if (name.size == 0 || param_shown(name).size != name.size) {
        *expected = "a name of letters, digits, `.`, `_` and `-` that begins with a letter, at "
                    "most 64 octets";
        return false;
    }
    *expected = "text without control characters, at most 4096 octets";
    return plain_text(value, CONTEXTUAL_SIZE_MAX);
}

bool variant_condition_valid(cmp_str name, cmp_str value, const char **expected)
{
    switch (param_find(name)) {
    case CMP_PARAM_LANGUAGE:
        *expected = "a language of two letters (ISO 639-1)";
        return two_letters(value);
    case CMP_PARAM_CC:
        *expected = "a country of two letters (ISO 3166-1)";
        return two_letters(value);
    case CMP_PARAM_POST:
        *expected = "the beginning of a postal code";
        return value.size > 0 && plain_text(value, POST_MAX);
    case CMP_PARAM_AGE:
    case CMP_PARAM_INCOME:
        *expected = "a number, a range such as 22-55, a bound such as <30,000, or a text of at "
                    "most 20 octets";
        return number_or_text(value);
    case CMP_PARAM_GENDER:
        *expected = "female or male";
        return kit_ascii_equal_fold(value, CMP_STR("female")) ||
               kit_ascii_equal_fold(value, CMP_STR("male"));
    case CMP_PARAM_MAX:
        return other_valid(name, value, expected);
    default:
        *expected = "language, cc, post, age, income, gender, time or a contextual parameter";
        return false;
    }
}
