/* SPDX-License-Identifier: Apache-2.0 */
/* Which class a transaction belongs to: two sorted lists, group by group of one tid. */
#include "ctl/recon.h"

const char *const recon_class_words[] = {
#define X(name, word, difference, text) word,
    RECON_CLASSES(X)
#undef X
};

const char *const recon_class_texts[] = {
#define X(name, word, difference, text) text,
    RECON_CLASSES(X)
#undef X
};

const bool recon_class_is_difference[] = {
#define X(name, word, difference, text) difference,
    RECON_CLASSES(X)
#undef X
};

/* Records of one side and tid, in the order of their times. */
typedef struct group {
    const recon_entry *first;    /* that is no rejection; NULL: there is none */
    const recon_entry *rejected; /* the first rejection; likewise */
} group;

typedef struct match {
    int64_t offset_ms, tolerance_ms;
    recon_visit visit;
    void *arg;
} match;

static void tell(const match *m, recon_class c, const recon_entry *ours, const recon_entry *theirs)
{
    m->visit(c, ours, theirs, m->arg);
}

static int compare_tids(const recon_entry *a, const recon_entry *b)
{
    return a->tid[0] != b->tid[0]   ? (a->tid[0] < b->tid[0] ? -1 : 1)
           : a->tid[1] != b->tid[1] ? (a->tid[1] < b->tid[1] ? -1 : 1)
                                    : 0;
}

/* ---- pairs ---- */

/* A status that one side does not know is not compared, nor a code word: the asker knows what was
 * answered only as far as it had to understand it. */
static bool differ(const recon_entry *asker, const recon_entry *answerer)
{
    if (asker->ici != 0 && answerer->ici != 0 && asker->ici != answerer->ici) {
        return true;
    }
    if (asker->status == 0 || answerer->status == 0) {
        return asker->verdict != answerer->verdict;
    }
    return asker->status != answerer->status ||
           (asker->status == 200 && asker->verdict != answerer->verdict);
}

static bool has(const recon_entry *e, unsigned flag)
{
    return (e->flags & flag) != 0;
}

static recon_class class_of_pair(const match *m, const recon_entry *ours, const recon_entry *theirs)
{
    const bool we_asked = !has(ours, RECON_ASKED_BY_THEM);
    const recon_entry *asker = we_asked ? ours : theirs, *answerer = we_asked ? theirs : ours;
    const int64_t apart = theirs->when_ms - m->offset_ms - ours->when_ms;
    if (has(asker, RECON_NO_ANSWER)) {
        /* Who left is not to be answered: both know of it. */
        return has(answerer, RECON_NO_ANSWER) ? RECON_AGREED_CLASS : RECON_ANSWER_LOST_CLASS;
    }
    if (differ(asker, answerer)) {
        return RECON_VERDICTS_DIFFER_CLASS;
    }
    return apart > m->tolerance_ms || apart < -m->tolerance_ms ? RECON_TIMES_APART_CLASS
                                                               : RECON_AGREED_CLASS;
}

/* ---- what only one side has ---- */

static recon_class class_of_asker(const recon_entry *asker, recon_class only)
{
    return has(asker, RECON_NOT_SENT)                     ? RECON_NOT_SENT_CLASS
           : has(asker, RECON_NO_ANSWER)                  ? RECON_UNANSWERED_CLASS
           : asker->status == 401 || asker->status == 429 ? RECON_REJECTED_CLASS
                                                          : only;
}

static void match_group(const match *m, const group *ours, const group *theirs)
{
    const recon_entry *any = ours->first != NULL      ? ours->first
                             : theirs->first != NULL  ? theirs->first
                             : ours->rejected != NULL ? ours->rejected
                                                      : theirs->rejected;
    const bool we_asked = !has(any, RECON_ASKED_BY_THEM);
    const group *answerer = we_asked ? theirs : ours, *asker = we_asked ? ours : theirs;
    if (ours->first != NULL && theirs->first != NULL) {
        tell(m, class_of_pair(m, ours->first, theirs->first), ours->first, theirs->first);
    } else if (asker->first != NULL && answerer->rejected != NULL) {
        tell(m, RECON_REJECTED_CLASS, we_asked ? asker->first : answerer->rejected,
             we_asked ? answerer->rejected : asker->first);
    } else if (asker->first != NULL) {
        const recon_class only = we_asked ? RECON_ONLY_OURS_CLASS : RECON_ONLY_THEIRS_CLASS;
        tell(m, class_of_asker(asker->first, only), ours->first, theirs->first);
    } else if (answerer->first != NULL) {
        tell(m, we_asked ? RECON_ONLY_THEIRS_CLASS : RECON_ONLY_OURS_CLASS, ours->first,
             theirs->first);
    } else {
        tell(m, RECON_STRANGERS_CLASS, ours->rejected, theirs->rejected);
    }
}

/* Goes past the entries of one tid; those beyond the first are told as duplicates. */
static size_t take_group(const match *m, const recon_entry *at, size_t count, group *g,
                         recon_class duplicate)
{
    size_t taken = 0;
    *g = (group){NULL, NULL};
    for (; taken < count && compare_tids(at, at + taken) == 0; taken++) {
        const recon_entry *e = at + taken;
        if (has(e, RECON_REJECTION)) {
            g->rejected = g->rejected != NULL ? g->rejected : e;
        } else if (g->first == NULL) {
            g->first = e;
        } else if (m->visit != NULL) {
            tell(m, duplicate, duplicate == RECON_DUPLICATE_OURS_CLASS ? e : NULL,
                 duplicate == RECON_DUPLICATE_OURS_CLASS ? NULL : e);
        }
    }
    return taken;
}

/* The next tid of either side; false at the end of both. */
typedef struct pairs {
    const recon_entry *ours, *theirs;
    size_t our_count, their_count;
} pairs;

static bool next_groups(const match *m, pairs *p, group *ours, group *theirs)
{
    if (p->our_count == 0 && p->their_count == 0) {
        return false;
    }
    const int order = p->our_count == 0     ? 1
                      : p->their_count == 0 ? -1
                                            : compare_tids(p->ours, p->theirs);
    *ours = *theirs = (group){NULL, NULL};
    if (order <= 0) {
        const size_t taken = take_group(m, p->ours, p->our_count, ours, RECON_DUPLICATE_OURS_CLASS);
        p->ours += taken;
        p->our_count -= taken;
    }
    if (order >= 0) {
        const size_t taken =
            take_group(m, p->theirs, p->their_count, theirs, RECON_DUPLICATE_THEIRS_CLASS);
        p->theirs += taken;
        p->their_count -= taken;
    }
    return true;
}

void recon_match(const recon_entry *ours, size_t our_count, const recon_entry *theirs,
                 size_t their_count, int64_t offset_ms, int64_t tolerance_ms, recon_visit visit,
                 void *arg)
{
    const match m = {offset_ms, tolerance_ms, visit, arg};
    pairs p = {ours, theirs, our_count, their_count};
    for (group our_group, their_group; next_groups(&m, &p, &our_group, &their_group);) {
        match_group(&m, &our_group, &their_group);
    }
}

size_t recon_offsets(const recon_entry *ours, size_t our_count, const recon_entry *theirs,
                     size_t their_count, int64_t *to, size_t room)
{
    const match m = {.visit = NULL};
    pairs p = {ours, theirs, our_count, their_count};
    size_t count = 0;
    for (group our_group, their_group;
         count < room && next_groups(&m, &p, &our_group, &their_group);) {
        if (our_group.first != NULL && their_group.first != NULL) {
            to[count++] = their_group.first->when_ms - our_group.first->when_ms;
        }
    }
    return count;
}
