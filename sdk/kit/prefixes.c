/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the longest routing prefix, once for each ICI that no store knows.
 *
 * The prefixes lie sorted, each behind those that head it. So the last one that is not behind the
 * ICI is the longest that heads it, or is headed by that itself: each prefix knows the next shorter
 * one that heads it, and the search goes up from one to the next. What it reads of most prefixes is
 * one word, their first 16 digits. */
#include <cmp-kit/prefixes.h>

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define AT_NONE     UINT32_MAX
#define SAMPLE_STEP 64 /* heads; so the samples of 100,000 prefixes fit the nearest cache */

typedef struct target {
    uint32_t parent; /* the longest prefix that heads this one, or AT_NONE */
    uint32_t value;
    uint32_t size; /* digits of the prefix */
} target;

typedef uint64_t tail[KIT_DIGITS_WORDS - 1]; /* the digits behind the first word */

struct kit_prefixes {
    size_t count;
    unsigned longest;  /* digits */
    uint64_t *heads;   /* first words */
    uint64_t *samples; /* the last one of every SAMPLE_STEP heads, to begin the search with */
    target *targets;
    tail *tails; /* NULL when no prefix is longer than a word */
};

/* ---- what it is built from ---- */

void kit_prefixes_add(kit_prefix_list *l, const kit_prefix *added)
{
    if (l->count == l->room) {
        l->room = l->room > 0 ? 2 * l->room : 64;
        l->at = kit_realloc(l->at, l->room * sizeof(*l->at));
    }
    l->at[l->count++] = *added;
}

void kit_prefixes_free(kit_prefix_list *l)
{
    free(l->at);
    *l = (kit_prefix_list){.count = 0};
}

bool kit_prefix_read(cmp_str text, kit_digits *digits)
{
    kit_digits_read(text, KIT_PREFIX_SIZE_MAX, digits);
    return digits->size == text.size && digits->size >= KIT_PREFIX_SIZE_MIN;
}

/* ---- building ---- */

static int prefix_order(const void *a, const void *b)
{
    const kit_prefix *x = a, *y = b;
    const int order = kit_digits_order(&x->digits, &y->digits);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Leaves the first of each: how many those are. With `twins` it stops at the first two. */
static size_t leave_first(const kit_prefix_list *l, kit_prefix_twins *twins)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (kept == 0 || kit_digits_order(&l->at[kept - 1].digits, &l->at[i].digits) != 0) {
            l->at[kept++] = l->at[i];
        } else if (twins != NULL) {
            *twins = (kit_prefix_twins){l->at[kept - 1], l->at[i]};
            break;
        }
    }
    return kept;
}

/* Whether the prefix of that index heads `d`. */
static bool is_head(const kit_prefixes *p, uint32_t at, const kit_digits *d)
{
    const unsigned size = p->targets[at].size;
    if (size > d->size) {
        return false;
    }
    if (size <= KIT_WORD_DIGITS) {
        return kit_word_equal(p->heads[at], d->word[0], size);
    }
    const uint64_t *words = p->tails[at];
    const unsigned last = (size - 1) / KIT_WORD_DIGITS;
    return p->heads[at] == d->word[0] &&
           memcmp(words, d->word + 1, (last - 1) * sizeof(*words)) == 0 &&
           kit_word_equal(words[last - 1], d->word[last], size - last * KIT_WORD_DIGITS);
}

/* The first that heads `d` of a prefix, the next shorter one that heads it, and so on. */
static uint32_t head_from(const kit_prefixes *p, uint32_t at, const kit_digits *d)
{
    while (at != AT_NONE && !is_head(p, at, d)) {
        at = p->targets[at].parent;
    }
    return at;
}

static void take(kit_prefixes *p, size_t at, const kit_prefix *from)
{
    const kit_digits *d = &from->digits;
    p->heads[at] = d->word[0];
    if (at % SAMPLE_STEP == SAMPLE_STEP - 1) {
        p->samples[at / SAMPLE_STEP] = d->word[0];
    }
    if (p->tails != NULL) {
        memcpy(p->tails[at], d->word + 1, sizeof(tail));
    }
    /* The parent lies before it, so its own target is complete. */
    p->targets[at] = (target){
        .parent = head_from(p, at > 0 ? (uint32_t)(at - 1) : AT_NONE, d),
        .value = from->value,
        .size = d->size,
    };
}

