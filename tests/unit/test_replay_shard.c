/* SPDX-License-Identifier: Apache-2.0 */
/* peers/replay_shard.c: the index against a plain list, and that nothing is left behind. */
#include "peers/replay_shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define CHUNKS 40
#define KEYS   600

typedef struct fixture {
    shard *s;
    void *memory;
    shard_key keys[KEYS];
} fixture;

static shard_key key_number(const shard *s, uint64_t number)
{
    const uint32_t id[3] = {(uint32_t)number, (uint32_t)(number >> 32), 0};
    return shard_key_of(s, id);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    const size_t size = shard_memory_size(CHUNKS);
    shard_state *changing = aligned_alloc(SHARD_LINE, sizeof(*changing));
    f->memory = aligned_alloc(SHARD_LINE, size);
    memset(changing, 0, sizeof(*changing));
    memset(f->memory, 0, size);
    f->s = calloc(1, sizeof(*f->s));
    shard_view(f->s, changing, CHUNKS, f->memory, 7);
    shard_init(f->s);
    for (uint64_t i = 0; i < KEYS; i++) {
        f->keys[i] = key_number(f->s, i);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    free(f->s->state);
    free(f->s);
    free(f->memory);
    free(f);
    return 0;
}

static void assert_empty(const shard *s)
{
    assert_int_equal(s->state->count, 0);
    assert_int_equal(s->state->chunks_used, 0);
    for (uint32_t i = 0; i < s->bucket_count; i++) {
        const shard_bucket empty = {.passed = 0};
        assert_memory_equal(&s->buckets[i], &empty, sizeof(empty));
    }
    for (unsigned i = 0; i <= s->credential_last; i++) {
        assert_int_equal(s->credentials[i].chunks, 0);
    }
}

static void drop_all(shard *s)
{
    for (unsigned i = 1; i <= s->credential_last; i++) {
        while (s->credentials[i].chunks != 0) {
            shard_drop_chunk(s, s->credentials[i].oldest);
        }
    }
    assert_empty(s);
}

static void an_empty_one_finds_nothing(void **state)
{
    fixture *f = *state;
    assert_int_equal(shard_find(f->s, &f->keys[0]), 0);
    assert_int_equal(shard_credential_find(f->s, 7), 0);
    assert_true(shard_needs_chunk(f->s, 0));
    assert_true(shard_has_chunk(f->s));
    assert_empty(f->s);
}

static void sizes_fit(void **state)
{
    (void)state;
    for (size_t size = 4096; size < (size_t)1 << 40; size = size * 3 + 7) {
        const uint32_t chunks = shard_chunks_for(size);
        assert_true(shard_memory_size(chunks) <= size);
        assert_true(shard_memory_size(chunks + 1) > size || chunks == (1u << 22) - 1);
    }
    assert_int_equal(shard_chunks_for(0), 1);
}

/* Adds when it can, else drops the key's entry; every key is then found where the list says. */
static void churn(fixture *f, unsigned rounds)
{
    shard *s = f->s;
    bool there[KEYS] = {false};
    uint32_t count = 0;
    srand(1);
    for (unsigned n = 0; n < rounds; n++) {
        const unsigned i = (unsigned)rand() % KEYS;
        const uint64_t credential = (uint64_t)(rand() % 3);
        const uint32_t found = shard_find(s, &f->keys[i]);
        assert_int_equal(found != 0, there[i]);
        if (found != 0) {
            assert_int_equal(shard_entry_of(s, found)->digest, i);
            shard_drop(s, found);
            there[i] = false;
            count--;
        } else if (!shard_needs_chunk(s, shard_credential_find(s, credential)) ||
                   shard_has_chunk(s)) {
            shard_add(s, &f->keys[i], credential, n, i);
            there[i] = true;
            count++;
        }
        assert_int_equal(s->state->count, count);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(shard_find(s, &f->keys[i]) != 0, there[i]);
    }
    drop_all(s);
}

static void index_agrees_with_a_list(void **state)
{
    churn(*state, 50000);
}

/* All keys belong into three buckets of 41, so nearly all of them pass others by. */
static void index_agrees_when_buckets_overflow(void **state)
{
    fixture *f = *state;
    uint64_t number = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        do {
            f->keys[i] = key_number(f->s, number++);
        } while ((f->keys[i].hash & UINT32_MAX) * f->s->bucket_count >> 32 > 2);
    }
    churn(f, 50000);
}

static void chunks_are_queued_by_age(void **state)
{
    fixture *f = *state;
    shard *s = f->s;
    for (unsigned i = 0; i < 4 * CHUNK_ENTRIES; i++) {
        shard_add(s, &f->keys[i], 5, i, 0);
    }
    const uint16_t id = shard_credential_find(s, 5);
    assert_int_equal(s->credentials[id].chunks, 4);
    /* The second chunk goes entry by entry, the first at once. */
    for (unsigned i = CHUNK_ENTRIES; i < 2 * CHUNK_ENTRIES; i++) {
        shard_drop(s, shard_find(s, &f->keys[i]));
    }
    assert_int_equal(s->credentials[id].chunks, 3);
    shard_drop_chunk(s, s->credentials[id].oldest);
    assert_int_equal(shard_find(s, &f->keys[0]), 0);
    const shard_chunk *oldest = &s->chunks[s->credentials[id].oldest];
    assert_int_equal(oldest->entries[0].time, 2 * CHUNK_ENTRIES);
    assert_int_equal(oldest->time, 3 * CHUNK_ENTRIES - 1);
    /* The newest goes; what follows stands behind the one that is left. */
    shard_drop_chunk(s, s->credentials[id].newest);
    assert_true(shard_needs_chunk(s, id));
    shard_add(s, &f->keys[0], 5, 99, 0);
    assert_int_equal(s->chunks[s->credentials[id].newest].time, 99);
    assert_int_equal(oldest->newer, s->credentials[id].newest);
    drop_all(s);
}

static void too_many_credentials_share(void **state)
{
    fixture *f = *state;
    shard *s = f->s;
    /* All have one home. */
    const uint64_t step = (uint64_t)s->credential_mask + 1;
    unsigned own = 0;
    while (shard_credential_find(s, own * step) == 0) {
        shard_add(s, &f->keys[own], own * step, 0, 0);
        own++;
    }
    assert_int_equal(own, 8);
    assert_int_equal(shard_credential_find(s, own * step), shard_credential_find(s, 0));
    shard_add(s, &f->keys[own], own * step, 0, 0);
    assert_int_equal(s->state->chunks_used, own);
    drop_all(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_one_finds_nothing, setup, teardown),
        cmocka_unit_test(sizes_fit),
        cmocka_unit_test_setup_teardown(index_agrees_with_a_list, setup, teardown),
        cmocka_unit_test_setup_teardown(index_agrees_when_buckets_overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(chunks_are_queued_by_age, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_credentials_share, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
