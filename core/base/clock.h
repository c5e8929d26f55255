/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, in one place so that tests can set them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Unix time. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);

/* Time that only goes on, from a start that means nothing: for intervals. */
int64_t clock_monotonic_us(void);
uint64_t clock_monotonic_ms(void);

/* Tests only: the time that all clocks show from now on; 0 goes back to the real ones. */
void clock_set_ms(int64_t now_ms);

/* Whether somebody keeps this machine's clock right (NTP or the like), as the kernel knows it
 * (adjtimex(2)); true where it does not say. */
bool clock_is_kept(void);
