/* SPDX-License-Identifier: Apache-2.0 */
/* What the process uses of the machine. Any thread. */
#pragma once

/* Pages of its own and shared ones that are in memory, and all that have an address; 0 when the
 * kernel does not say. */
double process_resident_bytes(void);
double process_virtual_bytes(void);

/* Descriptors that are open. */
unsigned process_descriptors(void);

/* Processor time, of all its threads. */
double process_cpu_seconds(void);
