/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a message from its carriage (SPEC 2 [profile]): query string, form, JSON.
 *
 * All return false with *f filled when the message cannot be read. Decoded values point into the
 * input where nothing had to be decoded, and into the kit_arena otherwise; both must outlive *m. *m
 * must be zeroed before. */
#pragma once

#include "mc/message.h"

/* A query string, without its `?`, or an application/x-www-form-urlencoded body. Empty parts
 * between two `&` are skipped; a part without `=` has an empty value. */
CMP_MUST_USE bool decode_form(cmp_str text, kit_arena *a, message *m, fault *f);

/* An application/json body: one object of strings. */
CMP_MUST_USE bool decode_json(cmp_str body, kit_arena *a, message *m, fault *f);
