/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration reader share among themselves. */
#pragma once

#include "conf/conf.h"

/* Reads the folders of `include` and joins their files into the main file's tree: mappings merge,
 * lists append, anything else may be given only once. */
void conf_include(conf *c, cmp_report *report);

/* Checks what rows cannot: references, things that must be unique, TLS where 9.3.2 asks for it. */
void conf_check(const conf *c, cmp_report *report);

/* Checks the addresses that listeners are bound to. */
void conf_check_binds(const conf *c, cmp_report *report);

/* The journal's files go one by one when they are too much, and the one that is written to stays:
 * of so many at least a good part is there at any time. */
#define CONF_SEGMENTS_LEAST 4

/* Fills in the defaults that depend on other values. */
void conf_derive(conf *c);
