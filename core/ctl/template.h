/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with parts that are only for some, and places to be filled in.
 *
 *     @if WORD…      the lines up to @else or @end are for those with one of these words
 *     @else
 *     @end
 *     @NAME@         the value of that name, anywhere in a line */
#pragma once

#include <cmp/base.h>
#include <stdio.h>

typedef struct template_value {
    const char *name, *text;
} template_value;

/* What a text is made for; both lists are ended by NULL. */
typedef struct template_for {
    const char *const *words;
    const template_value *values;
} template_for;

/* Writes `text` as it is for `f`. False when it is no good template: an @else or @end without its
 * @if, an @if without its end, deeper than 8. */
CMP_MUST_USE bool template_write(const char *text, const template_for *f, FILE *to);
