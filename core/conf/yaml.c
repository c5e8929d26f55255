/* Reads a configuration file into a tree with libfyaml, which never gets to print anything itself.
 */
#include "conf/yaml.h"

#include "base/secret.h"

#include <cmp-kit/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Lists of prefixes may be long; 64 MiB is far beyond, and keeps a wrong path (a disk image) from
 * filling the memory. */
#define FILE_SIZE_MAX ((size_t)64 << 20)

struct yaml_file {
    char *name, *folder;
    bool secret;
    char *text; /* the scalars of the tree point into it */
    size_t size;
    struct fy_document *document; /* NULL when the file is empty */
};

static conf_place whole(const yaml_file *f)
{
    return (conf_place){.file = f->name};
}

static bool read_text(yaml_file *f, int fd, cmp_report *report)
{
    size_t room = 0;
    for (;;) {
        if (f->size == room) {
            /* Not realloc, which would leave a copy behind. */
            const size_t wider = room != 0 ? 2 * room : 16384;
            char *text = kit_alloc(wider);
            if (room != 0) {
                memcpy(text, f->text, f->size);
                secret_wipe(f->text, f->size);
            }
            free(f->text);
            f->text = text;
            room = wider;
        }
        const ssize_t got = read(fd, f->text + f->size, room - f->size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            report_add(report, whole(f), NULL, "cannot be read: %s", strerror(errno));
            return false;
        }
        if (got == 0) {
            return true;
        }
        f->size += (size_t)got;
        if (f->size > FILE_SIZE_MAX) {
            report_add(report, whole(f), NULL, "is larger than %zu MiB", FILE_SIZE_MAX >> 20);
            return false;
        }
    }
}

/* libfyaml ends the text silently at such octets, so they are looked for beforehand. */
static bool text_valid(const yaml_file *f, cmp_report *report)
{
    unsigned line = 1;
    for (size_t at = 0; at < f->size; line++) {
        const char *end = memchr(f->text + at, '\n', f->size - at);
        const size_t size = end != NULL ? (size_t)(end - f->text) - at : f->size - at;
        const cmp_str text = {f->text + at, size};
        if (!kit_utf8_valid(text) || memchr(text.at, '\0', text.size) != NULL) {
            report_add(report, (conf_place){f->name, line, 1}, NULL,
                       "the line holds octets that are no UTF-8 text");
            return false;
        }
        at += size + 1;
    }
    return true;
}

/* Errors are collected and come out in our report; what libfyaml would print itself has no place in
 * it, and might quote a secret. */
static void drop_output(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)size;
}

static struct fy_diag *diag_create(void)
{
    struct fy_diag_cfg config;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    config.output_fn = drop_output;
    struct fy_diag *diag = fy_diag_create(&config);
    fy_diag_set_collect_errors(diag, true);
    return diag;
}

/* What libfyaml says may quote the text, so a file with secrets gets words of our own. */
static void report_syntax(const yaml_file *f, struct fy_diag *diag, cmp_report *report)
{
    bool any = false;
    void *at = NULL;
    for (struct fy_diag_error *e; (e = fy_diag_errors_iterate(diag, &at)) != NULL; any = true) {
        const conf_place place = {f->name, e->line > 0 ? (unsigned)e->line : 0,
                                  e->column > 0 ? (unsigned)e->column : 1};
        report_add(report, place, NULL, "%s",
                   f->secret ? "no good YAML (the text is not shown)" : e->msg);
    }
    if (!any) {
        report_add(report, whole(f), NULL, "is no good YAML");
    }
}

/* The well-known bomb: nine lists, each of nine aliases of the one before, are a billion nodes.
 * Counted before they are made. */
#define NODES_MAX 1000000
#define DEPTH_MAX 64

/* Whether the tree stays small when every alias is replaced by what it stands for. */
static bool expands_well(struct fy_node *node, unsigned depth, size_t *left)
{
    if (node == NULL) {
        return true;
    }
    if (*left == 0 || depth == 0) {
        return false;
    }
    --*left;
    if (fy_node_is_alias(node)) {
        return expands_well(fy_node_resolve_alias(node), depth - 1, left);
    }
    void *at = NULL;
    if (fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            if (!expands_well(item, depth - 1, left)) {
                return false;
            }
        }
    } else if (fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            if (!expands_well(fy_node_pair_key(pair), depth - 1, left) ||
                !expands_well(fy_node_pair_value(pair), depth - 1, left)) {
                return false;
            }
        }
    }
    return true;
}

