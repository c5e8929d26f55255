/* SPDX-License-Identifier: Apache-2.0 */
/* What the process uses of the machine. Any thread. */
#pragma once

/* Pages of its own and shared ones that are in memory, and all that have an address; 0 when the
 * kernel does not say. */
double process_resident_bytes(void);
double process_virtual_bytes(void);

/* The memory that it may have: the least of what the machine has and of what its control groups may
 * have together (memory.max of each, version 2). */
double process_memory_limit_bytes(void);

/* Of the control group at `path` (with its slash) below the folder `root`, and of all above it;
 * INFINITY: none has a limit. */
double process_group_limit_bytes(const char *root, const char *path);

/* Descriptors that are open. */
unsigned process_descriptors(void);

/* Processor time, of all its threads. */
double process_cpu_seconds(void);
