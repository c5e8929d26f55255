/* SPDX-License-Identifier: Apache-2.0 */
/* Reads routing prefixes: those of the peers' entries, and the lines `PREFIX PEER-NAME` of the
 * table file. */
#include "load.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_SIZE_MAX  ((uint64_t)64 << 20) /* it is read whole: not what a wrong path leads to */
#define SHOWN_SIZE_MAX 64                   /* octets of a word in an error */

typedef struct building {
    kit_file *file;
    const cmp_host *host;
    bool need_hosts;
    kit_peers peers;
    kit_prefix_list prefixes;
    size_t lines; /* that have a prefix */
    bool again;   /* the lines were good once: what is not any more is left out */
} building;

static int shown(cmp_str text)
{
    return (int)(text.size < SHOWN_SIZE_MAX ? text.size : SHOWN_SIZE_MAX);
}

/* What is wrong with a peer's entry, unless something was wrong before. */
static void complain(building *b, const char *option, const char *format, ...) CMP_PRINTF(3, 4);

static void complain(building *b, const char *option, const char *format, ...)
{
    if (b->file->error[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(b->file->error, sizeof(b->file->error), format, args);
    va_end(args);
    b->file->option = option;
}

/* ---- the peers' entries ---- */

static void take_entry(const cmp_peer *peer, void *arg)
{
    building *b = arg;
    kit_prefix p = {.value = kit_peers_named(&b->peers, peer->name)};
    const int size = (int)peer->name.size;
    if (peer->prefix_count > 0 && b->need_hosts && peer->host.size == 0) {
        complain(b, "mode", "the peer \"%.*s\" has prefixes and no host to refer to", size,
                 peer->name.at);
    }
    for (size_t i = 0; i < peer->prefix_count; i++) {
        if (!kit_prefix_read(cmp_str_from(peer->prefixes[i]), &p.digits)) {
            complain(b, NULL,
                     "the peer \"%.*s\" has the prefix \"%s\": expected 3 to 64 hexadecimal digits",
                     size, peer->name.at, peer->prefixes[i]);
        }
        /* A bad one, too: after an error nothing is built of them. */
        kit_prefixes_add(&b->prefixes, &p);
    }
}

/* ---- lines of the table file ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r'; /* lines may end as on Windows */
}

/* Takes the next word off the line; empty when there is none. A comment may stand where a word
 * begins. */
static cmp_str word_take(cmp_str *line)
{
    while (line->size > 0 && is_blank(*line->at)) {
        line->at++;
        line->size--;
    }
    cmp_str word = {line->at, 0};
    if (line->size > 0 && *line->at == '#') {
        line->size = 0;
    }
    while (word.size < line->size && !is_blank(word.at[word.size])) {
        word.size++;
    }
    line->at += word.size;
    line->size -= word.size;
    return word;
}

/* Whether the peer, which the table may name, is not for it any more. */
static bool has_gone(const building *b, uint32_t peer)
{
    return peer == KIT_PEER_NONE || (b->need_hosts && b->peers.at[peer].host.size == 0);
}

static void take_line(building *b, cmp_str line, uint32_t number)
{
    const cmp_str prefix = word_take(&line), name = word_take(&line), more = word_take(&line);
    if (prefix.size == 0) {
        return;
    }
    kit_prefix p = {.order = number, .value = kit_peers_named(&b->peers, name)};
    if (b->again && has_gone(b, p.value)) {
        return;
    }
    b->lines++;
    if (name.size == 0 || more.size > 0) {
        kit_file_fail(b->file, number, "expected a routing prefix and the name of a peer");
    } else if (!kit_prefix_read(prefix, &p.digits)) {
        kit_file_fail(b->file, number, "\"%.*s\": expected 3 to 64 hexadecimal digits",
                      shown(prefix), prefix.at);
    } else if (p.value == KIT_PEER_NONE) {
        kit_file_fail(b->file, number, "there is no peer of the name \"%.*s\"", shown(name),
                      name.at);
    } else if (b->need_hosts && b->peers.at[p.value].host.size == 0) {
        kit_file_fail(b->file, number, "the peer \"%.*s\" has no host to refer to", shown(name),
                      name.at);
    }
    kit_prefixes_add(&b->prefixes, &p);
}

static void take_lines(building *b, cmp_str text)
{
    for (uint32_t number = 1; text.size > 0 && b->file->error[0] == '\0'; number++) {
        const char *end = memchr(text.at, '\n', text.size);
        const size_t size = end != NULL ? (size_t)(end - text.at) : text.size;
        take_line(b, (cmp_str){text.at, size}, number);
        text.at += size + (end != NULL);
        text.size -= size + (end != NULL);
    }
}

/* ---- the table file ---- */

/* How much of the file could be read; it may have become shorter. */
static size_t read_whole(kit_file *f, char *text, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        const ssize_t got = read(f->fd, text + filled, size - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            kit_file_fail(f, 0, "cannot be read: %s", strerror(errno));
        }
        if (got <= 0) {
            break;
        }
        filled += (size_t)got;
    }
    return filled;
}

