/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl journal erase`: removes the pseudonyms of a user, or the key of a period. */
#include "ctl/args.h"
#include "ctl/interrupt.h"
#include "ctl/journal.h"
#include "ctl/journal_filter.h"
#include "ctl/journal_rewrite.h"
#include "ctl/output.h"

#include "base/secret.h"
#include "journal/pack.h"
#include "journal/pseudonym.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define USER_MAX   1024
#define WAIT_TURNS 200 /* of 50 ms, for cmpd to begin new segments */

typedef struct erase_options {
    journal_options_given given;
    const char *key;
    bool dry_run;
} erase_options;

static const args_row rows[] = {
    JOURNAL_WHERE_ROWS(erase_options, given),
    ARGS_ROW("key", TEXT, erase_options, key, "ID",
             "destroy that key, and with it all pseudonyms of its period, in place of a user's"),
    ARGS_ROW("dry-run", FLAG, erase_options, dry_run, NULL, "only say what would be changed"),
    {.name = NULL},
};

static const args_command command = {
    .name = "journal erase",
    .summary = "Removes a user's pseudonyms from the journal; the user is read from stdin",
    .details =
        "The user stands on one line, as it comes in requests. It is looked for under all keys "
        "that\n"
        "are kept; records stay, without their pseudonyms, and segments are replaced one by one,\n"
        "each as a whole. What comes from that user later is recorded as before.\n\n"
        "  cmpctl journal erase --config cmpd.yaml < user.txt\n",
    .rows = rows,
};

/* ---- who ---- */

static bool is_empty(cmp_str lines)
{
    for (size_t i = 0; i < lines.size; i++) {
        if (lines.at[i] != '\r' && lines.at[i] != '\n') {
            return false;
        }
    }
    return true;
}

/* A terminal gives a line; who types it expects no more to be asked for. */
static size_t read_some(char octets[USER_MAX])
{
    if (!isatty(STDIN_FILENO)) {
        return fread(octets, 1, USER_MAX, stdin);
    }
    const ssize_t got = read(STDIN_FILENO, octets, USER_MAX);
    return got > 0 ? (size_t)got : 0;
}

/* The only line, without its end. Who gives a list is not to take one of it for all. False after a
 * message. */
static bool read_user(char octets[USER_MAX], cmp_str *user)
{
    setvbuf(stdin, NULL, _IONBF, 0); /* no copy of it stays in a buffer */
    const size_t size = read_some(octets);
    const char *end = memchr(octets, '\n', size);
    *user = (cmp_str){octets, end != NULL ? (size_t)(end - octets) : size};
    if (end != NULL && !is_empty((cmp_str){end, size - user->size})) {
        output_fail("stdin: expected one user on one line; there are more lines");
        return false;
    }
    if (end != NULL && user->size > 0 && end[-1] == '\r') {
        user->size--;
    }
    if (ferror(stdin) || user->size == 0 || size == USER_MAX) {
        output_fail("stdin: expected a user of 1 to %d octets on one line", USER_MAX - 2);
        return false;
    }
    return true;
}

static void make_wanted(const pseudonym_keys *keys, cmp_str user, rewrite_wanted *wanted)
{
    wanted->count = keys->count;
    wanted->at = kit_calloc(keys->count, sizeof(*wanted->at));
    for (size_t i = 0; i < keys->count; i++) {
        wanted->at[i].key = keys->at[i].id;
        pseudonym_make(&keys->at[i], JOURNAL_USER, user, wanted->at[i].pseudonym);
    }
}

/* ---- segments that have ended ---- */

/* A daemon that writes there is asked to begin new ones, so that all that were there have ended.
 * False after a message. */
static bool end_segments(int folder)
{
    const int lock = folder_lock(folder, FOLDER_LOCK, false);
    if (lock >= 0) { /* nobody writes */
        close(lock);
        return true;
    }
    const int asked =
        openat(folder, FOLDER_ROTATE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (asked < 0) {
        output_fail(FOLDER_ROTATE ": %s", strerror(errno));
        return false;
    }
    close(asked);
    const struct timespec pause = {.tv_nsec = 50000000};
    for (int i = 0; i < WAIT_TURNS && !interrupt_came(); i++) {
        if (faccessat(folder, FOLDER_ROTATE, F_OK, 0) != 0) {
            return true;
        }
        nanosleep(&pause, NULL);
    }
    unlinkat(folder, FOLDER_ROTATE, 0);
    output_fail("cmpd does not begin a new segment; nothing was erased");
    return false;
}

/* Who compresses a segment that has ended has it open for a while longer. */
static bool stays_open(int folder, const segment_file *f)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    for (int i = 0; i < WAIT_TURNS && !interrupt_came(); i++) {
        if (!segment_is_open(folder, f)) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

typedef struct erasing {
    const rewrite_wanted *wanted;
    bool dry_run;
    uint64_t records, files, damaged;
} erasing;

/* False after a message. */
static bool erase_from(erasing *e, int folder, const segment_file *f)
{
    rewrite_result result;
    if (!e->dry_run && stays_open(folder, f)) {
        output_fail("%s is being written to: is cmpd being restarted? Try again", f->name);
        return false;
    }
    if (!rewrite_segment(folder, f->name, e->wanted, e->dry_run, &result)) {
        if (errno == ENOENT) { /* it was removed in its time */
            return true;
        }
        output_fail("%s: %s", f->name, strerror(errno));
        return false;
    }
    e->records += result.records;
    e->files += result.records > 0;
    e->damaged += result.records > 0 ? result.damaged : 0;
    return true;
}

static bool make_ready(int folder)
{
    if (!end_segments(folder)) {
        return false;
    }
    if (!pack_clean_up(folder)) {
        output_fail("the folder: %s", strerror(errno));
        return false;
    }
    return true;
}

/* Nobody else puts files in each other's places meanwhile. What is newer than the list may be
 * written to right now, and has no older record. A dry run reads those that are written to, too,
 * and leaves everything as it is: a segment that ends may have others removed. */
static bool erase_all(erasing *e, int folder)
{
    segment_files files;
    const int lock = folder_lock(folder, FOLDER_REWRITE, true);
    if (lock < 0 || !segment_files_list(folder, JOURNAL_STREAM_JOURNAL, &files)) {
        output_fail("the folder: %s", strerror(errno));
        return false;
    }
    bool good = e->dry_run || make_ready(folder);
    for (size_t i = 0; good && i < files.count; i++) {
        good = !interrupt_came() && erase_from(e, folder, &files.at[i]);
    }
    segment_files_free(&files);
    close(lock);
    return good;
}

static int erase_user(int folder, bool dry_run)
{
    char octets[USER_MAX];
    cmp_str user;
    pseudonym_keys keys;
    if (!read_user(octets, &user)) {
        secret_wipe(octets, sizeof(octets));
        return EXIT_CANNOT;
    }
    if (!pseudonym_keys_read(folder, &keys)) {
        secret_wipe(octets, sizeof(octets));
        return output_fail(FOLDER_KEYS ": %s", strerror(errno));
    }
    rewrite_wanted wanted;
    make_wanted(&keys, user, &wanted);
    secret_wipe(octets, sizeof(octets));
    erasing e = {.wanted = &wanted, .dry_run = dry_run};
    const bool good = erase_all(&e, folder);
    printf("%llu records in %llu files %s, under %zu keys\n", (unsigned long long)e.records,
           (unsigned long long)e.files,
           dry_run ? "would lose their pseudonyms"
                   : "lost their "
                     "pseudonyms",
           keys.count);
    if (e.damaged > 0) {
        output_warn("%llu octets were damaged, and are not in the new files",
                    (unsigned long long)e.damaged);
    }
    free(wanted.at);
    pseudonym_keys_free(&keys);
    return good ? EXIT_GOOD : EXIT_CANNOT;
}

/* ---- a period ---- */

static const pseudonym_key *find_key(const pseudonym_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++) {
        char text[9];
        snprintf(text, sizeof(text), "%08x", keys->at[i].id);
        if (strcmp(text, id) == 0) {
            return &keys->at[i];
        }
    }
    return NULL;
}

static int destroy_key(int folder, const char *id, bool dry_run)
{
    pseudonym_keys keys;
    if (!pseudonym_keys_read(folder, &keys)) {
        return output_fail(FOLDER_KEYS ": %s", strerror(errno));
    }
    const pseudonym_key *key = find_key(&keys, id);
    int status = EXIT_GOOD;
    if (key == NULL) {
        status = output_fail("--key: there is no key \"%s\"", id);
    } else if (dry_run) {
        printf("the key %s would be destroyed\n", id);
    } else if (!pseudonym_key_destroy(folder, key)) {
        status = output_fail("the key %s cannot be destroyed: %s", id, strerror(errno));
    }
    pseudonym_keys_free(&keys);
    return status;
}

/* ---- the command ---- */

int journal_erase_run(int argc, char **argv)
{
    erase_options o = {.key = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    journal_filter f;
    if (!journal_filter_make(&o.given, &f)) {
        return EXIT_CANNOT;
    }
    const int folder = open(f.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        output_fail("%s: %s", f.folder, strerror(errno));
        journal_filter_free(&f);
        return EXIT_CANNOT;
    }
    interrupt_catch();
    const int status =
        o.key != NULL ? destroy_key(folder, o.key, o.dry_run) : erase_user(folder, o.dry_run);
    close(folder);
    journal_filter_free(&f);
    return status;
}
