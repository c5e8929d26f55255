/* SPDX-License-Identifier: Apache-2.0 */
/* Host names, and the search for a name that was meant. */
#include "base/names.h"

#include <cmp-kit/text.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    const char lower = kit_ascii_lower(c);
    return lower >= 'a' && lower <= 'z';
}

static bool label_valid(const char *at, size_t size)
{
    if (size == 0 || size > 63 || at[0] == '-' || at[size - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!digit(at[i]) && !letter(at[i]) && at[i] != '-') {
            return false;
        }
    }
    return true;
}

bool host_valid(cmp_str text)
{
    if (text.size == 0 || text.size > 253) {
        return false;
    }
    const char *label = text.at, *const end = text.at + text.size;
    const char *dot;
    while ((dot = memchr(label, '.', (size_t)(end - label))) != NULL) {
        if (!label_valid(label, (size_t)(dot - label))) {
            return false;
        }
        label = dot + 1;
    }
    if (label == text.at || !label_valid(label, (size_t)(end - label))) {
        return false;
    }
    while (label < end && digit(*label)) {
        label++;
    }
    return label < end;
}

#define NAME_MAX_SIZE 64

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements, and swaps of neighbours; letter case does not count. Three
 * rows of the matrix are kept: the current one and the two above it. */
static size_t edits(cmp_str a, cmp_str b)
{
    size_t rows[3][NAME_MAX_SIZE + 1];
    size_t *above2 = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.size; j++) {
        above[j] = j;
        above2[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        const char ai = kit_ascii_lower(a.at[i - 1]);
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const char bj = kit_ascii_lower(b.at[j - 1]);
            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + (ai != bj));
            if (i > 1 && j > 1 && ai == kit_ascii_lower(b.at[j - 2]) &&
                bj == kit_ascii_lower(a.at[i - 2])) {
                row[j] = smaller(row[j], above2[j - 2] + 1);
            }
        }
        size_t *const free_row = above2;
        above2 = above;
        above = row;
        row = free_row;
    }
    return above[b.size];
}

size_t name_distance(cmp_str text, const char *name)
{
    const cmp_str other = cmp_str_from(name);
    if (text.size > NAME_MAX_SIZE || other.size > NAME_MAX_SIZE) {
        return SIZE_MAX;
    }
    /* A third of the letters may differ; with more of them names would be proposed that have little
     * in common with what was written. One of two letters may, or short keys were never found. */
    const size_t longer = text.size > other.size ? text.size : other.size;
    const size_t allowed = longer < 3 ? 1 : longer / 3;
    const size_t distance = edits(text, other);
    return distance <= allowed ? distance : SIZE_MAX;
}

const char *name_nearest(cmp_str text, const char *const *names)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (; *names != NULL; names++) {
        const size_t distance = name_distance(text, *names);
        if (distance < least) {
            least = distance;
            nearest = *names;
        }
    }
    return nearest;
}
