/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the workers: none of this waits. */
#include "journal/internal.h"

#include "observe/counters.h"

/* Most of those under way find room in the rest. */
#define REFUSE_ABOVE (JOURNAL_RING_SIZE / 4 * 3)

static lane *lane_of(journal *j, unsigned worker, journal_stream stream)
{
    return &j->lanes[worker * JOURNAL_STREAM_MAX + stream];
}

/* Where nothing may be lost there is always room: for those that were let in, which are bounded. */
static uint8_t *room_for(const journal *j, lane *l, journal_stream stream)
{
    uint8_t *to = ring_room(l->in);
    if (to == NULL && j->o.when_full == JOURNAL_REFUSE && stream == JOURNAL_STREAM_JOURNAL) {
        ring *next = ring_create(JOURNAL_RING_SIZE);
        ring_end(l->in, next);
        l->in = next;
        to = ring_room(next);
    }
    return to;
}

void journal_put(journal *j, unsigned worker, journal_record *r)
{
    const journal_stream stream =
        r->kind == JOURNAL_REJECTION ? JOURNAL_STREAM_REJECTIONS : JOURNAL_STREAM_JOURNAL;
    lane *l = lane_of(j, worker, stream);
    uint8_t *to = room_for(j, l, stream);
    if (to == NULL) {
        l->lost++;
        counter_add(j->counters.dropped, 1);
        return;
    }
    r->lost = l->lost;
    l->lost = 0;
    const size_t size = journal_record_write(r, to);
    ring_put(l->in, size);
    octets_add(&l->put_bytes, size);
}

bool journal_rejection_fits(journal *j, unsigned worker, int64_t now_ms)
{
    lane *l = lane_of(j, worker, JOURNAL_STREAM_REJECTIONS);
    if (l->second != now_ms / 1000) {
        l->second = now_ms / 1000;
        l->taken = 0;
    }
    if (l->taken >= j->rejections_a_second) {
        l->lost++;
        counter_add(j->counters.unsampled, 1);
        return false;
    }
    l->taken++;
    return true;
}

bool journal_refuses(journal *j, unsigned worker)
{
    if (j->o.when_full != JOURNAL_REFUSE) {
        return false;
    }
    const lane *l = lane_of(j, worker, JOURNAL_STREAM_JOURNAL);
    return ring_used(l->in) > REFUSE_ABOVE || lane_out(l) != l->in;
}

void journal_add_pseudonyms(journal *j, journal_record *r, const cmp_str *params)
{
    const pseudonym_key *key = atomic_load_explicit(&j->key, memory_order_acquire);
    if (key == NULL) {
        return;
    }
    r->key = key->id;
    for (uint64_t left = j->o.pseudonyms; left != 0; left &= left - 1) {
        const int i = __builtin_ctzll(left);
        const cmp_str value = params[journal_personal_params[i]];
        if (value.size > 0) {
            pseudonym_make(key, (journal_personal)i, value, r->personal[i]);
            r->pseudonyms |= 1U << i;
        }
    }
}
