/* The services of struct cmp_host that show transactions, records, peers and keys to plugins. */
#pragma once

#include "pipeline/generation.h"

/* Fills them in, beside those of instance_services. An instance's context must be its generation.
 */
void pipeline_services(cmp_host *host);
