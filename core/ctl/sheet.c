/* SPDX-License-Identifier: Apache-2.0 */
/* See sheet.h. One block of text, and where each line begins in it. */
#include "ctl/sheet.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE_SIZE 512

struct sheet {
    unsigned columns;
    bool colours, ascii, faded;
    char *text;
    size_t size, room;
    size_t *begins; /* of each line; and behind the last one, when it has ended */
    size_t count, begins_room;
    bool open; /* the last line has not ended */
    unsigned column;
};

/* Select Graphic Rendition (ECMA-48, 8.3.117): the sixteen colours, which every terminal has and
 * its owner has chosen. */
static const char *const renditions[] = {
    [TONE_PLAIN] = "",         [TONE_HEAD] = "\033[1;36m",    [TONE_STRONG] = "\033[1m",
    [TONE_QUIET] = "\033[2m",  [TONE_GOOD] = "\033[32m",      [TONE_WARNING] = "\033[33m",
    [TONE_BAD] = "\033[1;31m", [TONE_ALARM] = "\033[1;37;41m"};
#define RENDITION_NONE "\033[m"

sheet *sheet_create(unsigned columns, bool colours, bool ascii)
{
    sheet *s = kit_calloc(1, sizeof(*s));
    s->columns = columns;
    s->colours = colours;
    s->ascii = ascii;
    return s;
}

void sheet_destroy(sheet **s)
{
    if (*s != NULL) {
        free((*s)->text);
        free((*s)->begins);
        free(*s);
        *s = NULL;
    }
}

static void append(sheet *s, const char *text, size_t size)
{
    if (s->size + size > s->room) {
        s->room = 2 * (s->room + size) + PIECE_SIZE;
        s->text = kit_realloc(s->text, s->room);
    }
    memcpy(s->text + s->size, text, size);
    s->size += size;
}

static void begin_line(sheet *s)
{
    if (s->open) {
        return;
    }
    if (s->count == s->begins_room) {
        s->begins_room = 2 * s->begins_room + 64;
        s->begins = kit_realloc(s->begins, s->begins_room * sizeof(*s->begins));
    }
    s->begins[s->count++] = s->size;
    s->open = true;
    s->column = 0;
}

void sheet_end_line(sheet *s)
{
    begin_line(s);
    s->open = false;
}

/* What stands for a character where there is only ASCII. */
static char look_alike(cmp_str character)
{
    static const struct {
        const char *character;
        char instead;
    } known[] = {{"·", '-'}, {"–", '-'}, {"…", '~'}, {"▁", '.'}, {"▂", '.'}, {"▃", ':'},
                 {"▄", ':'}, {"▅", '|'}, {"▆", '|'}, {"▇", '#'}, {"█", '#'}, {"●", '*'}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (cmp_str_equal(character, cmp_str_from(known[i].character))) {
            return known[i].instead;
        }
    }
    return '?';
}

static void put_character(sheet *s, cmp_str character)
{
    if (s->columns != 0 && s->column >= s->columns) {
        return;
    }
    if (s->ascii && character.size > 1) {
        const char instead = look_alike(character);
        append(s, &instead, 1);
    } else {
        append(s, character.at, character.size);
    }
    s->column++;
}

static void put(sheet *s, tone t, const char *text)
{
    begin_line(s);
    t = s->faded && t != TONE_ALARM ? TONE_QUIET : t;
    const bool rendered = s->colours && *renditions[t] != '\0' && *text != '\0';
    if (rendered) {
        append(s, renditions[t], strlen(renditions[t]));
    }
    while (*text != '\0') {
        size_t size = kit_utf8_first(cmp_str_from(text));
        size = size != 0 ? size : 1;
        put_character(s, (cmp_str){text, size});
        text += size;
    }
    if (rendered) {
        append(s, RENDITION_NONE, sizeof(RENDITION_NONE) - 1);
    }
}

void sheet_put(sheet *s, tone t, const char *format, ...)
{
    char piece[PIECE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    put(s, t, piece);
}

void sheet_name(sheet *s, tone t, const char *text)
{
    char piece[PIECE_SIZE];
    size_t size = 0;
    for (; *text != '\0' && size < sizeof(piece) - 1; text++) {
        piece[size++] = (char)(*text >= 0x20 && *text < 0x7F ? *text : '?');
    }
    piece[size] = '\0';
    put(s, t, piece);
}

void sheet_fade(sheet *s)
{
    s->faded = true;
}

unsigned sheet_columns(const sheet *s)
{
    return s->columns;
}

void sheet_to(sheet *s, unsigned column)
{
    begin_line(s);
    while (s->column < column && (s->columns == 0 || s->column < s->columns)) {
        append(s, " ", 1);
        s->column++;
    }
}

unsigned sheet_column(const sheet *s)
{
    return s->open ? s->column : 0;
}

size_t sheet_count(const sheet *s)
{
    return s->count;
}

cmp_str sheet_line(const sheet *s, size_t at)
{
    const size_t end = at + 1 < s->count ? s->begins[at + 1] : s->size;
    return (cmp_str){s->text + s->begins[at], end - s->begins[at]};
}
