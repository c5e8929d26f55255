/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing two exports: what is read, sorted and compared in parts, so that memory is bounded.
 *
 * Both sides are cut by a hash of their tids into as many files as make one part of both fit; a
 * part is then sorted, and compared as if it were all there is. */
#pragma once

#include "ctl/progress.h"

#include <pthread.h>
#include <stdatomic.h>

#define RECON_PARTS_MAX 256

typedef enum recon_side { RECON_OURS, RECON_THEIRS, RECON_SIDES } recon_side;

enum {
    RECON_ASKED_BY_THEM = 1, /* who asked, of the two sides; else we */
    RECON_REJECTION = 2,     /* what was not authenticated */
    RECON_NO_ANSWER = 4,     /* the asker got none, or the answerer found nobody to give it to */
    RECON_NOT_SENT = 8,
    RECON_RETRY = 16, /* an attempt, and not the first of its transaction */
};

/* One record, of what is compared. */
typedef struct recon_entry {
    uint64_t tid[2]; /* its hash, with who asked */
    int64_t when_ms;
    uint64_t at;      /* of its line in the file */
    uint32_t ici;     /* hash; 0: there is none */
    uint16_t verdict; /* in recon_words */
    uint16_t status;
    uint8_t flags;
    char cc[2];
} recon_entry;

/* ---- words: verdicts and code words, by number; any thread ---- */

uint16_t recon_word(cmp_str text);
const char *recon_word_text(uint16_t word);

/* ---- one side ---- */

typedef struct recon_file {
    const char *path;
    cmp_str peer; /* only its records; absent: all, and then there must be but one */
    bool theirs;
    unsigned parts;
    int fd;
    int part_fds[RECON_PARTS_MAX];
    uint64_t size, records, retries, others; /* others: of another peer, or an unknown kind */
    _Atomic uint64_t done;                   /* octets */
    char peer_found[80];
    char error[512]; /* what was wrong; empty: nothing */
} recon_file;

/* Opens it. False after a message. */
CMP_MUST_USE bool recon_file_open(recon_file *f, const char *path);
void recon_file_close(recon_file *f);

/* Reads all of it into parts, in files of that folder that nobody else sees. False with `error`. */
CMP_MUST_USE bool recon_file_cut(recon_file *f, const char *folder);

/* The entries of a part, sorted by tid and time; free them. NULL with *count 0: none, or `error`.
 */
recon_entry *recon_file_part(recon_file *f, unsigned part, size_t *count);

/* The line at that place, without its end, in `to`; cut when it is longer. */
void recon_file_line(const recon_file *f, uint64_t at, char *to, size_t room);

/* ---- what they have in common, and what not ---- */

/* X(enumerator, word, counts as a difference, text) */
#define RECON_CLASSES(X)                                                                           \
    X(AGREED, "agreed", false, "both say the same")                                                \
    X(ONLY_OURS, "only_ours", true, "only we have it")                                             \
    X(ONLY_THEIRS, "only_theirs", true, "only they have it")                                       \
    X(VERDICTS_DIFFER, "verdicts_differ", true, "verdict, status or ICI differ")                   \
    X(ANSWER_LOST, "answer_lost", true, "answered, but the answer did not arrive")                 \
    X(TIMES_APART, "times_apart", true, "times are further apart than the tolerance")              \
    X(DUPLICATE_OURS, "duplicate_ours", true, "we have it more than once")                         \
    X(DUPLICATE_THEIRS, "duplicate_theirs", true, "they have it more than once")                   \
    X(REJECTED, "rejected", false, "rejected before it was a transaction")                         \
    X(UNANSWERED, "unanswered", false, "not answered, and never seen")                             \
    X(NOT_SENT, "not_sent", false, "never left, and never seen")                                   \
    X(STRANGERS, "strangers", false, "rejections of what the other side did not send")

typedef enum recon_class {
#define X(name, word, difference, text) RECON_##name##_CLASS,
    RECON_CLASSES(X)
#undef X
        RECON_CLASS_MAX
} recon_class;

extern const char *const recon_class_words[];
extern const char *const recon_class_texts[];
extern const bool recon_class_is_difference[];

/* One result: either entry may be NULL. */
typedef void (*recon_visit)(recon_class c, const recon_entry *ours, const recon_entry *theirs,
                            void *arg);

/* Compares two sorted parts. Times of theirs are taken as `offset_ms` ahead of ours. */
void recon_match(const recon_entry *ours, size_t our_count, const recon_entry *theirs,
                 size_t their_count, int64_t offset_ms, int64_t tolerance_ms, recon_visit visit,
                 void *arg);

/* The difference of times of each pair, theirs minus ours, up to `room`; returns how many. */
size_t recon_offsets(const recon_entry *ours, size_t our_count, const recon_entry *theirs,
                     size_t their_count, int64_t *to, size_t room);
