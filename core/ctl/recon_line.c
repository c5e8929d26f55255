/* SPDX-License-Identifier: Apache-2.0 */
/* See recon_line.h. Tens of millions of lines are read: no tree, no memory, one pass. */
#include "ctl/recon_line.h"

#include <cmp-kit/text.h>

static const char *const names[] = {
    [RECON_TIME] = "time",       [RECON_KIND] = "kind", [RECON_DIRECTION] = "direction",
    [RECON_PEER] = "peer",       [RECON_TID] = "tid",   [RECON_ICI] = "ici",
    [RECON_VERDICT] = "verdict", [RECON_CODE] = "code", [RECON_STATUS] = "status",
    [RECON_ATTEMPT] = "attempt", [RECON_CC] = "cc",
};

static const char too_long[] = "a value is too long";

static int column_named(cmp_str name)
{
    for (int i = 0; i < RECON_COLUMN_MAX; i++) {
        if (cmp_str_equal(name, cmp_str_from(names[i]))) {
            return i;
        }
    }
    return -1;
}

/* ---- CSV (RFC 4180), a record on one line ---- */

/* The value at *at, which goes behind its comma; *more: there is one. In quotes, doubled quotes are
 * one. */
static const char *next_value(const char **at, const char *end, recon_line *to, cmp_str *value,
                              bool *more)
{
    if (*at == end || **at != '"') {
        const char *comma = memchr(*at, ',', (size_t)(end - *at));
        *value = (cmp_str){*at, (size_t)((comma != NULL ? comma : end) - *at)};
        *more = comma != NULL;
        *at = *more ? comma + 1 : end;
        return NULL;
    }
    char *begin = to->room + to->used;
    const char *p = *at + 1;
    for (; p < end; p++) {
        if (*p == '"' && (++p == end || *p != '"')) {
            break;
        }
        if (to->used == sizeof(to->room)) {
            return too_long;
        }
        to->room[to->used++] = *p;
    }
    if (p < end && *p != ',') {
        return "a quote does not end its value";
    }
    *value = (cmp_str){begin, (size_t)(to->room + to->used - begin)};
    *more = p < end;
    *at = *more ? p + 1 : end;
    return NULL;
}

static const char *read_csv(const recon_layout *l, cmp_str line, recon_line *to)
{
    const char *at = line.at, *const end = line.at + line.size;
    bool more = true;
    for (size_t i = 0; more; i++) {
        cmp_str value;
        const char *wrong = next_value(&at, end, to, &value, &more);
        if (wrong != NULL) {
            return wrong;
        }
        if (i >= l->column_count) {
            return "it has more values than the first line has names";
        }
        if (l->columns[i] >= 0 && value.size > 0) {
            to->texts[l->columns[i]] = value;
        }
    }
    return NULL;
}

/* ---- NDJSON ---- */

typedef struct json {
    const char *at, *end;
    recon_line *to;
} json;

static void skip_space(json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\r')) {
        j->at++;
    }
}

static bool take(json *j, char c)
{
    skip_space(j);
    if (j->at == j->end || *j->at != c) {
        return false;
    }
    j->at++;
    return true;
}

/* Of a text with escapes; those beyond ASCII stay as they are written, since none of them is of
 * use here. */
static const char *unescape(json *j, cmp_str raw, cmp_str *value)
{
    recon_line *to = j->to;
    char *begin = to->room + to->used;
    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.at[i];
        if (c == '\\' && i + 1 < raw.size) {
            static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
            const char *found = strchr(escapes, raw.at[i + 1]);
            if (found != NULL && *found != '\0') {
                c = meant[found - escapes];
                i++;
            }
        }
        if (to->used == sizeof(to->room)) {
            return too_long;
        }
        to->room[to->used++] = c;
    }
    *value = (cmp_str){begin, (size_t)(to->room + to->used - begin)};
    return NULL;
}

/* Behind its opening quote. */
static const char *read_string(json *j, cmp_str *value)
{
    const char *begin = j->at;
    bool escaped = false;
    for (; j->at < j->end && *j->at != '"'; j->at++) {
        if (*j->at == '\\') {
            escaped = true;
            j->at++;
        }
    }
    if (j->at >= j->end) {
        return "a string does not end";
    }
    *value = (cmp_str){begin, (size_t)(j->at++ - begin)};
    return escaped ? unescape(j, *value, value) : NULL;
}

