/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a row and the code record (SPEC 6), both ways; the same for every driver. */
#pragma once

#include "buffer.h"

#include <cmp/host.h>

typedef enum column {
    COLUMN_CONTENT,
    COLUMN_CONTENT_TYPE,
    COLUMN_TTL,
    COLUMN_STATUS,
    COLUMN_NOT_BEFORE,
    COLUMN_NOT_AFTER,
    COLUMN_TRANSFERRED_TO,
    COLUMN_VARIANTS,
    COLUMN_MAX
} column;

extern const char *const column_names[COLUMN_MAX];

/* Our table's columns, as a look-up and a scan name them. */
#define COLUMN_LIST                                                                                \
    "content, content_type, ttl, status, not_before, not_after, transferred_to, variants"

/* Which column of a result holds what; -1: the result lacks it. */
typedef struct column_map {
    int at[COLUMN_MAX];
} column_map;

/* Finds the columns by the result's names. False when there is neither content nor transferred_to,
 * so that no row could be understood. */
CMP_MUST_USE bool column_map_init(column_map *map, int count,
                                  const char *(*name)(const void *result, int at),
                                  const void *result);

/* A row: values as text, absent where NULL; the driver's. */
typedef struct row {
    cmp_str at[COLUMN_MAX];
} row;

/* The record of a row. Nothing in it points into the row: what it needs comes from `alloc`. False
 * with `error` naming the column, when the row cannot be understood. */
CMP_MUST_USE bool row_read(const cmp_host *host, const row *r,
                           void *(*alloc)(void *arg, size_t size), void *arg, cmp_record *record,
                           char *error, size_t error_size);

typedef enum row_result {
    ROW_NEXT, /* go on */
    ROW_STOP, /* the visitor has seen enough */
    ROW_BAD,  /* not understood; `error` names the ICI and the column */
} row_result;

/* For scans: reads a row and shows it to the visitor. */
row_result row_visit(const cmp_host *host, cmp_str ici, const row *r, cmp_store_visit visit,
                     void *arg, char *error, size_t error_size);

/* Appends the record's variants to `json` as a JSON array, as the column holds them. `scratch` is
 * overwritten. */
void variants_write(const cmp_host *host, const cmp_record *record, buffer *scratch, buffer *json);

static inline cmp_str status_text(const cmp_record *record)
{
    return record->status == CMP_RECORD_REVOKED ? CMP_STR("revoked") : CMP_STR("active");
}
