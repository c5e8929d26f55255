/* SPDX-License-Identifier: Apache-2.0 */
/* One write into a store: at its end all of it becomes visible, or nothing. */
#pragma once

#include "ctl/ici_set.h"
#include "plugin/instance.h"

typedef struct codes_write {
    instance *store;
    void *write;
    ici_set *others; /* what the store held and was not put since; NULL: that stays anyway */
    size_t removed;
    char error[640]; /* why something was refused, with the store's name */
} codes_write;

/* With `replace`, what is not put will be removed. Every function here returns false with the error
 * filled; codes_write_end is to be called in any case. */
CMP_MUST_USE bool codes_write_begin(codes_write *w, instance *store, bool replace);
CMP_MUST_USE bool codes_write_put(codes_write *w, cmp_str ici, const cmp_record *record);
CMP_MUST_USE bool codes_write_remove(codes_write *w, cmp_str ici, bool *existed);
CMP_MUST_USE bool codes_write_commit(codes_write *w);

/* Undoes what was not committed. */
void codes_write_end(codes_write *w);
