/* SPDX-License-Identifier: Apache-2.0 */
/* One record of the journal, and its octets (cmpd-journal(5)).
 *
 * What is read points into the octets that it was read from. */
#pragma once

#include <cmp/message.h>

#include <endian.h>
#include <stddef.h>

typedef enum journal_kind {
    JOURNAL_TRANSACTION = 1, /* what somebody asked us, authenticated or on its way to a next hop */
    JOURNAL_ATTEMPT = 2,     /* what we asked a next hop */
    JOURNAL_REJECTION = 3,   /* who was not authenticated; some of many */
} journal_kind;

/* X(enumerator, word): how it ended. Their numbers are the format's: new ones go to the end. */
#define JOURNAL_VERDICTS(X)                                                                        \
    X(REFUSED, "refused")         /* an error answer, whose code word stands beside */             \
    X(RESOLVED, "resolved")       /* by a record of the CMP's own */                               \
    X(RELAYED, "relayed")         /* with what the next hop said */                                \
    X(REFERRAL, "referral")       /* to another CMP */                                             \
    X(RECORDS, "records")         /* interface codes: read */                                      \
    X(WRITTEN, "written")         /* interface codes: written or removed */                        \
    X(CLIENT_GONE, "client_gone") /* nobody was there to be answered */                            \
    X(NOT_SENT, "not_sent")       /* an attempt that did not leave here */                         \
    X(BROKEN, "broken")           /* … whose connection ended before an answer came */           \
    X(TIMEOUT, "timeout")         /* … that was not answered in time */                          \
    X(BAD_ANSWER, "bad_answer")   /* … whose answer was none */                                  \
    X(ABANDONED, "abandoned")     /* … that nobody waited for any more */

typedef enum journal_verdict {
#define X(name, word) JOURNAL_##name,
    JOURNAL_VERDICTS(X)
#undef X
        JOURNAL_VERDICT_MAX
} journal_verdict;

extern const char *const journal_verdict_names[]; /* ended by NULL */
extern const char *const journal_kind_names[];    /* by kind; [0] is not used */

/* X(enumerator, name in exports): the texts of a record, in the order of the format. */
#define JOURNAL_TEXTS(X)                                                                           \
    X(TID, "tid") /* of an attempt: the one that was sent */                                       \
    X(ICI, "ici")                                                                                  \
    X(PEER, "peer") /* who asked; of an attempt: who was asked */                                  \
    X(LISTENER, "listener")                                                                        \
    X(CODE, "code")               /* the code word of an error */                                  \
    X(DECIDED_BY, "decided_by")   /* the store or route that decided */                            \
    X(NEXT_PEER, "next_peer")     /* of a transaction: where it went */                            \
    X(NEXT_TID, "next_tid")       /* … under which tid; of several attempts the last */          \
    X(ORIGIN_PEER, "origin_peer") /* of an attempt: who asked us */                                \
    X(ORIGIN_TID, "origin_tid")   /* … under which tid */                                        \
    X(CC, "cc")                                                                                    \
    X(APIKEYID, "apikeyid")                                                                        \
    X(SOURCE, "source") /* of a rejection: the address */                                          \
    X(PLUGIN, "plugin") /* … which plugin rejected it */                                         \
    X(REASON, "reason") /* … and why */                                                          \
    X(TRACE, "trace")   /* of W3C Trace Context: what it belongs to */

typedef enum journal_text {
#define X(name, word) JOURNAL_##name,
    JOURNAL_TEXTS(X)
#undef X
        JOURNAL_TEXT_MAX
} journal_text;

extern const char *const journal_text_names[]; /* ended by NULL */

/* The parameters that are personal data, in the order of the format. */
typedef enum journal_personal {
    JOURNAL_USER,
    JOURNAL_AGE,
    JOURNAL_INCOME,
    JOURNAL_GENDER,
    JOURNAL_POST,
    JOURNAL_PERSONAL_MAX
} journal_personal;

extern const char *const journal_personal_names[]; /* ended by NULL */
extern const cmp_param journal_personal_params[];

/* A step that the transaction waited in; or, of a sampled one, that took time without a wait. */
typedef struct journal_wait {
    cmp_str step;
    uint32_t after_us; /* since the record's beginning */
    uint32_t took_us;
    bool synchronous;
} journal_wait;

#define JOURNAL_TEXT_SIZE      256 /* octets of a text; the rest is cut off */
#define JOURNAL_WAITS_MAX      16
#define JOURNAL_PSEUDONYM_SIZE 8
#define JOURNAL_NO_INTERFACE   0xFF

typedef struct journal_record {
    journal_kind kind;
    uint8_t interface; /* cmp_interface, or JOURNAL_NO_INTERFACE */
    journal_verdict verdict;
    uint32_t lost;   /* how many of this stream, before this one, are not in the journal */
    int64_t when_us; /* Unix time at which it began */
    uint64_t took_us;
    unsigned status;  /* HTTP; 0: there was no answer */
    unsigned attempt; /* which one, from 1; of a transaction: how many there were */
    uint64_t octets_in, octets_out;
    size_t wait_count;
    uint32_t key;        /* of the pseudonyms */
    unsigned pseudonyms; /* bit i: of the journal_personal i */
    unsigned present;    /* bit i: there is the journal_text i */
    cmp_str texts[JOURNAL_TEXT_MAX];
    journal_wait waits[JOURNAL_WAITS_MAX];
    uint8_t personal[JOURNAL_PERSONAL_MAX][JOURNAL_PSEUDONYM_SIZE];
} journal_record;

/* No record needs more octets. */
#define JOURNAL_RECORD_MAX 6144

/* Where two fields lie in the octets of any record, for who need not read it all. */
#define JOURNAL_RECORD_HEAD 20
static inline size_t journal_record_size(const uint8_t *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8;
}

static inline uint32_t journal_record_lost(const uint8_t *at)
{
    uint32_t lost;
    memcpy(&lost, at + 16, sizeof(lost));
    return le32toh(lost);
}

/* An empty record: no text, no wait and no pseudonym is there. Their room is not touched, which is
 * most of it. */
static inline void journal_record_begin(journal_record *r, journal_kind kind)
{
    memset(r, 0, offsetof(journal_record, texts));
    r->kind = kind;
}

/* One of no octets is none. Borrowed. */
static inline void journal_record_text(journal_record *r, journal_text of, cmp_str text)
{
    if (text.size > 0) {
        r->texts[of] = text;
        r->present |= 1U << of;
    }
}

/* Writes it to `to`, which has room for JOURNAL_RECORD_MAX octets; returns how many they are. */
size_t journal_record_write(const journal_record *r, uint8_t *to);

/* Reads one of exactly `size` octets; texts that are not there are absent. False when they are no
 * record. Octets behind what is known here are passed over. */
CMP_MUST_USE bool journal_record_read(const uint8_t *at, size_t size, journal_record *r);
