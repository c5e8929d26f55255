/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people: as many digits as one can make use of, and a unit. */
#pragma once

#include <stdint.h>

#define UNITS_TEXT_SIZE 32

/* Each fills `text`, and returns it. */
const char *units_span(int64_t ms, char text[UNITS_TEXT_SIZE]);      /* "3 d 4 h", "250 ms" */
const char *units_latency(double us, char text[UNITS_TEXT_SIZE]);    /* "0.21 ms", "1.5 s" */
const char *units_count(uint64_t count, char text[UNITS_TEXT_SIZE]); /* "1,234,567" */
const char *units_rate(double rate, char text[UNITS_TEXT_SIZE]);     /* "1,234", "12.3", "0.05" */
const char *units_bytes(uint64_t bytes, char text[UNITS_TEXT_SIZE]); /* "14.2 MiB" */
