/* SPDX-License-Identifier: Apache-2.0 */
/* Records, blocks and segments: what is written is read again, and damage costs what it has hit. */
#include "journal/reader.h"

#include "journal/octets.h"
#include "journal/pseudonym.h"
#include "scratch.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

static journal_record sample(uint64_t number)
{
    journal_record r = {
        .kind = JOURNAL_TRANSACTION,
        .interface = CMP_INTERFACE_MC3,
        .verdict = JOURNAL_REFUSED,
        .when_us = 1700000000123456 + (int64_t)number,
        .took_us = number * 300,
        .status = 404,
        .attempt = 2,
        .octets_in = 120,
        .octets_out = 1 << 20,
        .wait_count = 2,
        .waits = {{CMP_STR("lookup"), 100, 4000, false}, {CMP_STR("route"), 4200, 3, true}},
        .key = 0xABCD1234,
        .pseudonyms = 1U << JOURNAL_USER | 1U << JOURNAL_POST,
    };
    journal_record_text(&r, JOURNAL_TID, CMP_STR("0190a1b2-0000-7000-8000-000000000001"));
    journal_record_text(&r, JOURNAL_ICI, CMP_STR("1A0F1-42"));
    journal_record_text(&r, JOURNAL_PEER, CMP_STR("b"));
    journal_record_text(&r, JOURNAL_CODE, CMP_STR("unknown_ici"));
    journal_record_text(&r, JOURNAL_REASON, CMP_STR("why"));
    memset(r.personal[JOURNAL_USER], 0x11, JOURNAL_PSEUDONYM_SIZE);
    memset(r.personal[JOURNAL_POST], 0x22, JOURNAL_PSEUDONYM_SIZE);
    return r;
}

static void assert_same(const journal_record *a, const journal_record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->interface, b->interface);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->lost, b->lost);
    assert_int_equal(a->when_us, b->when_us);
    assert_int_equal(a->took_us, b->took_us);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->octets_in, b->octets_in);
    assert_int_equal(a->octets_out, b->octets_out);
    assert_int_equal(a->present, b->present);
    for (int i = 0; i < JOURNAL_TEXT_MAX; i++) {
        assert_true((a->present >> i & 1) == 0 || cmp_str_equal(a->texts[i], b->texts[i]));
    }
    assert_int_equal(a->wait_count, b->wait_count);
    for (size_t i = 0; i < a->wait_count; i++) {
        assert_true(cmp_str_equal(a->waits[i].step, b->waits[i].step));
        assert_int_equal(a->waits[i].after_us, b->waits[i].after_us);
        assert_int_equal(a->waits[i].took_us, b->waits[i].took_us);
        assert_int_equal(a->waits[i].synchronous, b->waits[i].synchronous);
    }
    assert_int_equal(a->key, b->key);
    assert_int_equal(a->pseudonyms, b->pseudonyms);
    assert_memory_equal(a->personal[JOURNAL_USER], b->personal[JOURNAL_USER],
                        JOURNAL_PSEUDONYM_SIZE);
    assert_memory_equal(a->personal[JOURNAL_POST], b->personal[JOURNAL_POST],
                        JOURNAL_PSEUDONYM_SIZE);
}

static void a_record_comes_back(void **state)
{
    (void)state;
    uint8_t octets[JOURNAL_RECORD_MAX];
    journal_record written = sample(7), read;
    written.lost = 3;
    const size_t size = journal_record_write(&written, octets);
    assert_int_equal(journal_record_size(octets), size);
    memset(&read, 0xFF, sizeof(read));
    assert_true(journal_record_read(octets, size, &read));
    assert_same(&written, &read);
    assert_true(read.texts[JOURNAL_CC].at == NULL && read.texts[JOURNAL_CC].size == 0);
}

static void numbers_of_any_size_come_back(void **state)
{
    (void)state;
    uint8_t octets[JOURNAL_RECORD_MAX];
    for (unsigned bits = 0; bits < 63; bits++) {
        for (uint64_t more = 0; more < 2; more++) {
            journal_record written = sample(7), read;
            written.took_us = (UINT64_C(1) << bits) - more;
            assert_true(journal_record_read(octets, journal_record_write(&written, octets), &read));
            assert_same(&written, &read);
        }
    }
}

/* Short ones are copied by pieces, by their size. */
static void a_text_of_any_size_comes_back(void **state)
{
    (void)state;
    uint8_t written[JOURNAL_RECORD_MAX];
    for (size_t size = 1; size <= JOURNAL_TEXT_SIZE + 1; size++) {
        char *text = kit_alloc(size); /* no octet more, which a sanitizer would see read */
        for (size_t i = 0; i < size; i++) {
            text[i] = (char)(i + 1);
        }
        journal_record r = sample(size), read;
        journal_record_text(&r, JOURNAL_CC, (cmp_str){text, size});
        journal_record_text(&r, JOURNAL_REASON, CMP_STR("behind it"));
        assert_true(journal_record_read(written, journal_record_write(&r, written), &read));
        r.texts[JOURNAL_CC].size = size < JOURNAL_TEXT_SIZE ? size : JOURNAL_TEXT_SIZE;
        assert_same(&r, &read);
        free(text);
    }
}

