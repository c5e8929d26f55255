/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin instance from its section of the configuration. */
#pragma once

#include "conf/conf.h"
#include "plugin/instance.h"
#include "plugin/loader.h"

/* What the instances of one configuration have in common. All of it outlives them. */
typedef struct section_site {
    const conf *conf;
    loader *loader;
    const cmp_host *services; /* copied into each instance */
    cmp_purpose purpose;
    instance_site *site; /* outlives the instances as well */
    peers *peers;        /* that their services show; each takes a share. NULL: none */
    keyring *keyring;    /* likewise */
} section_site;

/* Loads the section's plugin, checks and fills its options and the core's own (`cache`), and makes
 * the instance; or takes `before` (NULL: there is none), the instance of that name that is in
 * force, for one share more, when nothing of its section has changed. Never NULL: the caller's
 * share of an instance, which after errors (in the report, each with its place in the file) is one
 * without a function. Control thread. */
instance *section_open(const section_site *s, const conf_plugin *section, instance *before,
                       cmp_report *report);

/* Gives back a share, and nulls it. True when it was the last: nobody has the instance any more,
 * and section_close ends it. Control thread. */
CMP_MUST_USE bool section_leave(instance *i);

/* Destroys the instance, wipes the secrets of its options, and frees it. It is idle
 * (instance_idle). Nulls it; NULL is fine. */
void section_close(instance **i);
