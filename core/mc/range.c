/* SPDX-License-Identifier: Apache-2.0 */
/* Values of `age` and `income` (Table 19). Used when a request is validated, and when a variant's
 * rule is compared with it. */
#include "mc/range.h"

/* So many digits always fit, and so does the number that follows. */
#define DIGITS_MAX 18

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes a number off the front: digits, or one to three of them and then groups of a comma and
 * three. */
static bool take_number(cmp_str *text, int64_t *number)
{
    int64_t value = 0;
    size_t i = 0, digits = 0, since_comma = 0;
    bool grouped = false;
    for (; i < text->size; i++) {
        const char c = text->at[i];
        if (digit(c)) {
            if (++digits > DIGITS_MAX) {
                return false;
            }
            value = value * 10 + (c - '0');
            since_comma++;
        } else if (c == ',') {
            if (grouped ? since_comma != 3 : since_comma < 1 || since_comma > 3) {
                return false;
            }
            grouped = true;
            since_comma = 0;
        } else {
            break;
        }
    }
    if (digits == 0 || (grouped && since_comma != 3)) {
        return false;
    }
    *number = value;
    *text = (cmp_str){text->at + i, text->size - i};
    return true;
}

/* Bounds are open (`<30,000` is not 30,000), and ranges here are closed: hence one less, or one
 * more. DIGITS_MAX keeps that from overflowing. */
static bool bound_parse(cmp_str text, range *r)
{
    const bool below = text.at[0] == '<';
    int64_t number;
    text = (cmp_str){text.at + 1, text.size - 1};
    if (!take_number(&text, &number) || text.size != 0) {
        return false;
    }
    *r = below ? (range){INT64_MIN, number - 1} : (range){number + 1, INT64_MAX};
    return true;
}

bool range_parse(cmp_str text, bool bounds, range *r)
{
    if (bounds && text.size > 0 && (text.at[0] == '<' || text.at[0] == '>')) {
        return bound_parse(text, r);
    }
    int64_t low, high;
    if (!take_number(&text, &low)) {
        return false;
    }
    high = low;
    if (text.size > 0) {
        if (text.at[0] != '-') {
            return false;
        }
        text = (cmp_str){text.at + 1, text.size - 1};
        if (!take_number(&text, &high) || text.size != 0 || high < low) {
            return false;
        }
    }
    *r = (range){low, high};
    return true;
}

bool range_looks_numeric(cmp_str text)
{
    return text.size > 0 && (digit(text.at[0]) || text.at[0] == '<' || text.at[0] == '>');
}
