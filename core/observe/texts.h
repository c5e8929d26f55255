/* SPDX-License-Identifier: Apache-2.0 */
/* Names that somebody may be reading at any time, on any thread: of metrics, and of those that they
 * belong to. Each is kept once, and for good; a reload brings few that were never there before. */
#pragma once

/* The same text, which lives as long as the process: the same pointer for equal ones. Any thread;
 * takes a lock. */
const char *text_kept(const char *text);