static void no_part_of_a_record_is_one(void **state)
{
    (void)state;
    uint8_t octets[JOURNAL_RECORD_MAX];
    const journal_record written = sample(7);
    const size_t size = journal_record_write(&written, octets);
    for (size_t cut = 0; cut < size; cut++) {
        journal_record read;
        uint8_t *part = malloc(cut + 1); /* its own memory: a sanitizer sees reads beyond */
        memcpy(part, octets, cut);
        if (cut >= 2) {
            octets_put16(part, (uint16_t)cut);
        }
        assert_false(journal_record_read(part, cut, &read));
        free(part);
    }
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof(text));
    uint8_t octets[JOURNAL_RECORD_MAX];
    journal_record written = {.kind = JOURNAL_REJECTION, .interface = JOURNAL_NO_INTERFACE}, read;
    for (int i = 0; i < JOURNAL_TEXT_MAX; i++) {
        journal_record_text(&written, (journal_text)i, (cmp_str){text, sizeof(text)});
    }
    const size_t size = journal_record_write(&written, octets);
    assert_true(journal_record_read(octets, size, &read));
    assert_int_equal(read.texts[JOURNAL_REASON].size, JOURNAL_TEXT_SIZE);
    assert_int_equal(read.interface, JOURNAL_NO_INTERFACE);
}

/* ---- segments ---- */

typedef struct octets {
    uint8_t at[65536];
    size_t size, read;
} octets;

static octets whole;

static void begin(void)
{
    const segment_head head = {.stream = JOURNAL_STREAM_JOURNAL, .number = 1, .run = "run 1"};
    segment_head_write(&head, whole.at);
    whole.size = SEGMENT_HEAD_SIZE;
}

/* A block of `count` records; the first is the worker's `sequence`-th. */
static void add_block(uint32_t worker, uint64_t sequence, unsigned count)
{
    uint8_t *at = whole.at + whole.size;
    block_head h = {.worker = worker, .sequence = sequence, .count = count};
    for (unsigned i = 0; i < count; i++) {
        const journal_record r = sample(sequence + i);
        h.size += (uint32_t)journal_record_write(&r, at + BLOCK_HEAD_SIZE + h.size);
    }
    block_seal(&h, at + BLOCK_HEAD_SIZE, at);
    whole.size += BLOCK_HEAD_SIZE + h.size;
}

static ptrdiff_t read_little(void *arg, uint8_t *to, size_t room)
{
    octets *o = arg;
    size_t size = o->size - o->read < 77 ? o->size - o->read : 77;
    size = size < room ? size : room;
    memcpy(to, o->at + o->read, size);
    o->read += size;
    return (ptrdiff_t)size;
}

static uint64_t count_records(octets *o, journal_state *state)
{
    *state = (journal_state){.records = 0};
    o->read = 0;
    journal_input *in = journal_input_create(read_little, o, state);
    uint64_t count = 0;
    while (journal_input_next(in, NULL) != NULL) {
        count++;
    }
    journal_input_destroy(&in);
    return count;
}

static void a_torn_end_costs_its_block(void **state)
{
    (void)state;
    begin();
    add_block(0, 0, 10);
    const size_t first = whole.size;
    add_block(0, 10, 5);
    const size_t all = whole.size;
    for (size_t cut = SEGMENT_HEAD_SIZE; cut <= all; cut++) {
        journal_state found;
        whole.size = cut;
        assert_int_equal(count_records(&whole, &found), cut < first ? 0 : cut < all ? 10 : 15);
        assert_int_equal(found.torn, cut != SEGMENT_HEAD_SIZE && cut != first && cut != all);
        assert_int_equal(found.damaged, 0);
    }
}

static void any_octet_that_changes_costs_its_block(void **state)
{
    (void)state;
    begin();
    add_block(0, 0, 3);
    const size_t first = whole.size;
    add_block(0, 3, 4);
    const size_t second = whole.size;
    add_block(0, 7, 5);
    for (size_t at = SEGMENT_HEAD_SIZE; at < whole.size; at++) {
        journal_state found;
        whole.at[at] ^= 0x41;
        assert_int_equal(count_records(&whole, &found), at < first ? 9 : at < second ? 8 : 7);
        assert_true(found.damaged + found.torn > 0);
        whole.at[at] ^= 0x41;
    }
}

static void no_segment_has_no_records(void **state)
{
    (void)state;
    journal_state found;
    begin();
    add_block(0, 0, 3);
    whole.at[8]++; /* a later version */
    assert_int_equal(count_records(&whole, &found), 0);
    assert_int_equal(found.torn, 0);
}

/* ---- a folder ---- */

static void write_segment(uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(JOURNAL_STREAM_JOURNAL, number, name);
    scratch_write_octets(name, whole.at, whole.size);
}