/* The caller's to free; NULL: there is none, or after an error. */
static char *text_of(kit_file *f, size_t *size)
{
    *size = 0;
    if (f->path == NULL) {
        return NULL;
    }
    if (f->mark.size > FILE_SIZE_MAX) {
        kit_file_fail(f, 0, "is larger than 64 MiB");
        return NULL;
    }
    char *text = kit_alloc(f->mark.size);
    *size = read_whole(f, text, f->mark.size);
    return text;
}

/* ---- the whole ---- */

static void complain_of_twins(building *b, const kit_prefix_twins *twins)
{
    char text[KIT_DIGITS_TEXT_SIZE];
    const kit_prefix *first = &twins->first, *second = &twins->second;
    const cmp_str name = b->peers.at[first->value].name, other = b->peers.at[second->value].name;
    kit_digits_text(&first->digits, text);
    if (first->order > 0) {
        kit_file_fail(b->file, second->order, "%s stands on line %u already", text, first->order);
    } else if (second->order > 0) {
        kit_file_fail(b->file, second->order, "%s stands in the entry of the peer \"%.*s\" already",
                      text, shown(name), name.at);
    } else {
        complain(b, NULL, "the peers \"%.*s\" and \"%.*s\" have the same prefix %s", shown(name),
                 name.at, shown(other), other.at, text);
    }
}

static void build_index(building *b, table *built)
{
    if (b->again) { /* of lines that were good once: the first of each counts */
        built->prefixes = kit_prefixes_build(&b->prefixes, NULL);
        return;
    }
    kit_prefix_twins twins;
    built->prefixes = kit_prefixes_build(&b->prefixes, &twins);
    if (built->prefixes == NULL) {
        complain_of_twins(b, &twins);
    }
}

/* Owns the text, in any case. */
static table *build(building *b, char *text, size_t size)
{
    table *built = kit_calloc(1, sizeof(*built));
    kit_peers_copy(&b->peers, b->host);
    b->host->peer_each(b->host, take_entry, b);
    take_lines(b, (cmp_str){text, size});
    if (b->file->error[0] == '\0') {
        build_index(b, built);
    }
    kit_prefixes_free(&b->prefixes);
    built->peers = b->peers;
    built->lines = b->lines;
    built->text = text;
    built->text_size = size;
    if (built->prefixes == NULL) {
        table_destroy(&built);
    }
    return built;
}

table *table_load(kit_file *f, const cmp_host *host, bool need_hosts)
{
    building b = {.file = f, .host = host, .need_hosts = need_hosts};
    size_t size;
    char *text = text_of(f, &size);
    return build(&b, text, size);
}

table *table_renew(const table *from, const cmp_host *host, bool need_hosts)
{
    kit_file none = {.path = NULL};
    building b = {.file = &none, .host = host, .need_hosts = need_hosts, .again = true};
    char *text = kit_alloc(from->text_size);
    if (from->text_size > 0) {
        memcpy(text, from->text, from->text_size);
    }
    return build(&b, text, from->text_size);
}

void table_destroy(table **t)
{
    if (*t != NULL) {
        kit_prefixes_destroy(&(*t)->prefixes);
        kit_peers_free(&(*t)->peers);
        free((*t)->text);
        free(*t);
        *t = NULL;
    }
}
