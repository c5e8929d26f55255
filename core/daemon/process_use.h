/* SPDX-License-Identifier: Apache-2.0 */
/* What the process uses of the machine. Any thread. */
#pragma once

/* Pages of its own and shared ones that are in memory; 0 when the kernel does not say. */
double process_resident_bytes(void);

/* Processor time, of all its threads. */
double process_cpu_seconds(void);
