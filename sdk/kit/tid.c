/* SPDX-License-Identifier: Apache-2.0 */
/* Judges a peer's transaction id by its key. */
#include <cmp-kit/tid.h>

#include <cmp-kit/uuid.h>

kit_tid kit_tid_read(cmp_str text)
{
    uint8_t octets[16];
    kit_tid tid = {.uuid = kit_uuid_parse(text, octets)};
    tid.version_7 = tid.uuid && kit_uuid_v7_time(octets, &tid.time_ms);
    return tid;
}

const char *kit_tid_fault(const kit_tid *tid, const cmp_key *key, int64_t now_ms)
{
    if (key->tid_format == CMP_TID_ANY) {
        return NULL;
    }
    if (!tid->uuid) {
        return "tid is no UUID";
    }
    if (key->tid_format == CMP_TID_UUID) {
        return NULL;
    }
    if (!tid->version_7) {
        return "tid is no UUIDv7";
    }
    if (key->max_skew_ms > 0 && tid->time_ms < now_ms - key->max_skew_ms) {
        return "tid is too old";
    }
    if (key->max_skew_ms > 0 && tid->time_ms > now_ms + key->max_skew_ms) {
        return "tid is too new";
    }
    return NULL;
}
