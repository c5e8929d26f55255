/* SPDX-License-Identifier: Apache-2.0 */
/* See units.h. */
#include "ctl/units.h"

#include <stdio.h>

/* Two units at most, and the smaller one only when there is some of it: nobody wants the seconds of
 * a year. */
const char *units_span(int64_t ms, char text[UNITS_TEXT_SIZE])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    enum { UNITS = sizeof(units) / sizeof(units[0]) };
    size_t unit = 0;
    while (unit < UNITS - 1 && ms < units[unit].ms) {
        unit++;
    }
    const long long whole = ms / units[unit].ms, rest_ms = ms % units[unit].ms;
    const long long rest = unit < UNITS - 2 ? rest_ms / units[unit + 1].ms : 0;
    int used = snprintf(text, UNITS_TEXT_SIZE, "%lld %s", whole, units[unit].name);
    if (rest > 0 && whole < 100) {
        snprintf(text + used, UNITS_TEXT_SIZE - (size_t)used, " %lld %s", rest,
                 units[unit + 1].name);
    }
    return text;
}

/* Three digits that count. */
static const char *three(double value, const char *unit, char text[UNITS_TEXT_SIZE])
{
    const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(text, UNITS_TEXT_SIZE, "%.*f%s", digits, value, unit);
    return text;
}

const char *units_latency(double us, char text[UNITS_TEXT_SIZE])
{
    return us < 999500 ? three(us / 1e3, " ms", text) : three(us / 1e6, " s", text);
}

const char *units_count(uint64_t count, char text[UNITS_TEXT_SIZE])
{
    char digits[UNITS_TEXT_SIZE];
    const int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    char *to = text;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *units_rate(double rate, char text[UNITS_TEXT_SIZE])
{
    if (rate >= 99.95) {
        return units_count((uint64_t)(rate + 0.5), text);
    }
    if (rate == 0) {
        snprintf(text, UNITS_TEXT_SIZE, "0");
        return text;
    }
    return three(rate, "", text);
}

const char *units_bytes(uint64_t bytes, char text[UNITS_TEXT_SIZE])
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1000 && unit < sizeof(units) / sizeof(units[0]) - 1) {
        value /= 1024;
        unit++;
    }
    if (unit == 0) {
        snprintf(text, UNITS_TEXT_SIZE, "%llu B", (unsigned long long)bytes);
        return text;
    }
    return three(value, units[unit], text);
}
