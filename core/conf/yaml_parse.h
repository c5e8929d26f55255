/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML text as a tree of libfyaml's, which never gets to print anything itself. */
#pragma once

#include "conf/report.h"

#include <libfyaml.h>

/* What is read; borrowed. `secret`: no message shows any of it. */
typedef struct yaml_text {
    const char *name; /* of the file */
    cmp_str text;
    bool secret;
} yaml_text;

/* Makes the tree of a text, in which aliases and merge keys are resolved; its scalars point into
 * the text. NULL stands for a text with nothing in it. Everything that is wrong goes to the report,
 * with its place; false when it leaves nothing to go on with, as keys that are no names do not. The
 * tree is the caller's to destroy, also after false. */
CMP_MUST_USE bool yaml_parse(const yaml_text *from, struct fy_document **document,
                             cmp_report *report);

/* Where a node of any kind begins, by its own token: lines and columns from 1. False when it was
 * never written, such as the value in `a:`. */
CMP_MUST_USE bool yaml_mark(struct fy_node *node, unsigned *line, unsigned *column);
