/* SPDX-License-Identifier: Apache-2.0 */
/* The services of struct cmp_host that show transactions, records, peers and keys to plugins. */
#pragma once

#include <cmp/host.h>

/* Fills them in, beside those of instance_services. */
void pipeline_services(cmp_host *host);

/* https_services.c: those of CMP_SERVICE_HTTPS; called by pipeline_services. */
void https_services(cmp_host *host);