static journal_state read_from(int64_t from_ms)
{
    journal_reader *r =
        journal_reader_open(".", JOURNAL_STREAM_JOURNAL, (journal_span){from_ms, INT64_MAX});
    assert_non_null(r);
    while (journal_reader_next(r) != NULL) {
    }
    const journal_state state = *journal_reader_state(r);
    journal_reader_close(&r);
    return state;
}

static journal_state read_all(void)
{
    return read_from(INT64_MIN);
}

static void holes_and_repeats_are_seen(void **state)
{
    (void)state;
    begin();
    add_block(0, 100, 10); /* what came before was removed */
    add_block(1, 0, 10);
    write_segment(1);
    begin();
    add_block(0, 110, 10);
    add_block(1, 13, 7);
    write_segment(2);
    journal_state found = read_all();
    assert_int_equal(found.records, 37);
    assert_int_equal(found.missing, 3);
    assert_int_equal(found.twice, 0);
    begin();
    add_block(1, 13, 7);
    write_segment(3);
    found = read_all();
    assert_int_equal(found.missing, 3);
    assert_int_equal(found.twice, 7);
}

/* Two processes write in turns: the older file of the two has the newest record. */
static void files_are_left_out_by_when_they_were_last_changed(void **state)
{
    (void)state;
    nftw(".", scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    begin();
    add_block(0, 0, 10);
    write_segment(1);
    write_segment(2); /* begun long before the span, as its head says */
    const int64_t records_ms = INT64_C(1700000000123);
    assert_int_equal(read_from(records_ms).records, 20);
    const struct timespec before[2] = {{records_ms / 1000 - 3, 0}, {records_ms / 1000 - 3, 0}};
    assert_int_equal(utimensat(AT_FDCWD, "journal-00000001.cmpj", before, 0), 0);
    assert_int_equal(read_from(records_ms).records, 10);
    assert_int_equal(read_from(records_ms - 3000).records, 20);
}

/* From the paper: the key 00 01 … 0f, and the first octets of it. */
static void siphash_is_the_papers(void **state)
{
    (void)state;
    uint8_t key[16];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = i;
    }
    const siphash begun = siphash_begin(key, key);
    assert_int_equal(siphash_end(&begun, key + 8, 0), UINT64_C(0x93f5f5799a932462));
    assert_int_equal(siphash_end(&begun, key + 8, 7), UINT64_C(0xa129ca6149be45e5));
}

static void siphash_is_openssls_for_any_size(void **state)
{
    (void)state;
    size_t size = 8;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    uint8_t text[80], ours[8], theirs[8];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)(3 * i + 1);
    }
    const siphash begun = siphash_begin(text, text);
    for (size_t of = 8; of <= sizeof(text); of++) {
        octets_put64(ours, siphash_end(&begun, text + 8, of - 8));
        assert_true(EVP_MAC_init(context, text, 16, params) && EVP_MAC_update(context, text, of) &&
                    EVP_MAC_final(context, theirs, &size, sizeof(theirs)));
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

/* As cmpd-journal(5) has it, for who looks for a value with a key of their own. */
static void a_pseudonym_is_of_the_name_and_the_value(void **state)
{
    (void)state;
    nftw(".", scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    const int folder = open(".", O_RDONLY | O_DIRECTORY);
    pseudonym_key key;
    assert_true(pseudonym_key_make(folder, 1, 1000, &key));
    uint8_t made[JOURNAL_PSEUDONYM_SIZE], expected[JOURNAL_PSEUDONYM_SIZE];
    const siphash begun = siphash_begin(key.octets, (const uint8_t *)"user\0\0\0");
    octets_put64(expected, siphash_end(&begun, (const uint8_t *)"erika", 5));
    pseudonym_make(&key, JOURNAL_USER, CMP_STR("erika"), made);
    assert_memory_equal(made, expected, sizeof(made));
    pseudonym_make(&key, JOURNAL_POST, CMP_STR("erika"), made);
    assert_memory_not_equal(made, expected, sizeof(made));
    pseudonym_keys read;
    assert_true(pseudonym_keys_read(folder, &read)); /* as cmpctl does */
    assert_int_equal(read.count, 1);
    pseudonym_make(&read.at[0], JOURNAL_USER, CMP_STR("erika"), made);
    assert_memory_equal(made, expected, sizeof(made));
    pseudonym_keys_free(&read);
    close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(numbers_of_any_size_come_back),
        cmocka_unit_test(a_text_of_any_size_comes_back),
        cmocka_unit_test(no_part_of_a_record_is_one),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(a_torn_end_costs_its_block),
        cmocka_unit_test(any_octet_that_changes_costs_its_block),
        cmocka_unit_test(no_segment_has_no_records),
        cmocka_unit_test(holes_and_repeats_are_seen),
        cmocka_unit_test(files_are_left_out_by_when_they_were_last_changed),
        cmocka_unit_test(siphash_is_the_papers),
        cmocka_unit_test(siphash_is_openssls_for_any_size),
        cmocka_unit_test(a_pseudonym_is_of_the_name_and_the_value),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
