/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration file to a generation that is ready to serve. */
#pragma once

#include "pipeline/generation.h"
#include "plugin/loader.h"

/* What plugins may ask for in this program. */
uint32_t build_services(void);

/* Reads, checks and wires everything that a start needs: configuration, keyring, peers, plugins
 * with their own checks, certificates. `extra_folders` come before the configuration's plugin_path.
 * *loader_ref is made when NULL. Errors of all parts go to the report; NULL when there is one. */
generation *generation_build(const char *path, const char *const *extra_folders,
                             loader **loader_ref, instance_site *site, cmp_report *report);

/* Reads the keyring's file anew, for the generation as it is. NULL with errors in the report;
 * otherwise the caller's share. Control thread. */
keyring *generation_read_keyring(generation *g, cmp_report *report);

/* No worker may use it any more. */
void generation_destroy(generation **g);
