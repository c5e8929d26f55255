/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl plugins`: what plugins the daemon runs, and how they fare. */
#pragma once

#include "plugin/instance.h"

#include <h2o.h>
#include <jansson.h>

/* Answers /plugins:
 *   {"abi": the host's own, "plugins": [{"plugin", "kind", "version", "abi", "file", "instances":
 *     [{"instance", "blocks", "calls", "unavailable", "errors", "late_answers", "under_way",
 *       "stalls", "longest_stall_ms", "commands": [{"name", "argument": or absent, "help"}, …]},
 * …]}, …]} with what cmpctl(1) says of each number. */
int plugins_answer(h2o_req_t *req);

/* One of those instances. The caller's reference; any thread for which the instance lives. */
json_t *plugins_instance(const instance *i);
