/* SPDX-License-Identifier: Apache-2.0 */
/* The code record (SPEC 6): reading it from JSON, and what it means at a given moment. */
#pragma once

#include <cmp/record.h>

/* Reads one record; the service cmp_host.record_parse. Unknown members are errors, and so is a
 * condition that could never be understood (an age that is neither number, range nor free text of
 * at most 20 octets, a time that is none …). `error` names the member. */
CMP_MUST_USE bool record_parse(const char *json, size_t size,
                               void *(*alloc)(void *arg, size_t size), void *arg, cmp_str *ici,
                               cmp_record *record, char *error, size_t error_size);

/* Writes a record as JSON text that record_parse reads; the service cmp_host.record_write. Returns
 * its size; writes nothing when that is more than `room`. */
size_t record_write(cmp_str ici, const cmp_record *record, char *json, size_t room);

typedef enum record_state {
    RECORD_VALID,
    RECORD_NOT_YET, /* to be answered as unknown: nothing is given away about tomorrow */
    RECORD_GONE,    /* revoked or expired */
} record_state;

record_state record_state_at(const cmp_record *record, int64_t now_ms);

/* The content type to be said: the variant's, the record's, or the one that the content shows. */
cmp_str record_content_type(const cmp_record *record, const cmp_variant *variant);

/* Whether a record that a plugin has filled is one: pointers against sizes, bounds, UTF-8, host
 * name, status, times. What conditions mean is not looked at. False with the member and what is
 * wrong with it in `error`. Nothing else in here may be called before. */
CMP_MUST_USE bool record_check(const cmp_record *record, char *error, size_t error_size);

/* 1 to CMP_ICI_MAX octets of visible ASCII. */
CMP_MUST_USE bool record_ici_valid(cmp_str ici);
