/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what columns hold: between a driver's row and the record (columns.c). */
#include "values.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>
#include <cmp/record.h>

#include <stdio.h>

bool value_is_text(cmp_str value)
{
    return kit_utf8_valid(value) && (value.size == 0 || memchr(value.at, '\0', value.size) == NULL);
}

/* No plus: kit_number_parse would take one, but no database writes it. */
bool value_integer(cmp_str value, int64_t *number)
{
    return (value.size == 0 || value.at[0] != '+') &&
           kit_number_parse(value, INT64_MIN, INT64_MAX, number);
}

/* ---- times ---- */

static size_t digits_of(cmp_str text)
{
    size_t count = 0;
    while (count < text.size && text.at[count] >= '0' && text.at[count] <= '9') {
        count++;
    }
    return count;
}

static cmp_str behind(cmp_str text, size_t size)
{
    return (cmp_str){text.at + size, text.size - size};
}

/* A zone as RFC 3339 has it: Z for none, +01:00 for +01, +01:30 for +0130. */
static void zone_format(cmp_str zone, char text[16])
{
    const cmp_str digits = zone.size > 0 ? behind(zone, 1) : zone;
    if (zone.size == 0) {
        snprintf(text, 16, "Z");
    } else if (digits.size == 2 && digits_of(digits) == 2) {
        snprintf(text, 16, "%.3s:00", zone.at);
    } else if (digits.size == 4 && digits_of(digits) == 4) {
        snprintf(text, 16, "%.3s:%.2s", zone.at, digits.at + 2);
    } else {
        snprintf(text, 16, "%.*s", zone.size < 16 ? (int)zone.size : 0, zone.at);
    }
}

/* Where a clock's text ends and its zone begins. */
static size_t clock_size(cmp_str clock)
{
    size_t size = 0;
    while (size < clock.size && strchr("0123456789:.", clock.at[size]) != NULL) {
        size++;
    }
    return size;
}

/* PostgreSQL leaves out what RFC 3339 demands, so it is put in before a time is read as one. */
static bool read_timestamp(cmp_str value, int64_t *ms)
{
    enum { DATE_SIZE = 10, MINUTES_SIZE = 5, CLOCK_MAX = 32 };
    char text[80], zone[16];
    if (value.size < DATE_SIZE || memchr(value.at, '\0', value.size) != NULL) {
        return false;
    }
    cmp_str clock = behind(value, DATE_SIZE);
    if (clock.size == 0) {
        clock = CMP_STR(" 00:00");
    }
    const bool parted = clock.at[0] == ' ' || clock.at[0] == 'T' || clock.at[0] == 't';
    clock = behind(clock, 1);
    const size_t size = clock_size(clock);
    if (!parted || size > CLOCK_MAX) {
        return false;
    }
    zone_format(behind(clock, size), zone);
    const int written = snprintf(text, sizeof(text), "%.10sT%.*s%s%s", value.at, (int)size,
                                 clock.at, size == MINUTES_SIZE ? ":00" : "", zone);
    return kit_time_parse((cmp_str){text, (size_t)written}, ms);
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
