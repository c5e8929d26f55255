/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text for people, for a terminal or a file: as wide as there is room, with a few tones.
 *
 * What is put is ours, in UTF-8, each character one column wide; what others may have named is put
 * with sheet_name. */
#pragma once

#include <cmp/base.h>

typedef enum tone {
    TONE_PLAIN,
    TONE_HEAD, /* of a table */
    TONE_STRONG,
    TONE_QUIET,
    TONE_GOOD,
    TONE_WARNING,
    TONE_BAD,
    TONE_ALARM,
} tone;

typedef struct sheet sheet;

/* `columns`: what goes beyond is cut off; 0: nothing is. `colours`: tones are shown. `ascii`:
 * other characters are shown as one of ASCII that looks like it. */
sheet *sheet_create(unsigned columns, bool colours, bool ascii);
void sheet_destroy(sheet **s);

/* Puts text at the end of the last line, which is begun by the first; a line's end begins the next
 * with what comes. */
void sheet_put(sheet *s, tone t, const char *format, ...) CMP_PRINTF(3, 4);
void sheet_end_line(sheet *s);

/* Puts a text of any octets: what is no visible ASCII is shown as ?. */
void sheet_name(sheet *s, tone t, const char *text);

/* From here on all tones but those of alarms are quiet: what is put is old. */
void sheet_fade(sheet *s);

/* How many columns there are; 0: as many as one likes. */
unsigned sheet_columns(const sheet *s);

/* Blanks up to that column, counted from 0; nothing when the line is there already. */
void sheet_to(sheet *s, unsigned column);

/* How many columns the last line has by now. */
unsigned sheet_column(const sheet *s);

/* The lines, in the order in which they were begun, without their ends; live until the next put. */
size_t sheet_count(const sheet *s);
cmp_str sheet_line(const sheet *s, size_t at);
