/* SPDX-License-Identifier: Apache-2.0 */
/* cmpd's command line. */
#include "base/descriptors.h"
#include "base/log.h"
#include "base/names.h"
#include "base/running.h"
#include "conf/conf.h"
#include "conf/help.h"
#include "daemon/build.h"
#include "daemon/daemon.h"
#include "daemon/handover.h"
#include "journal/pack.h"
#include "observe/last_words.h"
#include "plugin/folders.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

#ifndef CMPD_VERSION
#define CMPD_VERSION "unknown"
#endif

#define FOLDERS_MAX 16

static const char usage[] =
    "Usage: cmpd -c FILE            serve (until SIGTERM or SIGINT)\n"
    "       cmpd -t -c FILE         check the configuration and all that it names\n"
    "       cmpd --list-plugins     name the plugins that can be loaded\n"
    "       cmpd --help-plugin NAME describe one plugin and its options\n"
    "       cmpd --help-config      describe the configuration's keys\n"
    "       cmpd -V | -h\n"
    "Options:\n"
    "  -c, --config FILE           the configuration (YAML 1.2)\n"
    "  -t, --test                  check only, change nothing; exit status 0: good, 1: not\n"
    "  -p, --plugin-path FOLDER    look for plugins here first (may be repeated)\n"
    "  --log-format FORMAT         text or json, from the first line on; otherwise log.format "
    "says\n";

enum {
    OPTION_LIST_PLUGINS = 256,
    OPTION_HELP_PLUGIN,
    OPTION_HELP_CONFIG,
    OPTION_LOG_FORMAT,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"test", no_argument, NULL, 't'},
    {"plugin-path", required_argument, NULL, 'p'},
    {"list-plugins", no_argument, NULL, OPTION_LIST_PLUGINS},
    {"help-plugin", required_argument, NULL, OPTION_HELP_PLUGIN},
    {"help-config", no_argument, NULL, OPTION_HELP_CONFIG},
    {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Guarded, as a configuration has it by default: to list a plugin is to run its constructors. */
static loader *loader_for(const char *const *folders)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    loader *l = loader_create(plugin_folders(&a, folders, NULL), build_services(), LIBRARY_GUARDED);
    kit_arena_reset(&a);
    return l;
}

/* A bad file is said and passed over: the list is what one looks at to find out which it is. */
static int list_plugins(const char *const *folders)
{
    loader *l = loader_for(folders);
    char **names = loader_names(l);
    for (char **name = names; *name != NULL; name++) {
        char error[1024];
        const cmp_plugin *plugin = loader_load(l, *name, error, sizeof(error));
        if (plugin != NULL) {
            printf("%-16s %-6s %-8s %s\n", plugin->name, plugin_kind_name(plugin->kind),
                   plugin->version, plugin->summary);
        } else {
            fprintf(stderr, "cmpd: %s\n", error);
        }
    }
    loader_names_free(&names);
    loader_destroy(&l);
    return 0;
}

static void print_commands(const cmp_command *rows)
{
    printf("\nCommands (cmpctl plugin --config FILE INSTANCE COMMAND):\n");
    for (; rows->name != NULL; rows++) {
        printf(" %s%s%s%s  %s\n", rows->name, rows->argument != NULL ? " [" : "",
               rows->argument != NULL ? rows->argument : "", rows->argument != NULL ? "]" : "",
               rows->help);
    }
}

static int help_plugin(const char *const *folders, const char *name)
{
    loader *l = loader_for(folders);
    char error[1024];
    const cmp_plugin *plugin = loader_load(l, name, error, sizeof(error));
    if (plugin != NULL) {
        printf("%s (%s, version %s, plugin ABI %u.%u)\n%s\n", plugin->name,
               plugin_kind_name(plugin->kind), plugin->version, plugin->abi_major,
               plugin->abi_minor, plugin->summary);
        if (plugin->options != NULL) {
            printf("\nOptions:\n");
            schema_print_help(plugin->options, 1, stdout);
        } else {
            printf("\nNo options.\n");
        }
        if (plugin->commands != NULL) {
            print_commands(plugin->commands);
        }
        if (plugin->kind == CMP_PLUGIN_STORE) {
            printf("\nEvery store, beside them:\n");
            schema_print_help(conf_store_rows, 1, stdout);
        }
    } else {
        char **names = loader_names(l);
        const char *near = name_nearest(cmp_str_from(name), (const char *const *)names);
        fprintf(stderr, near != NULL ? "cmpd: %s; did you mean \"%s\"?\n" : "cmpd: %s\n", error,
                near);
        loader_names_free(&names);
    }
    loader_destroy(&l);
    return plugin != NULL ? 0 : 1;
}

static int misused(const char *what)
{
    fprintf(stderr, "cmpd: %s\n%s", what, usage);
    return 2;
}

/* What was asked to be printed is to be read: whoever did not get it is told so. */
static int printed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fputs("cmpd: stdout cannot be written\n", stderr);
    return status != 0 ? status : 1;
}

static bool fix_log_format(const char *name)
{
    for (int format = 0; log_format_names[format] != NULL; format++) {
        if (strcmp(log_format_names[format], name) == 0) {
            log_format_fix((log_format)format);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    if (!descriptors_open_standard()) {
        return 1; /* there is nobody to tell */
    }
    if (argc == 3 && strcmp(argv[1], PACK_OPTION) == 0) {
        return pack_run(argv[2]); /* this program's own call (journal/pack.h) */
    }
    handover_remember((const char *)getauxval(AT_EXECFN), argv);
    const char *config = NULL, *plugin = NULL, *folders[FOLDERS_MAX + 1] = {NULL};
    size_t folder_count = 0;
    bool test = false, list = false;
    for (int option; (option = getopt_long(argc, argv, "c:tp:Vh", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 't':
            test = true;
            break;
        case 'p':
            if (folder_count == FOLDERS_MAX) {
                return misused("too many plugin paths");
            }
            folders[folder_count++] = optarg;
            break;
        case OPTION_LIST_PLUGINS:
            list = true;
            break;
        case OPTION_HELP_PLUGIN:
            plugin = optarg;
            break;
        case OPTION_HELP_CONFIG:
            conf_print_help(stdout);
            return printed(0);
        case OPTION_LOG_FORMAT:
            if (!fix_log_format(optarg)) {
                return misused("--log-format takes text or json");
            }
            break;
        case 'V':
            printf("cmpd %s (plugin ABI %d.%d)\n", CMPD_VERSION, CMP_ABI_MAJOR, CMP_ABI_MINOR);
            return printed(0);
        case 'h':
            fputs(usage, stdout);
            return printed(0);
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        return misused("unexpected argument");
    }
    if (list) {
        return printed(list_plugins(folders));
    }
    if (plugin != NULL) {
        return printed(help_plugin(folders, plugin));
    }
    if (config == NULL) {
        return misused("no configuration given (-c FILE)");
    }
    running_thread_begin("the control thread", NULL);
    last_words_start();
    const int status = test ? printed(daemon_check(config, folders)) : daemon_run(config, folders);
    last_words_stop();
    return status;
}
