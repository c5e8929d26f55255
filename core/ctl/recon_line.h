/* SPDX-License-Identifier: Apache-2.0 */
/* One line of an export that is to be compared: CSV, or NDJSON (etc/openapi/journal-exchange.json).
 */
#pragma once

#include <cmp/base.h>

typedef enum recon_column {
    RECON_TIME,
    RECON_KIND,
    RECON_DIRECTION,
    RECON_PEER,
    RECON_TID,
    RECON_ICI,
    RECON_VERDICT,
    RECON_CODE,
    RECON_STATUS,
    RECON_ATTEMPT,
    RECON_CC,
    RECON_COLUMN_MAX
} recon_column;

/* What is not there is absent; the texts point into the line, or into `room`. */
typedef struct recon_line {
    cmp_str texts[RECON_COLUMN_MAX];
    char room[1024]; /* for texts with escapes */
    size_t used;
} recon_line;

/* How lines are read: by the first one of the file. */
typedef struct recon_layout {
    bool csv;
    int columns[64]; /* of CSV: recon_column of each, or -1 */
    size_t column_count;
} recon_layout;

/* Takes the layout from a file's first line; *is_head: it holds no record. NULL, or what is wrong:
 * static. */
const char *recon_layout_read(recon_layout *l, cmp_str line, bool *is_head);

/* NULL, or what is wrong: static. */
const char *recon_line_read(const recon_layout *l, cmp_str line, recon_line *to);
