/* SPDX-License-Identifier: Apache-2.0 */
/* See hpack_table.h. */
#include "http/hpack_table.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define ENTRY_OVERHEAD 32 /* RFC 7541, 4.1 */
#define ENTRIES_FIRST  16 /* of the ring; always a power of two, so that a mask finds the place */

#define VALUE(text)                                                                                \
    {                                                                                              \
        (char *)(uintptr_t)(text), sizeof(text) - 1                                                \
    } /* nobody writes to it */

/* RFC 7541, appendix A. */
static const hpack_static_entry static_entries[HPACK_STATIC_ENTRIES] = {
    {H2O_TOKEN_AUTHORITY, VALUE("")},
    {H2O_TOKEN_METHOD, VALUE("GET")},
    {H2O_TOKEN_METHOD, VALUE("POST")},
    {H2O_TOKEN_PATH, VALUE("/")},
    {H2O_TOKEN_PATH, VALUE("/index.html")},
    {H2O_TOKEN_SCHEME, VALUE("http")},
    {H2O_TOKEN_SCHEME, VALUE("https")},
    {H2O_TOKEN_STATUS, VALUE("200")},
    {H2O_TOKEN_STATUS, VALUE("204")},
    {H2O_TOKEN_STATUS, VALUE("206")},
    {H2O_TOKEN_STATUS, VALUE("304")},
    {H2O_TOKEN_STATUS, VALUE("400")},
    {H2O_TOKEN_STATUS, VALUE("404")},
    {H2O_TOKEN_STATUS, VALUE("500")},
    {H2O_TOKEN_ACCEPT_CHARSET, VALUE("")},
    {H2O_TOKEN_ACCEPT_ENCODING, VALUE("gzip, deflate")},
    {H2O_TOKEN_ACCEPT_LANGUAGE, VALUE("")},
    {H2O_TOKEN_ACCEPT_RANGES, VALUE("")},
    {H2O_TOKEN_ACCEPT, VALUE("")},
    {H2O_TOKEN_ACCESS_CONTROL_ALLOW_ORIGIN, VALUE("")},
    {H2O_TOKEN_AGE, VALUE("")},
    {H2O_TOKEN_ALLOW, VALUE("")},
    {H2O_TOKEN_AUTHORIZATION, VALUE("")},
    {H2O_TOKEN_CACHE_CONTROL, VALUE("")},
    {H2O_TOKEN_CONTENT_DISPOSITION, VALUE("")},
    {H2O_TOKEN_CONTENT_ENCODING, VALUE("")},
    {H2O_TOKEN_CONTENT_LANGUAGE, VALUE("")},
    {H2O_TOKEN_CONTENT_LENGTH, VALUE("")},
    {H2O_TOKEN_CONTENT_LOCATION, VALUE("")},
    {H2O_TOKEN_CONTENT_RANGE, VALUE("")},
    {H2O_TOKEN_CONTENT_TYPE, VALUE("")},
    {H2O_TOKEN_COOKIE, VALUE("")},
    {H2O_TOKEN_DATE, VALUE("")},
    {H2O_TOKEN_ETAG, VALUE("")},
    {H2O_TOKEN_EXPECT, VALUE("")},
    {H2O_TOKEN_EXPIRES, VALUE("")},
    {H2O_TOKEN_FROM, VALUE("")},
    {H2O_TOKEN_HOST, VALUE("")},
    {H2O_TOKEN_IF_MATCH, VALUE("")},
    {H2O_TOKEN_IF_MODIFIED_SINCE, VALUE("")},
    {H2O_TOKEN_IF_NONE_MATCH, VALUE("")},
    {H2O_TOKEN_IF_RANGE, VALUE("")},
    {H2O_TOKEN_IF_UNMODIFIED_SINCE, VALUE("")},
    {H2O_TOKEN_LAST_MODIFIED, VALUE("")},
    {H2O_TOKEN_LINK, VALUE("")},
    {H2O_TOKEN_LOCATION, VALUE("")},
    {H2O_TOKEN_MAX_FORWARDS, VALUE("")},
    {H2O_TOKEN_PROXY_AUTHENTICATE, VALUE("")},
    {H2O_TOKEN_PROXY_AUTHORIZATION, VALUE("")},
    {H2O_TOKEN_RANGE, VALUE("")},
    {H2O_TOKEN_REFERER, VALUE("")},
    {H2O_TOKEN_REFRESH, VALUE("")},
    {H2O_TOKEN_RETRY_AFTER, VALUE("")},
    {H2O_TOKEN_SERVER, VALUE("")},
    {H2O_TOKEN_SET_COOKIE, VALUE("")},
    {H2O_TOKEN_STRICT_TRANSPORT_SECURITY, VALUE("")},
    {H2O_TOKEN_TRANSFER_ENCODING, VALUE("")},
    {H2O_TOKEN_USER_AGENT, VALUE("")},
    {H2O_TOKEN_VARY, VALUE("")},
    {H2O_TOKEN_VIA, VALUE("")},
    {H2O_TOKEN_WWW_AUTHENTICATE, VALUE("")},
};

