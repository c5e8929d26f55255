/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs: the tids that we make for MC-1 requests and for every hop, and the check of those that a
 * peer's key demands. */
#include <cmp-kit/uuid.h>

#include <cmp-kit/text.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define RANDOM_SIZE ((size_t)10) /* what a UUIDv7 needs beside its time */
#define POOL_UUIDS  ((size_t)25) /* at most 256 octets are got whole by one call (getrandom(2)) */

/* One system call serves many UUIDs. Each thread has its own pool; the process must not fork
 * between two UUIDs of a thread. */
static _Thread_local uint8_t pool[POOL_UUIDS * RANDOM_SIZE];
static _Thread_local size_t pool_left;

static const uint8_t *random_take(void)
{
    if (pool_left == 0) {
        while (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool)) {
            if (errno != EINTR) {
                abort(); /* a system without random numbers can sign nothing */
            }
        }
        pool_left = POOL_UUIDS;
    }
    return pool + --pool_left * RANDOM_SIZE;
}

/* RFC 9562, 5.7: 48 bits of time, then random but for version and variant. It has no counter within
 * a millisecond (6.2): nobody needs our tids in order, and 74 random bits keep them apart. */
void kit_uuid_v7_make(int64_t now_ms, char text[KIT_UUID_TEXT_SIZE])
{
    uint8_t octets[16];
    for (int i = 0; i < 6; i++) {
        octets[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
    }
    memcpy(octets + 6, random_take(), RANDOM_SIZE);
    octets[6] = (uint8_t)(0x70 | (octets[6] & 0x0F));
    octets[8] = (uint8_t)(0x80 | (octets[8] & 0x3F));

    static const uint8_t group_sizes[] = {4, 2, 2, 2, 6};
    const uint8_t *from = octets;
    for (size_t i = 0; i < sizeof(group_sizes); i++) {
        if (i > 0) {
            *text++ = '-';
        }
        kit_hex_encode(from, group_sizes[i], text);
        text += 2 * (size_t)group_sizes[i];
        from += group_sizes[i];
    }
}

bool kit_uuid_parse(cmp_str text, uint8_t octets[16])
{
    if (text.size != KIT_UUID_TEXT_SIZE) {
        return false;
    }
    const char *at = text.at;
    char digits[32];
    memcpy(digits, at, 8);
    memcpy(digits + 8, at + 9, 4);
    memcpy(digits + 12, at + 14, 4);
    memcpy(digits + 16, at + 19, 4);
    memcpy(digits + 20, at + 24, 12);
    return at[8] == '-' && at[13] == '-' && at[18] == '-' && at[23] == '-' &&
           kit_hex_decode((cmp_str){digits, sizeof(digits)}, octets, 16);
}

bool kit_uuid_v7_time(const uint8_t octets[16], int64_t *ms)
{
    /* RFC 9562, 4.1 and 4.2: the variant's two bits are 10, the version's four are 7. */
    if (octets[6] >> 4 != 7 || octets[8] >> 6 != 2) {
        return false;
    }
    int64_t time = 0;
    for (int i = 0; i < 6; i++) {
        time = time << 8 | octets[i];
    }
    *ms = time;
    return true;
}
