/* Limits for each source address on anonymous interfaces (MC-1): requests a time and connections.
 * One memory for all workers, bounded: the addresses that were quiet longest are forgotten. Any
 * thread. IPv4 counts by address, IPv6 by /64. */
#pragma once

#include <cmp/base.h>

typedef struct sources sources;

/* `per_hour` requests an hour for one source, in bursts of at most `burst` (at least 1); 0:
 * unlimited. */
sources *sources_create(size_t entries_max, int64_t per_hour, unsigned burst);
void sources_destroy(sources **s);

/* Takes one request of a source (IPv6 or IPv4-mapped). 0: go on. Otherwise the milliseconds after
 * which one is free. */
int64_t sources_take(sources *s, const uint8_t address[16], int64_t now_us);