const hpack_static_entry *hpack_static(size_t index)
{
    return &static_entries[index - 1];
}

static size_t size_of(const hpack_entry *e)
{
    return e->name->len + e->value->len + ENTRY_OVERHEAD;
}

static hpack_entry *place_of(const hpack_table *t, size_t age)
{
    return &t->entries[(t->entry_start_index + age) & (t->entry_capacity - 1)];
}

const hpack_entry *hpack_table_get(const hpack_table *t, size_t age)
{
    return age < t->num_entries ? place_of(t, age) : NULL;
}

static void evict_oldest(hpack_table *t)
{
    hpack_entry *e = place_of(t, --t->num_entries);
    t->hpack_size -= size_of(e);
    if (!h2o_iovec_is_token(e->name)) {
        h2o_mem_release_shared(e->name);
    }
    h2o_mem_release_shared(e->value);
    *e = (hpack_entry){.name = NULL};
}

static void evict_down_to(hpack_table *t, size_t size)
{
    while (t->num_entries != 0 && t->hpack_size > size) {
        evict_oldest(t);
    }
}

bool hpack_table_resize(hpack_table *t, size_t capacity)
{
    /* More than our settings allow (RFC 7541, 4.2). */
    if (capacity > t->hpack_max_capacity) {
        return false;
    }
    t->hpack_capacity = capacity;
    evict_down_to(t, capacity);
    return true;
}

static void grow(hpack_table *t)
{
    const size_t capacity = t->entry_capacity != 0 ? t->entry_capacity * 2 : ENTRIES_FIRST;
    hpack_entry *entries = kit_calloc(capacity, sizeof(*entries));
    for (size_t age = 0; age < t->num_entries; age++) {
        entries[age] = *place_of(t, age);
    }
    free(t->entries); /* libh2o frees the last one likewise */
    t->entries = entries;
    t->entry_capacity = capacity;
    t->entry_start_index = 0;
}

void hpack_table_add(hpack_table *t, const hpack_entry *added)
{
    const size_t size = size_of(added);
    if (size > t->hpack_capacity) {
        /* Not an error: it empties the table (RFC 7541, 4.4). */
        evict_down_to(t, 0);
        return;
    }
    /* May throw out the entry that the new one has its name from (RFC 7541, 4.4): the request that
     * is being read still holds that. */
    evict_down_to(t, t->hpack_capacity - size);
    if (t->num_entries == t->entry_capacity) {
        grow(t);
    }
    t->entry_start_index = (t->entry_start_index - 1) & (t->entry_capacity - 1);
    t->num_entries++;
    t->hpack_size += size;
    *place_of(t, 0) = *added;
    if (!h2o_iovec_is_token(added->name)) {
        h2o_mem_addref_shared(added->name);
    }
    h2o_mem_addref_shared(added->value);
}