/* Past an object or an array, whatever is in it. */
static const char *skip_nested(json *j)
{
    unsigned depth = 0;
    do {
        const char c = *j->at++;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (c == '"') {
            recon_line unused = {.used = 0};
            json inner = {j->at, j->end, &unused};
            cmp_str value;
            const char *wrong = read_string(&inner, &value);
            if (wrong != NULL && wrong != too_long) {
                return wrong;
            }
            j->at = inner.at;
        }
    } while (depth > 0 && j->at < j->end);
    return depth == 0 ? NULL : "an object or array does not end";
}

static const char *read_value(json *j, cmp_str *value)
{
    skip_space(j);
    if (j->at == j->end) {
        return "a member has no value";
    }
    if (*j->at == '"') {
        j->at++;
        return read_string(j, value);
    }
    if (*j->at == '{' || *j->at == '[') {
        *value = CMP_NONE;
        return skip_nested(j);
    }
    const char *begin = j->at;
    while (j->at < j->end && *j->at != ',' && *j->at != '}' && *j->at != ' ') {
        j->at++;
    }
    *value = (cmp_str){begin, (size_t)(j->at - begin)};
    if (cmp_str_equal(*value, CMP_STR("null"))) {
        *value = CMP_NONE;
    }
    return NULL;
}

static const char *read_member(json *j)
{
    cmp_str name, value;
    if (!take(j, '"')) {
        return "expected the name of a member";
    }
    const char *wrong = read_string(j, &name);
    if (wrong == NULL && !take(j, ':')) {
        wrong = "expected a colon behind a member's name";
    }
    wrong = wrong != NULL ? wrong : read_value(j, &value);
    if (wrong != NULL) {
        return wrong;
    }
    const int column = column_named(name);
    if (column >= 0 && value.size > 0) {
        j->to->texts[column] = value;
    }
    return NULL;
}

static const char *read_json(cmp_str line, recon_line *to)
{
    json j = {line.at, line.at + line.size, to};
    if (!take(&j, '{')) {
        return "expected a JSON object";
    }
    if (take(&j, '}')) {
        return NULL;
    }
    do {
        const char *wrong = read_member(&j);
        if (wrong != NULL) {
            return wrong;
        }
    } while (take(&j, ','));
    return take(&j, '}') ? NULL : "the JSON object does not end";
}

/* ---- both ---- */

static const char *read_csv_head(recon_layout *l, cmp_str line)
{
    const char *at = line.at, *const end = line.at + line.size;
    bool found[RECON_COLUMN_MAX] = {false};
    for (bool more = true; more;) {
        recon_line quoted = {.used = 0};
        cmp_str name;
        const char *wrong = next_value(&at, end, &quoted, &name, &more);
        if (wrong != NULL) {
            return wrong;
        }
        if (l->column_count == sizeof(l->columns) / sizeof(l->columns[0])) {
            return "the first line has too many names";
        }
        const int column = column_named(name);
        l->columns[l->column_count++] = column;
        if (column >= 0) {
            found[column] = true;
        }
    }
    return found[RECON_TIME] && found[RECON_DIRECTION] && found[RECON_TID] && found[RECON_VERDICT]
               ? NULL
               : "expected a line with the names of the columns, time, direction, tid and verdict "
                 "among them";
}

/* The mark that some programs put before UTF-8. */
static cmp_str without_mark(cmp_str line)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t size = sizeof(mark) - 1;
    return line.size >= size && memcmp(line.at, mark, size) == 0
               ? (cmp_str){line.at + size, line.size - size}
               : line;
}

const char *recon_layout_read(recon_layout *l, cmp_str line, bool *is_head)
{
    line = without_mark(line);
    *l = (recon_layout){.csv = line.size == 0 || *line.at != '{'};
    *is_head = l->csv;
    return l->csv ? read_csv_head(l, line) : NULL;
}

const char *recon_line_read(const recon_layout *l, cmp_str line, recon_line *to)
{
    memset(to->texts, 0, sizeof(to->texts));
    to->used = 0;
    return l->csv ? read_csv(l, line, to) : read_json(without_mark(line), to);
}