/* NULL when all is good, else what is wrong; "" when libfyaml knows. The stream is read to its end:
 * a second document, or an error behind the first, would otherwise be passed over in silence. */
static const char *load_document(yaml_file *f, struct fy_parser *parser)
{
    size_t left = NODES_MAX;
    f->document = fy_parse_load_document(parser);
    if (f->document == NULL) {
        return fy_parser_get_stream_error(parser) ? "" : NULL;
    }
    if (!expands_well(fy_document_root(f->document), DEPTH_MAX, &left)) {
        return "is nested too deeply, or its aliases are";
    }
    if (fy_document_resolve(f->document) != 0) {
        return "";
    }
    struct fy_document *second = fy_parse_load_document(parser);
    if (second != NULL) {
        fy_parse_document_destroy(parser, second);
        return "holds more than one document";
    }
    return fy_parser_get_stream_error(parser) ? "" : NULL;
}

static bool parse(yaml_file *f, cmp_report *report)
{
    struct fy_diag *diag = diag_create();
    const struct fy_parse_cfg config = {.flags = FYPCF_COLLECT_DIAG, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    const char *wrong = "";
    if (fy_parser_set_string(parser, f->text, f->size) == 0) {
        wrong = load_document(f, parser);
    }
    if (wrong != NULL && *wrong != '\0') {
        report_add(report, whole(f), NULL, "%s", wrong);
    } else if (wrong != NULL) {
        report_syntax(f, diag, report);
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return wrong == NULL;
}

yaml_file *yaml_read(const char *path, int fd, bool secret, cmp_report *report)
{
    yaml_file *f = kit_calloc(1, sizeof(*f));
    f->name = kit_strdup(path);
    f->secret = secret;
    const char *slash = strrchr(path, '/');
    f->folder = kit_strdup(slash == NULL ? "." : slash == path ? "/" : path);
    if (slash != NULL && slash != path) {
        f->folder[slash - path] = '\0';
    }
    if (!read_text(f, fd, report) || !text_valid(f, report) || !parse(f, report)) {
        yaml_close(&f);
    }
    return f;
}

yaml_file *yaml_open(const char *path, bool secret, cmp_report *report)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        report_add(report, (conf_place){.file = path}, NULL, "cannot be opened: %s",
                   strerror(errno));
        return NULL;
    }
    yaml_file *f = yaml_read(path, fd, secret, report);
    close(fd);
    return f;
}

/* Scalars that were escaped or folded have a copy of their own inside libfyaml. */
static void wipe_scalars(struct fy_node *node)
{
    void *at = NULL;
    if (fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            wipe_scalars(item);
        }
    } else if (fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            wipe_scalars(fy_node_pair_value(pair));
        }
    } else if (yaml_scalar(node).size != 0) {
        const cmp_str text = yaml_scalar(node);
        secret_wipe((void *)(uintptr_t)text.at, text.size);
    }
}

/* The tree goes before the text that it points into. */
void yaml_close(yaml_file **file)
{
    yaml_file *f = *file;
    if (f == NULL) {
        return;
    }
    if (f->secret && f->document != NULL) {
        wipe_scalars(fy_document_root(f->document));
    }
    fy_document_destroy(f->document);
    if (f->secret) {
        secret_wipe(f->text, f->size);
    }
    free(f->text);
    free(f->folder);
    free(f->name);
    free(f);
    *file = NULL;
}

struct fy_node *yaml_root(const yaml_file *file)
{
    struct fy_node *root = file->document != NULL ? fy_document_root(file->document) : NULL;
    return yaml_nothing(root) ? NULL : root;
}

const char *yaml_name(const yaml_file *file)
{
    return file->name;
}

bool yaml_secret(const yaml_file *file)
{
    return file->secret;
}

const char *yaml_folder(const yaml_file *file)
{
    return file->folder;
}
