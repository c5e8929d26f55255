/* SPDX-License-Identifier: Apache-2.0 */
/* Our own tables: the numbered files of etc/sql, which are in the plugin itself, and their version.
 */
#pragma once

#include <cmp/base.h>

#define SCHEMA_VERSION       1

#define SCHEMA_VERSION_QUERY "select max(version) from cmp_schema"

typedef enum schema_engine { SCHEMA_SQLITE, SCHEMA_POSTGRESQL } schema_engine;

/* The SQL text that leads from `version` (0: nothing is there) to the next one. */
const char *schema_step(schema_engine engine, int version);

/* Whether a database of that version can be used; otherwise `error` says what the operator has to
 * do. */
CMP_MUST_USE bool schema_good(schema_engine engine, int64_t version, char *error,
                              size_t error_size);
