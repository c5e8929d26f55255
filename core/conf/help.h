/* SPDX-License-Identifier: Apache-2.0 */
/* Option rows in words, for people. */
#pragma once

#include <cmp/option.h>

#include <stdio.h>

/* What a value of this row looks like, in words: "a duration such as 250ms, 5s, 3m". */
void schema_expected(const cmp_option *row, char *text, size_t size);

/* Prints rows as a table for people: name, type, default, help; nested rows indented. */
void schema_print_help(const cmp_option *rows, unsigned indent, FILE *to);
