/* SPDX-License-Identifier: Apache-2.0 */
/* What a good configuration may still lack: nothing that would keep cmpd from starting. */
#pragma once

#include "conf/report.h"
#include "pipeline/generation.h"

/* Adds warnings to the report, each with its place. Reads the certificates' files again. Control
 * thread. */
void advice_give(const generation *g, cmp_report *report);
