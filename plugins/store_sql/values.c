/* Reads what columns hold: between a driver's row and the record (columns.c). */
#include "values.h"

#include <cmp/record.h>

#define DAY_MS     INT64_C(86400000)
#define MINUTE_MS  INT64_C(60000)
#define ZONE_MAX_M (16 * 60) /* no zone is further from UTC */

/* ---- text ---- */

static bool in_range(uint8_t octet, uint8_t from, uint8_t to)
{
    return octet >= from && octet <= to;
}

/* Octets of the character at `at`, 0 when it is none (RFC 3629, section 4). */
static size_t character(const uint8_t *at, size_t left)
{
    const uint8_t lead = at[0];
    if (lead < 0x80) {
        return lead != 0;
    }
    const size_t size = in_range(lead, 0xC2, 0xDF)   ? 2
                        : in_range(lead, 0xE0, 0xEF) ? 3
                        : in_range(lead, 0xF0, 0xF4) ? 4
                                                     : 0;
    if (size == 0 || size > left) {
        return 0;
    }
    const uint8_t from = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t to = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    bool good = in_range(at[1], from, to);
    for (size_t i = 2; i < size; i++) {
        good = good && in_range(at[i], 0x80, 0xBF);
    }
    return good ? size : 0;
}

bool value_is_text(cmp_str value)
{
    const uint8_t *at = (const uint8_t *)value.at;
    for (size_t done = 0, size; done < value.size; done += size) {
        size = character(at + done, value.size - done);
        if (size == 0) {
            return false;
        }
    }
    return true;
}

bool value_is_visible(cmp_str value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] < 0x21 || value.at[i] > 0x7E) {
            return false;
        }
    }
    return value.size > 0;
}

/* ---- numbers ---- */

bool value_integer(cmp_str value, int64_t *number)
{
    const bool minus = value.size > 0 && value.at[0] == '-';
    int64_t n = 0;
    for (size_t i = minus; i < value.size; i++) {
        const int digit = value.at[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, digit, &n)) { /* downwards: the least number fits, too */
            return false;
        }
    }
    if (value.size == minus || (!minus && n == INT64_MIN)) {
        return false;
    }
    *number = minus ? n : -n;
    return true;
}

/* ---- times ---- */

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool take(cursor *c, char wanted)
{
    const bool there = c->at < c->end && *c->at == wanted;
    c->at += there;
    return there;
}

/* Exactly `digits` digits, for a number of at most `max`. */
static bool take_number(cursor *c, int digits, int max, int *number)
{
    *number = 0;
    if (c->end - c->at < digits) {
        return false;
    }
    for (int i = 0; i < digits; i++, c->at++) {
        if (*c->at < '0' || *c->at > '9') {
            return false;
        }
        *number = *number * 10 + (*c->at - '0');
    }
    return *number <= max;
}

/* Days since 1970-01-01 of a day in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    const int64_t y = month > 2 ? year : year - 1; /* years begin in March, so that the leap day is
                                                      the last one */
    const int64_t m = month > 2 ? month - 3 : month + 9;
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool take_date(cursor *c, int64_t *days)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(c, 4, 9999, &year) || !take(c, '-') || !take_number(c, 2, 12, &month) ||
        !take(c, '-') || !take_number(c, 2, 31, &day) || year == 0 || month == 0 || day == 0) {
        return false;
    }
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] || (month == 2 && day == 29 && !leap)) {
        return false;
    }
    *days = days_of(year, month, day);
    return true;
}

static bool take_fraction(cursor *c, int64_t *ms)
{
    int64_t unit = 100;
    const char *begin = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, unit /= 10) {
        *ms += (*c->at - '0') * unit;
    }
    return c->at > begin;
}

static bool take_clock(cursor *c, int64_t *ms)
{
    int hour, minute, second = 0;
    if (!take_number(c, 2, 24, &hour) || !take(c, ':') || !take_number(c, 2, 59, &minute)) {
        return false;
    }
    if (take(c, ':') && !take_number(c, 2, 60, &second)) {
        return false;
    }
    *ms = ((hour * INT64_C(60) + minute) * 60 + second) * 1000;
    return !take(c, '.') || take_fraction(c, ms);
}

/* Z, +01, +0130, +01:30 or nothing. */
static bool take_zone(cursor *c, int *minutes)
{
    int hour, minute = 0;
    *minutes = 0;
    if (c->at == c->end || take(c, 'Z') || take(c, 'z')) {
        return true;
    }
    const bool west = *c->at == '-';
    if ((!take(c, '+') && !take(c, '-')) || !take_number(c, 2, 23, &hour)) {
        return false;
    }
    if (c->at < c->end) {
        take(c, ':');
        if (!take_number(c, 2, 59, &minute)) {
            return false;
        }
    }
    *minutes = west ? -(hour * 60 + minute) : hour * 60 + minute;
    return *minutes >= -ZONE_MAX_M && *minutes <= ZONE_MAX_M;
}

static bool read_timestamp(cmp_str value, int64_t *ms)
{
    cursor c = {value.at, value.at + value.size};
    int64_t days, clock_ms = 0;
    int zone_minutes = 0;
    if (!take_date(&c, &days)) {
        return false;
    }
    if (take(&c, ' ') || take(&c, 'T') || take(&c, 't')) {
        if (!take_clock(&c, &clock_ms) || !take_zone(&c, &zone_minutes)) {
            return false;
        }
    }
    *ms = days * DAY_MS + clock_ms - zone_minutes * MINUTE_MS;
    return c.at == c.end;
}

bool value_time(cmp_str value, int64_t *ms)
{
    if (value_integer(value, ms)) {
        return true;
    }
    if (cmp_str_equal(value, CMP_STR("infinity"))) {
        *ms = CMP_TIME_MAX;
        return true;
    }
    if (cmp_str_equal(value, CMP_STR("-infinity"))) {
        *ms = CMP_TIME_MIN;
        return true;
    }
    return read_timestamp(value, ms);
}
