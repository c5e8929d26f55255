/* SPDX-License-Identifier: Apache-2.0 */
/* One side of a comparison: read line by line, cut into parts on the disk. */
#include "ctl/recon.h"
#include "ctl/recon_line.h"

#include "base/hash.h"
#include "ctl/interrupt.h"
#include "ctl/output.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE   ((size_t)1 << 20)
#define PART_BUFFER 1024 /* entries */
#define WORDS_MAX   4096 /* verdicts and code words; what comes beyond shares one */

/* ---- words ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *words[WORDS_MAX];
static size_t word_count;

uint16_t recon_word(cmp_str text)
{
    static _Thread_local struct {
        char text[32];
        size_t size;
        uint16_t word;
    } last[16];
    const size_t slot = text.size % 16;
    if (last[slot].size == text.size && text.size > 0 &&
        memcmp(last[slot].text, text.at, text.size) == 0) {
        return last[slot].word;
    }
    pthread_mutex_lock(&lock);
    size_t at = 0;
    while (at < word_count && !cmp_str_equal(cmp_str_from(words[at]), text)) {
        at++;
    }
    if (at == word_count && word_count < WORDS_MAX) {
        words[word_count] = kit_alloc(text.size + 1);
        memcpy(words[word_count], text.at, text.size);
        words[word_count++][text.size] = '\0';
    }
    at = at < WORDS_MAX ? at : WORDS_MAX - 1;
    pthread_mutex_unlock(&lock);
    if (text.size < sizeof(last[slot].text)) {
        memcpy(last[slot].text, text.at, text.size);
        last[slot].size = text.size;
        last[slot].word = (uint16_t)at;
    }
    return (uint16_t)at;
}

const char *recon_word_text(uint16_t word)
{
    return words[word];
}

/* ---- lines to entries ---- */

static const char *take_time(const recon_line *line, recon_entry *e)
{
    return kit_time_parse(line->texts[RECON_TIME], &e->when_ms)
               ? NULL
               : "time: expected one such as 2026-11-24T05:30:00.250Z";
}

static const char *take_direction(const recon_file *f, const recon_line *line, recon_entry *e)
{
    const bool in = cmp_str_equal(line->texts[RECON_DIRECTION], CMP_STR("in"));
    if (!in && !cmp_str_equal(line->texts[RECON_DIRECTION], CMP_STR("out"))) {
        return "direction: expected in or out";
    }
    e->flags |= in == f->theirs ? 0 : RECON_ASKED_BY_THEM;
    return NULL;
}

static const char *take_number(cmp_str text, int64_t max, int64_t *number, const char *wrong)
{
    *number = 0;
    return text.at == NULL || kit_number_parse(text, 0, max, number) ? NULL : wrong;
}

/* To the side that asked, what the other relayed is an answer like any. */
static const char *take_verdict(const recon_line *line, recon_entry *e)
{
    static const char *const no_answers[] = {"client_gone", "broken",    "timeout",
                                             "bad_answer",  "abandoned", "not_sent"};
    const cmp_str verdict = line->texts[RECON_VERDICT], code = line->texts[RECON_CODE];
    if (verdict.at == NULL) {
        return "verdict: missing";
    }
    for (size_t i = 0; i < sizeof(no_answers) / sizeof(no_answers[0]); i++) {
        if (cmp_str_equal(verdict, cmp_str_from(no_answers[i]))) {
            e->flags |= RECON_NO_ANSWER;
        }
    }
    e->flags |= cmp_str_equal(verdict, CMP_STR("not_sent")) ? RECON_NOT_SENT : 0;
    e->verdict = recon_word(cmp_str_equal(verdict, CMP_STR("relayed")) ? CMP_STR("resolved")
                            : code.at != NULL                          ? code
                                                                       : verdict);
    return NULL;
}

static uint32_t hash_of_ici(cmp_str ici)
{
    char lower[256];
    const size_t size = ici.size < sizeof(lower) ? ici.size : sizeof(lower);
    for (size_t i = 0; i < size; i++) {
        lower[i] = kit_ascii_lower(ici.at[i]);
    }
    return ici.at == NULL ? 0 : (uint32_t)hash_octets(lower, size) | 1;
}

/* Who asked belongs to the name of a transaction: two CMPs may choose the same tid. */
static const char *take_tid(const recon_line *line, recon_entry *e)
{
    const cmp_str tid = line->texts[RECON_TID];
    if (tid.at == NULL) {
        return (e->flags & RECON_REJECTION) != 0 ? NULL : "tid: missing";
    }
    const XXH128_hash_t hash =
        XXH3_128bits_withSeed(tid.at, tid.size, hash_seed + (e->flags & RECON_ASKED_BY_THEM));
    e->tid[0] = hash.low64;
    e->tid[1] = hash.high64;
    return NULL;
}

