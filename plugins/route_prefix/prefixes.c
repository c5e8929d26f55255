/* The search for the longest routing prefix, once for each ICI that no store knows.
 *
 * The prefixes lie sorted, each behind those that head it. So the last one that is not behind the
 * ICI is the longest that heads it, or is headed by that itself: each prefix knows the next shorter
 * one that heads it, and the search goes up from one to the next. What it reads of most prefixes is
 * one word, their first 16 digits. */
#include "prefixes.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define RULE_NONE   UINT32_MAX
#define SAMPLE_STEP 64 /* heads; so the samples of 100,000 prefixes fit the nearest cache */

typedef struct target {
    uint32_t parent; /* the longest prefix that heads this one, or RULE_NONE */
    uint32_t hop;
    uint32_t size; /* digits of the prefix */
} target;

typedef uint64_t tail[WORDS - 1]; /* the digits behind the first word */

struct prefixes {
    kit_peers peers;
    size_t count;
    unsigned longest;  /* digits */
    uint64_t *heads;   /* first words */
    uint64_t *samples; /* the last one of every SAMPLE_STEP heads, to begin the search with */
    target *targets;
    tail *tails; /* NULL when no prefix is longer than a word */
};

/* ---- rules ---- */

void rules_add(rules *r, const rule *added)
{
    if (r->count == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 64;
        r->at = kit_realloc(r->at, r->room * sizeof(*r->at));
    }
    r->at[r->count++] = *added;
}

void rules_free(rules *r)
{
    free(r->at);
    *r = (rules){.count = 0};
}

/* ---- building ---- */

/* Twins by their lines, the entry (line 0) before all: the later one is to be complained of. */
static int rule_order(const void *a, const void *b)
{
    const rule *x = a, *y = b;
    const int order = digits_order(&x->prefix, &y->prefix);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static bool twins_find(const rules *r, rule_twins *twins)
{
    for (size_t i = 1; i < r->count; i++) {
        if (digits_order(&r->at[i - 1].prefix, &r->at[i].prefix) == 0) {
            *twins = (rule_twins){r->at[i - 1], r->at[i]};
            return true;
        }
    }
    return false;
}

/* Whether the prefix of that index heads `d`. */
static bool is_head(const prefixes *p, uint32_t at, const digits *d)
{
    const unsigned size = p->targets[at].size;
    if (size > d->size) {
        return false;
    }
    if (size <= WORD_DIGITS) {
        return word_equal(p->heads[at], d->word[0], size);
    }
    const uint64_t *words = p->tails[at];
    const unsigned last = (size - 1) / WORD_DIGITS;
    return p->heads[at] == d->word[0] &&
           memcmp(words, d->word + 1, (last - 1) * sizeof(*words)) == 0 &&
           word_equal(words[last - 1], d->word[last], size - last * WORD_DIGITS);
}

/* The first that heads `d` of a prefix, the next shorter one that heads it, and so on. */
static uint32_t head_from(const prefixes *p, uint32_t at, const digits *d)
{
    while (at != RULE_NONE && !is_head(p, at, d)) {
        at = p->targets[at].parent;
    }
    return at;
}

static unsigned longest_of(const rules *r)
{
    unsigned longest = 0;
    for (size_t i = 0; i < r->count; i++) {
        longest = r->at[i].prefix.size > longest ? r->at[i].prefix.size : longest;
    }
    return longest;
}

prefixes *prefixes_build(rules *r, kit_peers *h, rule_twins *twins)
{
    if (r->count > 0) {
        qsort(r->at, r->count, sizeof(*r->at), rule_order);
    }
    if (twins_find(r, twins)) {
        return NULL;
    }
    prefixes *p = kit_calloc(1, sizeof(*p));
    p->count = r->count;
    p->longest = longest_of(r);
    p->heads = kit_calloc(r->count + 1, sizeof(*p->heads));
    p->samples = kit_calloc(r->count / SAMPLE_STEP + 1, sizeof(*p->samples));
    p->targets = kit_calloc(r->count + 1, sizeof(*p->targets));
    if (p->longest > WORD_DIGITS) {
        p->tails = kit_calloc(r->count, sizeof(*p->tails));
    }
    for (size_t i = 0; i < r->count; i++) {
        const digits *d = &r->at[i].prefix;
        p->heads[i] = d->word[0];
        if (i % SAMPLE_STEP == SAMPLE_STEP - 1) {
            p->samples[i / SAMPLE_STEP] = d->word[0];
        }
        if (p->tails != NULL) {
            memcpy(p->tails[i], d->word + 1, sizeof(tail));
        }
        /* The parent lies before it, so its own target is complete. */
        p->targets[i] = (target){
            .parent = head_from(p, i > 0 ? (uint32_t)(i - 1) : RULE_NONE, d),
            .hop = r->at[i].hop,
            .size = d->size,
        };
    }
    p->peers = *h;
    *h = (kit_peers){.count = 0};
    return p;
}

void prefixes_destroy(prefixes **p)
{
    if (*p == NULL) {
        return;
    }
    kit_peers_free(&(*p)->peers);
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
    for (unsigned w = 0; w < WORDS - 1; w++) {
        if (a[w] != b[w]) {
            return a[w] < b[w];
        }
    }
    return true;
}

static size_t heads_up_to(const prefixes *p, uint64_t word)
{
    const size_t begin = SAMPLE_STEP * count_up_to(p->samples, p->count / SAMPLE_STEP, word);
    const size_t left = p->count - begin;
    return begin + count_up_to(p->heads + begin, left < SAMPLE_STEP ? left : SAMPLE_STEP, word);
}

/* How many prefixes are not behind `d`. */
static size_t place_of(const prefixes *p, const digits *d)
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

uint32_t prefixes_find(const prefixes *p, cmp_str ici, unsigned *matched)
{
    digits d;
    *matched = 0;
    digits_read(ici, p->longest, &d);
    const size_t place = place_of(p, &d);
    const uint32_t found = head_from(p, place > 0 ? (uint32_t)(place - 1) : RULE_NONE, &d);
    if (found == RULE_NONE) {
        return KIT_PEER_NONE;
    }
    *matched = p->targets[found].size;
    return p->targets[found].hop;
}

const kit_peers *prefixes_peers(const prefixes *p)
{
    return &p->peers;
}

size_t prefixes_count(const prefixes *p)
{
    return p->count;
}
