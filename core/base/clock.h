/* The wall clock, in one place so that tests can set it. */
#pragma once

#include <stdint.h>

/* Unix time. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);

/* Tests only: the time that the clock shows from now on; 0 goes back to the real one. */
void clock_set_ms(int64_t now_ms);