static const char *entry_of(const recon_file *f, const recon_line *line, recon_entry *e)
{
    int64_t status, attempt;
    e->flags = cmp_str_equal(line->texts[RECON_KIND], CMP_STR("rejection")) ? RECON_REJECTION : 0;
    const char *wrong = take_time(line, e);
    wrong = wrong != NULL ? wrong : take_direction(f, line, e);
    wrong = wrong != NULL ? wrong : take_verdict(line, e);
    wrong = wrong != NULL ? wrong : take_tid(line, e);
    wrong = wrong != NULL ? wrong
                          : take_number(line->texts[RECON_STATUS], 999, &status,
                                        "status: expected a number up to 999");
    wrong = wrong != NULL ? wrong
                          : take_number(line->texts[RECON_ATTEMPT], UINT32_MAX, &attempt,
                                        "attempt: expected a number");
    if (wrong != NULL) {
        return wrong;
    }
    const bool out = ((e->flags & RECON_ASKED_BY_THEM) != 0) == f->theirs;
    e->status = (uint16_t)status;
    e->flags |= out && attempt > 1 ? RECON_RETRY : 0;
    e->ici = hash_of_ici(line->texts[RECON_ICI]);
    const cmp_str cc = line->texts[RECON_CC];
    e->cc[0] = cc.size == 2 ? cc.at[0] : '\0';
    e->cc[1] = cc.size == 2 ? cc.at[1] : '\0';
    return NULL;
}

/* Whether it is with the peer that is compared. Without one that was named there may be but one. */
static const char *is_meant(recon_file *f, const recon_line *line, bool *meant)
{
    const cmp_str peer = line->texts[RECON_PEER];
    *meant = peer.at == NULL || f->peer.at == NULL || cmp_str_equal(peer, f->peer);
    if (peer.at == NULL || f->peer.at != NULL) {
        return NULL;
    }
    if (f->peer_found[0] == '\0') {
        snprintf(f->peer_found, sizeof(f->peer_found), "%.*s", (int)peer.size, peer.at);
    }
    return cmp_str_equal(peer, cmp_str_from(f->peer_found))
               ? NULL
               : (f->theirs ? "it has records of several peers: --as says what they call us"
                            : "it has records of several peers: --peer says which is compared");
}

/* ---- parts ---- */

typedef struct cut {
    recon_file *f;
    recon_layout layout;
    bool headed;
    uint64_t line_number;
    recon_entry (*buffers)[PART_BUFFER];
    size_t used[RECON_PARTS_MAX];
} cut;

static bool fail(recon_file *f, const char *what)
{
    snprintf(f->error, sizeof(f->error), "%s: %s", what, strerror(errno));
    return false;
}

static bool flush_part(cut *c, unsigned part)
{
    const size_t size = c->used[part] * sizeof(recon_entry);
    const char *octets = (const char *)c->buffers[part];
    for (size_t done = 0; done < size;) {
        const ssize_t put = write(c->f->part_fds[part], octets + done, size - done);
        if (put < 0 && errno != EINTR) {
            return fail(c->f, "the temporary files cannot be written");
        }
        done += put > 0 ? (size_t)put : 0;
    }
    c->used[part] = 0;
    return true;
}

static bool add_entry(cut *c, const recon_entry *e)
{
    const unsigned part = (unsigned)((e->tid[0] >> 40) % c->f->parts);
    c->buffers[part][c->used[part]++] = *e;
    return c->used[part] < PART_BUFFER || flush_part(c, part);
}

static bool take_line(cut *c, cmp_str line, uint64_t at)
{
    recon_file *f = c->f;
    recon_line read;
    recon_entry e = {.at = at};
    c->line_number++;
    if (line.size > 0 && line.at[line.size - 1] == '\r') {
        line.size--;
    }
    if (line.size == 0) {
        return true;
    }
    const char *wrong = NULL;
    bool is_head = false, meant = true;
    if (!c->headed) {
        wrong = recon_layout_read(&c->layout, line, &is_head);
        c->headed = true;
    }
    if (wrong == NULL && !is_head) {
        wrong = recon_line_read(&c->layout, line, &read);
        wrong = wrong != NULL ? wrong : is_meant(f, &read, &meant);
        wrong = wrong != NULL || !meant ? wrong : entry_of(f, &read, &e);
    }
    if (wrong != NULL) {
        snprintf(f->error, sizeof(f->error), "%s:%llu: %s", f->path,
                 (unsigned long long)c->line_number, wrong);
        return false;
    }
    if (is_head || !meant) {
        f->others += !meant;
        return true;
    }
    f->records++;
    f->retries += (e.flags & RECON_RETRY) != 0;
    return (e.flags & RECON_REJECTION) != 0 && e.tid[0] == 0 ? true : add_entry(c, &e);
}

/* All whole lines of what was read, and of the last octets what is there. Returns how many octets
 * that were; SIZE_MAX when something is wrong. */
