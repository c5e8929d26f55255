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
    instance_site *site;
    void *context;     /* see instance_create */
    kit_arena *memory; /* of options, which may hold secrets: section_close wipes them */
} section_site;

/* Loads the section's plugin, checks and fills its options and the core's own (`cache`), and makes
 * the instance. `i` comes zeroed. False with errors in the report, each with its place in the file;
 * section_close is to be called in either case. Control thread. */
bool section_open(const section_site *s, const conf_plugin *section, instance *i,
                  cmp_report *report);

/* Destroys the instance and wipes the secrets of its options. */
void section_close(instance *i);
