/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration file to a generation that is ready to serve. */
#pragma once

#include "daemon/build_site.h"
#include "pipeline/generation.h"

/* What plugins may ask for in this program. */
uint32_t build_services(void);

/* Reads, checks and wires everything that a start needs: configuration, keyring, peers, plugins
 * with their own checks, certificates. What has not changed since `before` (NULL: there is none) is
 * carried over from it: instances, ways, rates, what listeners know of sources, the keyring. Errors
 * of all parts go to the report; NULL when there is one, and then nothing has happened. Control
 * thread. */
generation *generation_build(build_site *s, generation *before, cmp_report *report);

/* The log as a configuration has it. */
void build_log(const conf *c);

/* Reads the keyring's file anew, for the generation as it is. NULL with errors in the report;
 * otherwise the caller's share. Control thread. */
keyring *generation_read_keyring(generation *g, cmp_report *report);

/* No worker may use it any more. Instances that no other generation has are retired. Nulls it; NULL
 * is fine. Control thread. */
void generation_destroy(generation **g, retired *r);
