/* SPDX-License-Identifier: Apache-2.0 */
/* What the core counts of every instance, whatever its plugin does: under an owner of its own, so
 * that it takes no names from the plugin. It goes by the instance's name, through reloads. */
#pragma once

#include "base/running.h"

#include <cmp/plugin.h>

#define FIGURES_VERDICTS 8 /* an operation has fewer */

/* Operations: RUNNING_VERIFY and those behind it. */
#define FIGURES_OPERATIONS (RUNNING_ROUTE - RUNNING_VERIFY + 1)

/* Numbers of counters, and of a histogram (observe/counters.h). */
typedef struct figures {
    unsigned calls;
    unsigned answers[FIGURES_OPERATIONS][FIGURES_VERDICTS]; /* by verdict */
    unsigned late;
    unsigned took_us; /* of answers that did not come at once */
} figures;

/* Says that there is such an instance, of a plugin of that kind, and registers its figures. */
void figures_begin(figures *f, const char *instance, const cmp_plugin *plugin);

/* One counter more of such an instance, while there is one. */
unsigned figures_counter(const char *instance, const char *name, const char *help);

/* Such an instance, of the plugin of that name, is there no longer. */
void figures_end(const char *instance, const char *plugin);

/* How often it could not tell, of whatever it was asked. */
uint64_t figures_unavailable(const figures *f);
