/* SPDX-License-Identifier: Apache-2.0 */
/* See template.h: line by line, with a stack of what holds. */
#include "ctl/template.h"

enum { DEPTH_MAX = 8 };

typedef struct writing {
    const template_for *f;
    FILE *to;
    bool holds[DEPTH_MAX + 1]; /* the outermost always does */
    unsigned depth;
} writing;

static bool begins_with(cmp_str line, const char *word)
{
    const size_t size = strlen(word);
    return line.size >= size && memcmp(line.at, word, size) == 0 &&
           (line.size == size || line.at[size] == ' ');
}

static bool has_word(const template_for *f, cmp_str word)
{
    for (const char *const *w = f->words; *w != NULL; w++) {
        if (cmp_str_equal(cmp_str_from(*w), word)) {
            return true;
        }
    }
    return false;
}

static bool any_word(const template_for *f, cmp_str words)
{
    while (words.size > 0) {
        const char *space = memchr(words.at, ' ', words.size);
        const size_t size = space != NULL ? (size_t)(space - words.at) : words.size;
        if (size > 0 && has_word(f, (cmp_str){words.at, size})) {
            return true;
        }
        const size_t taken = space != NULL ? size + 1 : size;
        words = (cmp_str){words.at + taken, words.size - taken};
    }
    return false;
}

/* The value that a line begins with, whose name stands between two at signs. */
static const template_value *value_at(const template_for *f, cmp_str line)
{
    for (const template_value *v = f->values; v->name != NULL; v++) {
        const size_t size = strlen(v->name);
        if (line.size >= size + 2 && line.at[0] == '@' && line.at[size + 1] == '@' &&
            memcmp(line.at + 1, v->name, size) == 0) {
            return v;
        }
    }
    return NULL;
}

static void write_line(const writing *w, cmp_str line)
{
    while (line.size > 0) {
        const template_value *v = value_at(w->f, line);
        const size_t taken = v != NULL ? strlen(v->name) + 2 : 1;
        if (v != NULL) {
            fputs(v->text, w->to);
        } else {
            fputc(line.at[0], w->to);
        }
        line = (cmp_str){line.at + taken, line.size - taken};
    }
    fputc('\n', w->to);
}

/* What is inside of what does not hold does not either. */
static bool take_line(writing *w, cmp_str line)
{
    static const cmp_str condition = {"@if ", 4};
    const bool outside = w->depth == 0 || w->holds[w->depth - 1];
    if (begins_with(line, "@if")) {
        if (w->depth == DEPTH_MAX || line.size <= condition.size) {
            return false;
        }
        const cmp_str words = {line.at + condition.size, line.size - condition.size};
        w->holds[w->depth + 1] = w->holds[w->depth] && any_word(w->f, words);
        w->depth++;
    } else if (begins_with(line, "@else")) {
        w->holds[w->depth] = outside && !w->holds[w->depth];
        return w->depth > 0;
    } else if (begins_with(line, "@end")) {
        return w->depth-- > 0;
    } else if (w->holds[w->depth]) {
        write_line(w, line);
    }
    return true;
}

bool template_write(const char *text, const template_for *f, FILE *to)
{
    writing w = {.f = f, .to = to, .holds = {true}};
    while (*text != '\0') {
        const size_t size = strcspn(text, "\n");
        if (!take_line(&w, (cmp_str){text, size})) {
            return false;
        }
        text += size + (text[size] == '\n');
    }
    return w.depth == 0;
}