kit_prefixes *kit_prefixes_build(kit_prefix_list *l, kit_prefix_twins *twins)
{
    if (l->count > 0) {
        qsort(l->at, l->count, sizeof(*l->at), prefix_order);
    }
    const size_t kept = leave_first(l, twins);
    if (twins != NULL && kept < l->count) {
        return NULL;
    }
    l->count = kept;
    kit_prefixes *p = kit_calloc(1, sizeof(*p));
    p->count = kept;
    for (size_t i = 0; i < kept; i++) {
        const unsigned size = l->at[i].digits.size;
        p->longest = size > p->longest ? size : p->longest;
    }
    p->heads = kit_calloc(kept + 1, sizeof(*p->heads));
    p->samples = kit_calloc(kept / SAMPLE_STEP + 1, sizeof(*p->samples));
    p->targets = kit_calloc(kept + 1, sizeof(*p->targets));
    if (p->longest > KIT_WORD_DIGITS) {
        p->tails = kit_calloc(kept, sizeof(*p->tails));
    }
    for (size_t i = 0; i < kept; i++) {
        take(p, i, &l->at[i]);
    }
    return p;
}

void kit_prefixes_destroy(kit_prefixes **p)
{
    if (*p == NULL) {
        return;
    }
    free((*p)->heads);
    free((*p)->samples);
    free((*p)->targets);
    free((*p)->tails);
    free(*p);
    *p = NULL;
}

/* ---- search ---- */

/* How many of the sorted words are not greater than `word`. No branch depends on the words. */
static size_t count_up_to(const uint64_t *words, size_t count, uint64_t word)
{
    const uint64_t *from = words;
    while (count > 1) {
        const size_t half = count / 2;
        from += (size_t)(from[half - 1] <= word) * half;
        count -= half;
    }
    return (size_t)(from - words) + (count == 1 && *from <= word);
}

static bool tail_up_to(const tail a, const uint64_t *b)
{
    for (unsigned w = 0; w < KIT_DIGITS_WORDS - 1; w++) {
        if (a[w] != b[w]) {
            return a[w] < b[w];
        }
    }
    return true;
}

static size_t heads_up_to(const kit_prefixes *p, uint64_t word)
{
    const size_t begin = SAMPLE_STEP * count_up_to(p->samples, p->count / SAMPLE_STEP, word);
    const size_t left = p->count - begin;
    return begin + count_up_to(p->heads + begin, left < SAMPLE_STEP ? left : SAMPLE_STEP, word);
}

/* How many prefixes are not behind `d`. */
static size_t place_of(const kit_prefixes *p, const kit_digits *d)
{
    size_t end = heads_up_to(p, d->word[0]);
    if (p->tails == NULL || end == 0 || p->heads[end - 1] != d->word[0]) {
        return end;
    }
    size_t begin = d->word[0] > 0 ? heads_up_to(p, d->word[0] - 1) : 0;
    while (begin < end) { /* among those that have the same first word */
        const size_t middle = begin + (end - begin) / 2;
        if (tail_up_to(p->tails[middle], d->word + 1)) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

uint32_t kit_prefixes_find(const kit_prefixes *p, cmp_str ici, unsigned *matched)
{
    kit_digits d;
    *matched = 0;
    kit_digits_read(ici, p->longest, &d);
    const size_t place = place_of(p, &d);
    const uint32_t found = head_from(p, place > 0 ? (uint32_t)(place - 1) : AT_NONE, &d);
    if (found == AT_NONE) {
        return KIT_PREFIX_NONE;
    }
    *matched = p->targets[found].size;
    return p->targets[found].value;
}

size_t kit_prefixes_count(const kit_prefixes *p)
{
    return p->count;
}
