/* SPDX-License-Identifier: Apache-2.0 */
/* What happened between two looks at the daemon: so many a second, and how long it took. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Borrows both looks. Values that cannot be known yet are NAN. */
typedef struct figures {
    const json_t *now;
    const json_t *before; /* NULL: there is none, or it is of another process */
    double seconds;       /* between them */
} figures;

/* `before` may be NULL. */
figures figures_of(const json_t *now, const json_t *before);

/* Whether two looks are at one process, the first of them first. */
bool figures_same_process(const json_t *before, const json_t *now);

/* The member of the same array of the look before (`list` is its path, as for look_number_at) whose
 * `key` is that of `object`; NULL: it was not there. */
const json_t *figures_before(const figures *f, const char *list, const char *key,
                             const json_t *object);

/* How many more a second, of a count that is `now` and was `before`. */
double figures_rate(const figures *f, int64_t now, int64_t before);

/* Processors in use: 1 is one of them, all the time. */
double figures_processors(const figures *f);

/* For programs: what `cmpctl status --json` adds (cmpctl(1)). The caller's reference. */
json_t *figures_json(const figures *f);

/* How many values are in a histogram (daemon/status_peers.h) beyond those of `before` (NULL: none),
 * and the value below which a part of them is, between two bounds as if they were spread evenly;
 * INFINITY: it is beyond the last bound. */
uint64_t figures_values(const json_t *spread, const json_t *before);
double figures_quantile(const json_t *spread, const json_t *before, double part);
