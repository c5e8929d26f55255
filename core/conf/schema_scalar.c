/* SPDX-License-Identifier: Apache-2.0 */
/* See schema_walk.h: single values, those that stand in the environment or in a file of their own
 * among them. */
#include "conf/schema_walk.h"

#include "base/log.h"
#include "base/readers.h"
#include "base/secret.h"
#include "conf/help.h"
#include "conf/indirect.h"
#include "conf/value.h"

#include <stdlib.h>
#include <sys/stat.h>

/* The keyring's secrets are octets, which may well look like something else. */
static bool may_refer(const walk *w, const cmp_option *row)
{
    return w->file != NULL && !yaml_secret(w->file) &&
           (row->type == CMP_OPTION_SECRET || row->type == CMP_OPTION_PATH);
}

static bool parse_scalar(const walk *w, const cmp_option *row, cmp_str text, void *field,
                         const char **hint)
{
    if (!may_refer(w, row)) {
        return value_parse(row, text, walk_folder(w), w->memory, field, hint);
    }
    char *expanded = indirect_expand(text, &w->report->memory, hint);
    if (expanded == NULL) {
        return false;
    }
    const bool good =
        value_parse(row, cmp_str_from(expanded), walk_folder(w), w->memory, field, hint);
    secret_wipe(expanded, strlen(expanded));
    free(expanded);
    return good;
}

/* A token is one, and so is a URL with a password in it. */
static bool holds_password(cmp_str text)
{
    const char *end = text.at + text.size;
    const char *scheme = memmem(text.at, text.size, "://", 3);
    const char *at = memchr(text.at, '@', text.size);
    if (memmem(text.at, text.size, "${", 2) != NULL || text.size == 0) {
        return false;
    }
    if (scheme == NULL) {
        return memchr(text.at, ':', text.size) == NULL; /* sqlite:PATH */
    }
    return (at != NULL && at > scheme + 3 &&
            memchr(scheme + 3, ':', (size_t)(at - scheme) - 3) != NULL) ||
           memmem(scheme, (size_t)(end - scheme), "password=", 9) != NULL;
}

/* The keyring is refused then; a configuration is often meant to be read, but for this. */
static void warn_of_readers(const walk *w, const trail *t, struct fy_node *node)
{
    struct stat status;
    const char *file = w->file != NULL ? yaml_name(w->file) : NULL;
    if (file == NULL || !holds_password(yaml_scalar(node)) || stat(file, &status) != 0) {
        return;
    }
    const readers who = readers_of(&status);
    const bool everybody = (status.st_mode & S_IROTH) != 0;
    if (everybody || who == READERS_GROUP) {
        const char *key = trail_path(t, &w->report->memory);
        log_warning(
            "config",
            "%s:%u: %s: %s can read the file, and there is a secret in it: run chmod %s %s, "
            "or give %s_file or ${NAME}",
            file, yaml_place(w->file, node).line, key,
            everybody ? "everybody" : "a group that is none of ours", everybody ? "o=" : "g=", file,
            key);
    }
}

bool walk_scalar(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                 void *field)
{
    const char *hint = NULL;
    if (yaml_nothing(node) || !fy_node_is_scalar(node) ||
        !parse_scalar(w, row, yaml_scalar(node), field, &hint)) {
        return walk_mismatch(w, t, row, node, hint);
    }
    if (row->type == CMP_OPTION_SECRET) {
        warn_of_readers(w, t, node);
    }
    return true;
}

bool walk_secret_file(const walk *w, const trail *up, const cmp_option *row, struct fy_node *node,
                      void *field)
{
    kit_arena *a = &w->report->memory;
    const trail t = {.up = up, .key = kit_arena_printf(a, "%s" SECRET_FILE_SUFFIX, row->name)};
    const cmp_option path_row = {.name = t.key, .type = CMP_OPTION_PATH};
    const char *path = NULL, *hint = NULL;
    if (!walk_scalar(w, &t, &path_row, node, &path)) {
        return false;
    }
    char *secret = indirect_read(path, a, &hint);
    if (secret == NULL) {
        walk_complain(w, &t, walk_place(w, node), hint);
        return false;
    }
    const bool good =
        value_parse(row, cmp_str_from(secret), walk_folder(w), w->memory, field, &hint);
    secret_wipe(secret, strlen(secret));
    free(secret);
    if (!good) {
        char expected[512];
        schema_expected(row, expected, sizeof(expected));
        walk_complain(w, &t, walk_place(w, node),
                      kit_arena_printf(a, "%s holds something else than %s", path, expected));
    }
    return good;
}
