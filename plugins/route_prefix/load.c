/* Reads routing prefixes: those of the peers' entries, and the lines `PREFIX PEER-NAME` of the
 * table file. The file is read and not mapped, because somebody may cut it short at any time. */
#include "load.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX  ((uint64_t)64 << 20)
#define SHOWN_SIZE_MAX 64

typedef struct building {
    load *load;
    hops hops;
    rules rules;
    bool bad;
} building;

/* ---- complaints: the first one counts ---- */

static void complain(building *b, const char *option, const char *format, ...) CMP_PRINTF(3, 4);

static void complain(building *b, const char *option, const char *format, ...)
{
    if (b->bad) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(b->load->error, sizeof(b->load->error), format, args);
    va_end(args);
    b->load->option = option;
    b->bad = true;
}

static int shown(cmp_str text)
{
    return (int)(text.size < SHOWN_SIZE_MAX ? text.size : SHOWN_SIZE_MAX);
}

/* ---- rules ---- */

static bool prefix_read(cmp_str text, digits *prefix)
{
    digits_read(text, PREFIX_SIZE_MAX, prefix);
    return prefix->size == text.size && prefix->size >= PREFIX_SIZE_MIN;
}

static void take_entry(const cmp_peer *peer, void *arg)
{
    building *b = arg;
    rule r = {.hop = hop_named(&b->hops, peer->name)};
    const int size = (int)peer->name.size;
    if (peer->prefix_count > 0 && b->load->need_hosts && peer->host.size == 0) {
        complain(b, "mode", "the peer \"%.*s\" has prefixes and no host to refer to", size,
                 peer->name.at);
    }
    for (size_t i = 0; i < peer->prefix_count; i++) {
        if (!prefix_read(cmp_str_from(peer->prefixes[i]), &r.prefix)) {
            complain(b, NULL,
                     "the peer \"%.*s\" has the prefix \"%s\": expected 3 to 64 hexadecimal digits",
                     size, peer->name.at, peer->prefixes[i]);
        }
        rules_add(&b->rules, &r);
    }
}

/* ---- lines of the table file ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
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

static void take_line(building *b, cmp_str line, uint32_t number)
{
    const char *path = b->load->path;
    const cmp_str prefix = word_take(&line), name = word_take(&line), more = word_take(&line);
    if (prefix.size == 0) {
        return;
    }
    rule r = {.line = number, .hop = hop_named(&b->hops, name)};
    if (name.size == 0 || more.size > 0) {
        complain(b, "table", "%s:%u: expected a routing prefix and the name of a peer", path,
                 number);
    } else if (!prefix_read(prefix, &r.prefix)) {
        complain(b, "table", "%s:%u: \"%.*s\": expected 3 to 64 hexadecimal digits", path, number,
                 shown(prefix), prefix.at);
    } else if (r.hop == HOP_NONE) {
        complain(b, "table", "%s:%u: there is no peer of the name \"%.*s\"", path, number,
                 shown(name), name.at);
    } else if (b->load->need_hosts && b->hops.at[r.hop].host.size == 0) {
        complain(b, "table", "%s:%u: the peer \"%.*s\" has no host to refer to", path, number,
                 shown(name), name.at);
    }
    rules_add(&b->rules, &r);
}

static void take_lines(building *b, cmp_str text)
{
    for (uint32_t number = 1; text.size > 0 && !b->bad; number++) {
        const char *end = memchr(text.at, '\n', text.size);
        const size_t size = end != NULL ? (size_t)(end - text.at) : text.size;
        take_line(b, (cmp_str){text.at, size}, number);
        text.at += size + (end != NULL);
        text.size -= size + (end != NULL);
    }
}

/* ---- the table file ---- */

static file_mark mark_from(const struct stat *s)
{
    return (file_mark){.device = s->st_dev,
                       .inode = s->st_ino,
                       .size = (uint64_t)s->st_size,
                       .modified_s = s->st_mtim.tv_sec,
                       .modified_ns = s->st_mtim.tv_nsec};
}

file_mark file_mark_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? mark_from(&s) : (file_mark){0};
}

/* A descriptor of the file, its mark taken; or -1 after a complaint. */
static int open_table(building *b)
{
    load *l = b->load;
    struct stat s;
    const int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* never wait for a pipe */
    if (fd < 0 || fstat(fd, &s) != 0) {
        complain(b, "table", "%s: cannot be opened: %s", l->path, strerror(errno));
    } else if (!S_ISREG(s.st_mode)) {
        complain(b, "table", "%s: is no regular file", l->path);
    } else {
        l->mark = mark_from(&s);
        l->opened = true;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* How much of the file could be read; it may have become shorter. */
static size_t read_whole(building *b, int fd, char *text, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        const ssize_t got = read(fd, text + filled, size - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            complain(b, "table", "%s: cannot be read: %s", b->load->path, strerror(errno));
        }
        if (got <= 0) {
            break;
        }
        filled += (size_t)got;
    }
    return filled;
}

/* False when the file changed meanwhile: half of what was read may be old. */
static bool take_table(building *b)
{
    load *l = b->load;
    const int fd = open_table(b);
    if (fd < 0) {
        return true;
    }
    if (l->mark.size > FILE_SIZE_MAX) {
        complain(b, "table", "%s: is larger than 64 MiB", l->path);
    } else {
        char *text = memory_must(malloc(l->mark.size + 1));
        take_lines(b, (cmp_str){text, read_whole(b, fd, text, l->mark.size)});
        free(text);
    }
    struct stat s;
    const file_mark after = fstat(fd, &s) == 0 ? mark_from(&s) : l->mark;
    close(fd);
    return file_mark_equal(&after, &l->mark);
}

/* ---- the whole ---- */

static void complain_of_twins(building *b, const rule_twins *twins)
{
    char text[DIGITS_TEXT_SIZE];
    const rule *first = &twins->first, *second = &twins->second;
    const cmp_str name = b->hops.at[first->hop].name, other = b->hops.at[second->hop].name;
    digits_text(&first->prefix, text);
    if (first->line > 0) {
        complain(b, "table", "%s:%u: %s stands on line %u already", b->load->path, second->line,
                 text, first->line);
    } else if (second->line > 0) {
        complain(b, "table", "%s:%u: %s stands in the entry of the peer \"%.*s\" already",
                 b->load->path, second->line, text, shown(name), name.at);
    } else {
        complain(b, NULL, "the peers \"%.*s\" and \"%.*s\" have the same prefix %s", shown(name),
                 name.at, shown(other), other.at, text);
    }
}

load_result load_prefixes(load *l)
{
    building b = {.load = l};
    rule_twins twins;
    l->prefixes = NULL;
    l->mark = (file_mark){0};
    l->opened = false;
    l->error[0] = '\0';
    hops_copy(&b.hops, l->host);
    l->host->peer_each(l->host, take_entry, &b);
    const bool steady = l->path == NULL || take_table(&b);
    if (steady && !b.bad) {
        l->prefixes = prefixes_build(&b.rules, &b.hops, &twins);
        if (l->prefixes == NULL) {
            complain_of_twins(&b, &twins);
        }
    }
    rules_free(&b.rules);
    hops_free(&b.hops);
    if (!steady) {
        return LOAD_CHANGED;
    }
    return b.bad ? LOAD_BAD : LOAD_GOOD;
}

void load_report(const load *l, load_result result, cmp_report *report)
{
    if (result == LOAD_CHANGED) {
        l->host->report(report, "table", "%s: the file changed while it was read", l->path);
    } else {
        l->host->report(report, l->option, "%s", l->error);
    }
}
