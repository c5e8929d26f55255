/* Reads a peer's transaction id. A form of its own ends the ambiguity of where the tid ends and the
 * ici begins in the signed octets, and the time in a UUIDv7 bounds how old a request can be. */
#include "tid.h"

#define UUID_SIZE 36

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : ((unsigned)c & 0xDF) - 'A' + 10;
}

static bool has_uuid_form(cmp_str tid)
{
    if (tid.size != UUID_SIZE) {
        return false;
    }
    for (size_t i = 0; i < UUID_SIZE; i++) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? tid.at[i] != '-' : !is_hex(tid.at[i])) {
            return false;
        }
    }
    return true;
}

/* RFC 9562, 5.7: the first 48 bits are the time. */
static int64_t version_7_time(cmp_str tid)
{
    int64_t ms = 0;
    for (size_t i = 0; i < 13; i++) {
        if (i != 8) {
            ms = ms << 4 | hex_value(tid.at[i]);
        }
    }
    return ms;
}

tid_shape tid_read(cmp_str tid)
{
    tid_shape shape = {.uuid = has_uuid_form(tid)};
    /* The variant of RFC 9562 has 10 in its two highest bits. */
    if (shape.uuid && tid.at[14] == '7' && hex_value(tid.at[19]) >> 2 == 2) {
        shape.version_7 = true;
        shape.time_ms = version_7_time(tid);
    }
    return shape;
}

const char *tid_fault(const tid_shape *shape, const cmp_key *key, int64_t now_ms)
{
    if (key->tid_format == CMP_TID_ANY) {
        return NULL;
    }
    if (!shape->uuid) {
        return "tid is no UUID";
    }
    if (key->tid_format == CMP_TID_UUID) {
        return NULL;
    }
    if (!shape->version_7) {
        return "tid is no UUIDv7";
    }
    if (key->max_skew_ms > 0 && shape->time_ms < now_ms - key->max_skew_ms) {
        return "tid is too old";
    }
    if (key->max_skew_ms > 0 && shape->time_ms > now_ms + key->max_skew_ms) {
        return "tid is too new";
    }
    return NULL;
}
