/* SPDX-License-Identifier: Apache-2.0 */
/* The table that a worker looks keys up in. It does not change; when the keyring does, the worker
 * builds another one between two requests. So requests share no lock and no cache line over it. */
#include "keys.h"

#include <cmp-kit/arena.h>
#include <cmp-kit/memory.h>

#define XXH_INLINE_ALL
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <xxhash.h>

struct key_table {
    const cmp_host *host;
    cmp_key_use use;
    uint64_t seed;    /* nobody outside can aim at one bucket */
    kit_arena memory; /* of texts */
    keyed *keys;      /* in the file's order */
    size_t count, room;
    keyed **buckets;
    size_t mask; /* their number less one; a power of two */

    /* while it is made */
    EVP_MD_CTX *sha256;
    key_table *before;
};

static uint64_t hash_of(const key_table *table, cmp_str name)
{
    return XXH3_64bits_withSeed(name.at, name.size, table->seed);
}

static keyed *bucket_of(const key_table *table, cmp_str name)
{
    return table->buckets[hash_of(table, name) & table->mask];
}

/* ---- building ---- */

static void count_key(const cmp_key *key, void *arg)
{
    (void)key;
    (*(size_t *)arg)++;
}

/* Of the id and not of a place in this table: replays are looked for across workers and reloads, so
 * a fingerprint must be the same in all of them. */
static void digest_id(const key_table *table, cmp_str id, uint8_t digest[FINGERPRINT_SIZE])
{
    uint8_t whole[EVP_MAX_MD_SIZE] = {0};
    EVP_DigestInit_ex(table->sha256, NULL, NULL);
    EVP_DigestUpdate(table->sha256, id.at, id.size);
    EVP_DigestFinal_ex(table->sha256, whole, NULL);
    memcpy(digest, whole, FINGERPRINT_SIZE);
}

static void digest_secret(const key_table *table, const cmp_key *key,
                          uint8_t digest[FINGERPRINT_SIZE])
{
    uint8_t whole[EVP_MAX_MD_SIZE] = {0};
    EVP_DigestInit_ex(table->sha256, NULL, NULL);
    EVP_DigestUpdate(table->sha256, &table->seed, sizeof(table->seed));
    EVP_DigestUpdate(table->sha256, key->secret, key->secret_size);
    EVP_DigestFinal_ex(table->sha256, whole, NULL);
    memcpy(digest, whole, FINGERPRINT_SIZE);
    OPENSSL_cleanse(whole, sizeof(whole));
}

static cmp_str name_of(const key_table *table, const cmp_key *key)
{
    return table->use == CMP_KEY_ISSUED ? key->id : key->peer;
}

/* The same key as the table of before has it, with a state that nobody has taken yet; or NULL. */
static keyed *find_before(const key_table *table, const cmp_key *key, const uint8_t *secret_digest)
{
    keyed *k = table->before != NULL ? bucket_of(table->before, name_of(table, key)) : NULL;
    while (k != NULL &&
           (k->state == NULL || k->key.hash != key->hash || !cmp_str_equal(k->key.id, key->id) ||
            memcmp(k->secret_digest, secret_digest, FINGERPRINT_SIZE) != 0)) {
        k = k->next;
    }
    return k;
}

static void add_key(const cmp_key *key, void *arg)
{
    key_table *table = arg;
    if (table->count == table->room) {
        return; /* the keyring was replaced since they were counted: another table will follow */
    }
    keyed fresh = {.key = *key};
    digest_secret(table, key, fresh.secret_digest);
    keyed *same = find_before(table, key, fresh.secret_digest);
    if (same != NULL) {
        fresh.state = same->state;
        fresh.pace = same->pace;
        memcpy(fresh.id_digest, same->id_digest, sizeof(fresh.id_digest));
        same->state = NULL;
    } else {
        fresh.state = kit_signature_state_create(key->hash, key->secret, key->secret_size);
        digest_id(table, key->id, fresh.id_digest);
    }
    if (fresh.state == NULL) {
        table->host->log(table->host, CMP_LOG_ERROR,
                         "key %.*s is left out: OpenSSL cannot use its hash or secret",
                         (int)key->id.size, key->id.at);
        return;
    }
    keyed **bucket = &table->buckets[hash_of(table, name_of(table, key)) & table->mask];
    keyed *k = &table->keys[table->count++];
    *k = fresh;
    k->next = *bucket;
    k->key.id = kit_arena_copy(&table->memory, key->id);
    k->key.peer = kit_arena_copy(&table->memory, key->peer);
    k->key.secret = NULL;
    k->key.secret_size = 0;
    *bucket = k;
}

key_table *key_table_create(const cmp_host *host, cmp_key_use use, key_table *before)
{
    key_table *table = kit_calloc(1, sizeof(*table));
    table->host = host;
    table->use = use;
    table->before = before;
    if (before != NULL) {
        table->seed = before->seed; /* so that secrets can be compared */
    } else {
        host->random(host, &table->seed, sizeof(table->seed));
    }
    table->sha256 = kit_must(EVP_MD_CTX_new());
    EVP_DigestInit_ex(table->sha256, EVP_sha256(), NULL);
    kit_arena_init(&table->memory, NULL, 0);
    host->key_each(host, use, count_key, &table->room);
    size_t buckets = 1;
    /* At most half full: a bucket hardly ever holds two names. */
    while (buckets < 2 * table->room) {
        buckets *= 2;
    }
    table->mask = buckets - 1;
    table->buckets = kit_calloc(buckets, sizeof(keyed *));
    table->keys = kit_calloc(table->room, sizeof(keyed));
    host->key_each(host, use, add_key, table);
    EVP_MD_CTX_free(table->sha256);
    table->before = NULL;
    return table;
}

void key_table_destroy(key_table **table)
{
    if (*table == NULL) {
        return;
    }
    for (size_t i = 0; i < (*table)->count; i++) {
        kit_signature_state_destroy(&(*table)->keys[i].state);
    }
    kit_arena_reset(&(*table)->memory);
    OPENSSL_cleanse((*table)->keys, (*table)->room * sizeof(keyed));
    free((*table)->keys);
    free((*table)->buckets);
    free(*table);
    *table = NULL;
}

/* ---- looking up ---- */

keyed *key_table_find(const key_table *table, cmp_str id)
{
    keyed *k = bucket_of(table, id);
    while (k != NULL && !cmp_str_equal(k->key.id, id)) {
        k = k->next;
    }
    return k;
}

keyed *key_table_current(const key_table *table, cmp_str peer, int64_t now_ms)
{
    keyed *newest = NULL;
    /* A bucket holds the last in the file first, so an equal one never displaces it. */
    for (keyed *k = bucket_of(table, peer); k != NULL; k = k->next) {
        if (!cmp_str_equal(k->key.peer, peer) || kit_key_not_yet(&k->key, now_ms) ||
            kit_key_expired(&k->key, now_ms)) {
            continue;
        }
        if (newest == NULL || k->key.not_before_ms > newest->key.not_before_ms) {
            newest = k;
        }
    }
    return newest;
}

/* Chosen by the id: an unknown one is verified with the hash of some real key, and with the same
 * one each time, so its time is what a known key's could be. */
cmp_hash key_table_hash_for(const key_table *table, cmp_str id)
{
    return table->count > 0 ? table->keys[hash_of(table, id) % table->count].key.hash
                            : CMP_HASH_SHA256;
}
