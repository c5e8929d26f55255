/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a configuration file, whose text yaml_parse.c makes a tree of. */
#include "conf/yaml.h"

#include "conf/yaml_parse.h"

#include "base/secret.h"

#include <cmp-kit/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static bool parse(yaml_file *f, cmp_report *report)
{
    const yaml_text from = {f->name, {f->text, f->size}, f->secret};
    return yaml_parse(&from, &f->document, report);
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

/* Reading a FIFO would wait for its writer, perhaps for ever, and a device may have no end. */
static bool is_regular(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

yaml_file *yaml_open(const char *path, bool secret, cmp_report *report)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    yaml_file *f = NULL;
    if (fd < 0) {
        report_add(report, (conf_place){.file = path}, NULL, "cannot be opened: %s",
                   strerror(errno));
        return NULL;
    }
    if (is_regular(fd)) {
        f = yaml_read(path, fd, secret, report);
    } else {
        report_add(report, (conf_place){.file = path}, NULL, "is no regular file");
    }
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
