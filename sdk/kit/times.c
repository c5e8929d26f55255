/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of times (RFC 3339, 5.6). */
#include <cmp-kit/times.h>

#include <cmp-kit/text.h>

#define MINUTES_A_DAY 1440

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years begin with March in here, so
 * that the leap day is the last one, and month m of them, from 0, begins after (153 * m + 2) / 5
 * days. 400 years have 146097 days, and that many are added first, so that nothing is negative;
 * 719468 days lie between 0000-03-01 and 1970-01-01. */
static int64_t days_from_date(int year, int month, int day)
{
    const int64_t y = year + 400 - (month <= 2);
    const int64_t days_in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + days_in_year - 719468 - 146097;
}

/* The same, backwards. */
static void date_from_days(int64_t days, int *year, int *month, int *day)
{
    const int64_t since = days + 719468 + 146097;
    const int64_t era = since / 146097, of_era = since % 146097;
    const int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    const int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + (era - 1) * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Takes exactly `digits` digits off the front. */
static bool take_number(cmp_str *text, size_t digits, int min, int max, int *number)
{
    int64_t value;
    if (text->size < digits || !kit_number_parse((cmp_str){text->at, digits}, min, max, &value)) {
        return false;
    }
    *number = (int)value;
    *text = (cmp_str){text->at + digits, text->size - digits};
    return true;
}

static bool take_octet(cmp_str *text, char octet)
{
    if (text->size == 0 || kit_ascii_lower(text->at[0]) != octet) {
        return false;
    }
    *text = (cmp_str){text->at + 1, text->size - 1};
    return true;
}

/* An optional fraction; what is finer than a millisecond is cut off. */
static bool take_fraction(cmp_str *text, int *ms)
{
    *ms = 0;
    if (!take_octet(text, '.')) {
        return true;
    }
    int weight = 100, any;
    if (text->size == 0 || text->at[0] < '0' || text->at[0] > '9') {
        return false;
    }
    while (take_number(text, 1, 0, 9, &any)) {
        *ms += any * weight;
        weight /= 10;
    }
    return true;
}

/* `Z`, or how far the local time is ahead. */
static bool take_offset(cmp_str *text, int *minutes)
{
    *minutes = 0;
    if (take_octet(text, 'z')) {
        return true;
    }
    int hour, minute;
    const bool behind = take_octet(text, '-');
    if (!behind && !take_octet(text, '+')) {
        return false;
    }
    if (!take_number(text, 2, 0, 23, &hour) || !take_octet(text, ':') ||
        !take_number(text, 2, 0, 59, &minute)) {
        return false;
    }
    *minutes = behind ? -(hour * 60 + minute) : hour * 60 + minute;
    return true;
}

bool kit_time_parse(cmp_str text, int64_t *ms)
{
    int year, month, day, hour, minute, second, fraction, offset;
    if (!take_number(&text, 4, 0, 9999, &year) || !take_octet(&text, '-') ||
        !take_number(&text, 2, 1, 12, &month) || !take_octet(&text, '-') ||
        !take_number(&text, 2, 1, days_in_month(year, month), &day) || !take_octet(&text, 't') ||
        !take_number(&text, 2, 0, 23, &hour) || !take_octet(&text, ':') ||
        !take_number(&text, 2, 0, 59, &minute) || !take_octet(&text, ':') ||
        !take_number(&text, 2, 0, 60, &second) || !take_fraction(&text, &fraction) ||
        !take_offset(&text, &offset) || text.size != 0) {
        return false;
    }
    const int utc_minute = hour * 60 + minute - offset;
    /* A leap second ends a UTC day. Unix time has none: it counts as the second that follows. */
    if (second == 60 && (utc_minute + 2 * MINUTES_A_DAY) % MINUTES_A_DAY != MINUTES_A_DAY - 1) {
        return false;
    }
    const int64_t minutes = days_from_date(year, month, day) * MINUTES_A_DAY + utc_minute;
    *ms = (minutes * 60 + second) * 1000 + fraction;
    return true;
}

static char *put_number(char *to, int64_t number, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + number % 10);
        number /= 10;
    }
    to[digits] = after;
    return to + digits + 1;
}

void kit_time_format(int64_t ms, char text[KIT_TIME_TEXT_SIZE])
{
    /* RFC 3339 has four digits for the year: 0000-01-01T00:00:00.000Z to
     * 9999-12-31T23:59:59.999Z. */
    const int64_t first = INT64_C(-62167219200000), last = INT64_C(253402300799999);
    const int64_t day_ms = INT64_C(86400000);
    const int64_t since_first = (ms < first ? first : ms > last ? last : ms) - first;
    const int64_t of_day = since_first % day_ms;
    int year, month, day;
    date_from_days(since_first / day_ms + first / day_ms, &year, &month, &day);
    char *to = put_number(text, year, 4, '-');
    to = put_number(to, month, 2, '-');
    to = put_number(to, day, 2, 'T');
    to = put_number(to, of_day / 3600000, 2, ':');
    to = put_number(to, of_day / 60000 % 60, 2, ':');
    to = put_number(to, of_day / 1000 % 60, 2, '.');
    to = put_number(to, of_day % 1000, 3, 'Z');
    *to = '\0';
}
