/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl new-plugin`: a folder with a plugin that builds, is tested and answers at once, made from
 * the templates that the SDK has installed (sdk/templates). */
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/template.h"

#include <cmp-kit/arena.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_SIZE    ((size_t)48)
#define FLAVOURS_MAX     4
#define TEMPLATE_MAX     ((size_t)1 << 20)
#define PERMISSIONS      0666
#define PERMISSIONS_TOOL 0777

typedef struct new_options {
    const char *kind, *language;
    bool later, blocking, https;
} new_options;

static const args_row rows[] = {
    ARGS_NEEDED("kind", new_options, kind, "KIND", "auth, store or route"),
    ARGS_ROW("async", FLAG, new_options, later, NULL, "it answers later, from a timer"),
    ARGS_ROW("blocking", FLAG, new_options, blocking, NULL,
             "its functions may block; the host runs them on threads of their own"),
    ARGS_ROW("https", FLAG, new_options, https, NULL, "it asks a service over the host's HTTPS"),
    ARGS_ROW("language", TEXT, new_options, language, "LANGUAGE", "c (default) or c++"),
    {.name = NULL},
};

static const args_command command = {
    .name = "new-plugin",
    .operands = "NAME",
    .operand_count = 1,
    .summary = "Makes a folder NAME with a plugin that builds, is tested and answers at once",
    .details =
        "  cmpctl new-plugin --kind store store_mine\n"
        "  cd store_mine && make && make check && make run\n\n"
        "Without --async, --blocking or --https it answers at once. The C++ one does so, too, "
        "or\n"
        "blocks. What is made is yours, under no condition (0BSD).",
    .rows = rows,
};

static const char *const kinds[] = {"auth", "store", "route", NULL};
static const char *const languages[] = {"c", "c++", NULL};

/* What is made: of which template, under which name, and for which words. */
static const struct {
    const char *template, *name, *only; /* only NULL: always */
    mode_t mode;
} files[] = {
    {"auth.c.in", "@NAME@.c", "auth c", PERMISSIONS},
    {"store.c.in", "@NAME@.c", "store c", PERMISSIONS},
    {"route.c.in", "@NAME@.c", "route c", PERMISSIONS},
    {"auth.cc.in", "@NAME@.cc", "auth c++", PERMISSIONS},
    {"store.cc.in", "@NAME@.cc", "store c++", PERMISSIONS},
    {"route.cc.in", "@NAME@.cc", "route c++", PERMISSIONS},
    {"test.c.in", "test_@NAME@.c", NULL, PERMISSIONS},
    {"Makefile.in", "Makefile", NULL, PERMISSIONS},
    {"CMakeLists.txt.in", "CMakeLists.txt", NULL, PERMISSIONS},
    {"README.md", "README.md", NULL, PERMISSIONS},
    {"options.yaml.in", "options.yaml", NULL, PERMISSIONS},
    {"cmpd.yaml.in", "cmpd.yaml", NULL, PERMISSIONS},
    {"run.sh.in", "run.sh", NULL, PERMISSIONS_TOOL},
    {"codes.ndjson", "codes.ndjson", "auth", PERMISSIONS},
    {"codes.ndjson", "codes.ndjson", "route", PERMISSIONS},
    {"next.yaml.in", "next.yaml", "route", PERMISSIONS},
    {"service.py.in", "service.py", "https", PERMISSIONS},
};

enum { FILE_COUNT = sizeof(files) / sizeof(files[0]) };

typedef struct making {
    const char *name; /* of the plugin, and of its folder */
    const char *sdk;  /* where the program's installation has its templates */
    template_for made_for;
    kit_arena memory;
} making;

/* ---- what is asked for ---- */

static bool name_good(const char *name)
{
    const size_t size = strlen(name);
    return size <= NAME_MAX_SIZE && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

/* A plugin of ours, or one that is installed beside them, would be found in its place. */
static bool name_free(making *m)
{
    struct stat status;
    char *installed =
        realpath(kit_arena_printf(&m->memory, "%s/" CMPD_PLUGINS_FROM_TEMPLATES "/%s.so", m->sdk,
                                  m->name),
                 NULL);
    if (installed != NULL) {
        output_fail("%s: a plugin of that name is installed: %s", m->name, installed);
        free(installed);
        return false;
    }
    if (lstat(m->name, &status) == 0) {
        output_fail("%s: it is there already; take another name, or remove it", m->name);
        return false;
    }
    return true;
}

static const char *flavour_of(const new_options *o)
{
    return o->later ? "async" : o->blocking ? "blocking" : o->https ? "https" : "plain";
}

/* Fills the words that parts of the templates are for. */
static bool choose(const new_options *o, const char **words)
{
    int kind, language = 0;
    if (!args_choice("kind", o->kind, kinds, &kind) ||
        (o->language != NULL && !args_choice("language", o->language, languages, &language))) {
        return false;
    }
    if (o->later + o->blocking + o->https > 1) {
        output_fail("--async, --blocking and --https exclude each other");
        return false;
    }
    if (language == 1 && (o->later || o->https)) {
        output_fail("--language c++ goes alone or with --blocking, not with --%s", flavour_of(o));
        return false;
    }
    words[0] = kinds[kind];
    words[1] = flavour_of(o);
    words[2] = languages[language];
    return true;
}

/* ---- where the templates are ---- */

/* From where the program lies, as it finds all that was installed with it. */
static bool sdk_find(making *m)
{
    char path[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (size <= 0) {
        output_fail("/proc/self/exe: %s", strerror(errno));
        return false;
    }
    path[size] = '\0';
    m->sdk = kit_arena_printf(&m->memory, "%s/" CMPD_TEMPLATES_FROM_PROGRAM, dirname(path));
    char *plain = realpath(m->sdk, NULL);
    if (plain == NULL) {
        output_fail("%s: %s; is the SDK installed (cmake --install BUILD --component sdk)?", m->sdk,
                    strerror(errno));
        return false;
    }
    m->sdk = kit_arena_printf(&m->memory, "%s", plain);
    free(plain);
    return true;
}

/* Not to be found is no error: a system's own folder need not be named. */
static const char *pkgconfig_folder(making *m)
{
    char *plain =
        realpath(kit_arena_printf(&m->memory, "%s/" CMPD_PKGCONFIG_FROM_TEMPLATES, m->sdk), NULL);
    const char *kept = plain != NULL ? kit_arena_printf(&m->memory, "%s", plain) : "";
    free(plain);
    return kept;
}

/* ---- making ---- */

static bool wanted(const making *m, const char *only)
{
    if (only == NULL) {
        return true;
    }
    bool all = true;
    for (const char *word = only; *word != '\0'; word += strspn(word, " ")) {
        const size_t size = strcspn(word, " ");
        bool found = false;
        for (const char *const *w = m->made_for.words; *w != NULL; w++) {
            found = found || (strlen(*w) == size && memcmp(*w, word, size) == 0);
        }
        all = all && found;
        word += size;
    }
    return all;
}

static char *read_template(making *m, const char *name)
{
    const char *path = kit_arena_printf(&m->memory, "%s/%s", m->sdk, name);
    FILE *from = fopen(path, "re");
    char *text = kit_arena_alloc(&m->memory, TEMPLATE_MAX + 1);
    const size_t size = from != NULL ? fread(text, 1, TEMPLATE_MAX, from) : 0;
    const bool good = from != NULL && !ferror(from);
    if (!good) {
        output_fail("%s: %s", path, strerror(errno));
    }
    if (from != NULL) {
        fclose(from);
    }
    text[size] = '\0';
    kit_arena_trim(&m->memory, text, TEMPLATE_MAX + 1, size + 1);
    return good ? text : NULL;
}

static const char *name_of(making *m, const char *pattern)
{
    const char *mark = strstr(pattern, "@NAME@");
    return mark == NULL ? pattern
                        : kit_arena_printf(&m->memory, "%.*s%s%s", (int)(mark - pattern), pattern,
                                           m->name, mark + strlen("@NAME@"));
}

static bool make_file(making *m, size_t at)
{
    const char *text = read_template(m, files[at].template);
    if (text == NULL) {
        return false;
    }
    const char *path = kit_arena_printf(&m->memory, "%s/%s", m->name, name_of(m, files[at].name));
    FILE *to = fopen(path, "wxe");
    if (to == NULL) {
        output_fail("%s: %s", path, strerror(errno));
        return false;
    }
    const bool written = template_write(text, &m->made_for, to);
    if (!written) {
        output_fail("%s/%s: is no template", m->sdk, files[at].template);
    }
    const mode_t mask = umask(0);
    umask(mask);
    const bool kept = fchmod(fileno(to), files[at].mode & ~mask) == 0;
    if ((fclose(to) != 0 || !kept) && written) {
        output_fail("%s: %s", path, strerror(errno));
        return false;
    }
    return written;
}

static bool make_all(making *m)
{
    if (mkdir(m->name, PERMISSIONS_TOOL) != 0) {
        output_fail("%s: %s", m->name, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (wanted(m, files[i].only) && !make_file(m, i)) {
            return false;
        }
    }
    return true;
}

static void tell(making *m)
{
    printf("%s/ has been made:\n", m->name);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (wanted(m, files[i].only)) {
            printf("  %s\n", name_of(m, files[i].name));
        }
    }
    printf("Go on with: cd %s && make && make check && make run\n", m->name);
}

int new_plugin_run(int argc, char **argv)
{
    new_options o = {.kind = NULL};
    const char *name;
    const args_result parsed = args_parse(&command, argc, argv, &o, &name);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    const char *words[FLAVOURS_MAX] = {NULL};
    if (!choose(&o, words)) {
        return EXIT_CANNOT;
    }
    if (!name_good(name)) {
        return output_fail("\"%s\" is no name of a plugin: a letter and up to %zu of a-z, 0-9 "
                           "and _",
                           name, NAME_MAX_SIZE - 1);
    }
    making m = {.name = name};
    kit_arena_init(&m.memory, NULL, 0);
    bool made = sdk_find(&m) && name_free(&m);
    if (made) {
        const template_value values[] = {{"NAME", name},
                                         {"PKGCONFIG", pkgconfig_folder(&m)},
                                         {NULL, NULL}};
        m.made_for = (template_for){words, values};
        made = make_all(&m);
        if (made) {
            tell(&m);
        }
    }
    kit_arena_reset(&m.memory);
    return made ? EXIT_GOOD : EXIT_CANNOT;
}
