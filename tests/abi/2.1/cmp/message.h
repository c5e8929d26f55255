/* SPDX-License-Identifier: Apache-2.0 */
/* The request message, MC-3-RESOLVE_ICI (10.5.1.1, Table 19), as plugins see it. */
#pragma once

#include <cmp/base.h>

/* The parameters of Table 19, in the table's order. Contextual information is whatever else the
 * request carries, kept in order; see cmp_host.txn_contextual. */
typedef enum cmp_param {
    CMP_PARAM_TID,
    CMP_PARAM_ICI,
    CMP_PARAM_USER,
    CMP_PARAM_APIKEYID,
    CMP_PARAM_SIGNATURE,
    CMP_PARAM_LANGUAGE,
    CMP_PARAM_CC,
    CMP_PARAM_POST,
    CMP_PARAM_AGE,
    CMP_PARAM_INCOME,
    CMP_PARAM_GENDER,
    CMP_PARAM_COUNT,
    CMP_PARAM_ADDR,
    CMP_PARAM_MAX
} cmp_param;

/* A name and its value. Whose they are, and for how long, is said where a pair is handed over. */
typedef struct cmp_pair {
    cmp_str name;
    cmp_str value;
} cmp_pair;

/* The interfaces on which requests arrive. */
typedef enum cmp_interface {
    CMP_INTERFACE_NONE = -1,
    CMP_INTERFACE_MC3,   /* CMP to CMP */
    CMP_INTERFACE_MC6,   /* Split-CMP-Parent to -Child; the seed defines its security only */
    CMP_INTERFACE_MC1,   /* handset to Home CMP: anonymous */
    CMP_INTERFACE_CODES, /* other servers and tools read and write code records; no message of
                            Table 19: the parameters tid, ici (each ICI on a line of its own),
                            apikeyid and signature are there for authentication */
    CMP_INTERFACE_MAX
} cmp_interface;
