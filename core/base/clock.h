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

/* What the kernel knows of this machine's clock (adjtimex(2)). */
typedef struct clock_state {
    bool told;                   /* false: it says nothing; errno says why */
    bool kept;                   /* somebody keeps it right (NTP or the like) */
    double offset_s;             /* by which it is still to be moved */
    double error_s, max_error_s; /* by which it may be wrong: as estimated, and at most */
} clock_state;

clock_state clock_look(void);

/* Whether somebody keeps it right; true where the kernel does not say. */
bool clock_is_kept(void);