static size_t take_lines(cut *c, const char *octets, size_t size, uint64_t at, bool last)
{
    size_t begin = 0;
    while (begin < size) {
        const char *end = memchr(octets + begin, '\n', size - begin);
        if (end == NULL && !last) {
            break;
        }
        const size_t length = (end != NULL ? (size_t)(end - octets) : size) - begin;
        if (!take_line(c, (cmp_str){octets + begin, length}, at + begin)) {
            return SIZE_MAX;
        }
        begin += length + (end != NULL);
    }
    return begin;
}

static bool cut_all(cut *c, char *octets)
{
    recon_file *f = c->f;
    size_t kept = 0;
    for (uint64_t at = 0;;) {
        const ssize_t got = pread(f->fd, octets + kept, READ_SIZE - kept, (off_t)(at + kept));
        if (got < 0) {
            return fail(f, f->path);
        }
        if (interrupt_came()) {
            snprintf(f->error, sizeof(f->error), "interrupted");
            return false;
        }
        const size_t size = kept + (size_t)got;
        const size_t taken = take_lines(c, octets, size, at, got == 0);
        if (taken == SIZE_MAX) {
            return false;
        }
        if (got == 0) {
            return true;
        }
        if (taken == 0 && size == READ_SIZE) {
            snprintf(f->error, sizeof(f->error), "%s:%llu: the line is too long", f->path,
                     (unsigned long long)c->line_number + 1);
            return false;
        }
        kept = size - taken;
        memmove(octets, octets + taken, kept);
        at += taken;
        atomic_store(&f->done, at);
    }
}

/* Without a name from the beginning, so that nothing is left behind however this ends. */
static bool open_parts(recon_file *f, const char *folder)
{
    for (unsigned i = 0; i < f->parts; i++) {
        f->part_fds[i] = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (f->part_fds[i] < 0) {
            char name[4096];
            snprintf(name, sizeof(name), "%s/cmpctl-XXXXXX", folder);
            f->part_fds[i] = mkostemp(name, O_CLOEXEC);
            if (f->part_fds[i] < 0) {
                return fail(f, folder);
            }
            unlink(name);
        }
    }
    return true;
}

bool recon_file_cut(recon_file *f, const char *folder)
{
    if (!open_parts(f, folder)) {
        return false;
    }
    cut *c = kit_calloc(1, sizeof(*c));
    c->f = f;
    c->buffers = kit_calloc(f->parts, sizeof(*c->buffers));
    char *octets = kit_alloc(READ_SIZE);
    bool good = cut_all(c, octets);
    for (unsigned i = 0; good && i < f->parts; i++) {
        good = flush_part(c, i);
    }
    free(octets);
    free(c->buffers);
    free(c);
    return good;
}

/* ---- life ---- */

bool recon_file_open(recon_file *f, const char *path)
{
    struct stat status;
    f->path = path;
    for (unsigned i = 0; i < RECON_PARTS_MAX; i++) {
        f->part_fds[i] = -1;
    }
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &status) != 0) {
        output_fail("%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        output_fail("%s: it has to be a file: lines of it are looked at again", path);
        return false;
    }
    f->size = (uint64_t)status.st_size;
    return true;
}

void recon_file_close(recon_file *f)
{
    for (unsigned i = 0; i < RECON_PARTS_MAX; i++) {
        if (f->part_fds[i] >= 0) {
            close(f->part_fds[i]);
        }
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
}

static int compare(const void *a, const void *b)
{
    const recon_entry *x = a, *y = b;
    return x->tid[0] != y->tid[0]     ? (x->tid[0] < y->tid[0] ? -1 : 1)
           : x->tid[1] != y->tid[1]   ? (x->tid[1] < y->tid[1] ? -1 : 1)
           : x->when_ms != y->when_ms ? (x->when_ms < y->when_ms ? -1 : 1)
                                      : (x->at > y->at) - (x->at < y->at);
}

recon_entry *recon_file_part(recon_file *f, unsigned part, size_t *count)
{
    struct stat status;
    *count = 0;
    if (fstat(f->part_fds[part], &status) != 0 || status.st_size == 0) {
        return NULL;
    }
    const size_t size = (size_t)status.st_size;
    recon_entry *entries = kit_alloc(size);
    for (size_t done = 0; done < size;) {
        const ssize_t got =
            pread(f->part_fds[part], (char *)entries + done, size - done, (off_t)done);
        if (got <= 0) {
            fail(f, "the temporary files cannot be read");
            free(entries);
            return NULL;
        }
        done += (size_t)got;
    }
    *count = size / sizeof(*entries);
    qsort(entries, *count, sizeof(*entries), compare);
    return entries;
}

void recon_file_line(const recon_file *f, uint64_t at, char *to, size_t room)
{
    const ssize_t got = pread(f->fd, to, room - 1, (off_t)at);
    to[got > 0 ? got : 0] = '\0';
    to[strcspn(to, "\r\n")] = '\0';
}
