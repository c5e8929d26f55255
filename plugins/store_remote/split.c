/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of an answer. What is between a record's brackets is judged by the host's reader. */
#include "split.h"

/* Only what is around the records is read here, so that a plugin needs no JSON library. White space
 * is that of RFC 8259, 2. */
static void skip_space(split *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

static bool take(split *s, cmp_str token)
{
    skip_space(s);
    if ((size_t)(s->end - s->at) < token.size || memcmp(s->at, token.at, token.size) != 0) {
        return false;
    }
    s->at += token.size;
    return true;
}

void split_open(split *s, cmp_str text)
{
    *s = (split){.at = text.at, .end = text.at + text.size, .first = true};
    s->ended = !take(s, CMP_STR("{")) || !take(s, CMP_STR("\"records\"")) ||
               !take(s, CMP_STR(":")) || !take(s, CMP_STR("["));
}

/* Behind the opening quote, to behind the closing one. */
static const char *behind_string(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++) {
        if (*at == '\\' && ++at == end) {
            return NULL;
        }
    }
    return at < end ? at + 1 : NULL;
}

/* From an opening bracket to behind the one that closes it. Which kind closes which is not looked
 * at: the host refuses what does not fit. */
static const char *behind_object(const char *at, const char *end)
{
    size_t depth = 0;
    while (at != NULL && at < end) {
        const char c = *at++;
        if (c == '"') {
            at = behind_string(at, end);
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return at;
        }
    }
    return NULL;
}

static bool end(split *s)
{
    s->ended = true;
    s->good = take(s, CMP_STR("}"));
    skip_space(s);
    s->good = s->good && s->at == s->end;
    return false;
}

bool split_next(split *s, cmp_str *json)
{
    if (s->ended) {
        return false;
    }
    if (take(s, CMP_STR("]"))) {
        return end(s);
    }
    s->ended = !s->first && !take(s, CMP_STR(","));
    s->first = false;
    skip_space(s);
    const char *begin = s->at;
    const char *behind =
        !s->ended && begin < s->end && *begin == '{' ? behind_object(begin, s->end) : NULL;
    if (behind == NULL) {
        s->ended = true;
        return false;
    }
    *json = (cmp_str){begin, (size_t)(behind - begin)};
    s->at = behind;
    return true;
}

bool split_good(const split *s)
{
    return s->good;
}
