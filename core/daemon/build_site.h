/* SPDX-License-Identifier: Apache-2.0 */
/* Where generations are built. */
#pragma once

#include "daemon/retired.h"
#include "plugin/loader.h"

/* What the generations of a process have in common; outlives them. */
typedef struct build_site {
    const char *path;           /* of the configuration */
    const char *const *folders; /* of plugins, before the configuration's plugin_path */
    loader *loader;             /* made with the first of them */
    cmp_purpose purpose;
    /* What a start checks of the configuration alone; after other errors too, to list all. */
    void (*check_start)(const struct build_site *s, const conf *c, cmp_report *report);
    int admin;                /* the admin socket of the process before; -1: none */
    instance_site *instances; /* its number of workers is set with the first */
    retired *retired;
} build_site;
