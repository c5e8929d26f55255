/* SPDX-License-Identifier: Apache-2.0 */
/* How what is registered in counters.h is called and labelled for those who watch. */
#pragma once

#include "observe/exposition.h"

/* Writes all of it, those of plugins among them. Any thread. */
void metrics_expose(exposition *e);
