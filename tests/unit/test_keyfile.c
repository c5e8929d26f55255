/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ctl/keyfile.c: what is changed is changed, everything else stays, and a bad keyring is
 * never written. */
#include "ctl/keyfile.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_keyfile.XXXXXX";
static char path[64], lock[64], link_path[64];

static const char two_keys[] = "# by hand\n"
                               "issued: [{id: k-1, peer: b, secret: 'a secret: of #16 octets', "
                               "max_skew: 5m, tid_format: uuidv7}]\n"
                               "received:\n"
                               "  - id: ours\n"
                               "    peer: b\n"
                               "    secret_hex: 000102030405060708090a0b0c0d0e0f\n"
                               "    not_after: 2027-01-01T00:00:00Z\n";

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* Of the key that was shown last. */
static char last_secret[64];

/* The file as its readers see it: one line a key. */
static void show_key(const cmp_key *key, void *arg)
{
    char *shown = arg;
    sprintf(shown + strlen(shown), "%s %.*s %.*s %zu %d %d;",
            key->use == CMP_KEY_ISSUED ? "issued" : "received", (int)key->id.size, key->id.at,
            (int)key->peer.size, key->peer.at, key->secret_size, (int)(key->max_skew_ms / 1000),
            key->not_after_ms != INT64_MAX);
    assert_true(key->secret_size < sizeof(last_secret));
    memcpy(last_secret, key->secret, key->secret_size);
    last_secret[key->secret_size] = '\0';
}

static const char *shown(void)
{
    static char text[1024];
    cmp_report report;
    report_init(&report);
    keyring *ring = keyring_load(path, NULL, NULL, &report);
    assert_non_null(ring);
    text[0] = '\0';
    keyring_each(ring, CMP_KEY_ISSUED, show_key, text);
    keyring_each(ring, CMP_KEY_RECEIVED, show_key, text);
    keyring_unref(&ring);
    report_dispose(&report);
    return text;
}

static keyfile_entry *find(keyfile *k, keyfile_list list, const char *id)
{
    bool several;
    keyfile_entry *entry = keyfile_find(k, list, id, NULL, &several);
    assert_false(several);
    return entry;
}

static bool add(const char *id, const char *secret)
{
    keyfile *k = keyfile_open(path);
    assert_non_null(k);
    const keyfile_member members[] = {{"id", id, false},
                                      {"peer", "c", false},
                                      {"secret", secret, false},
                                      {"hash", NULL, true}};
    const bool saved = keyfile_add(k, KEYFILE_ISSUED, members, 4) && keyfile_save(k, NULL);
    keyfile_close(&k);
    assert_null(k);
    return saved;
}

static void refuses_a_file_that_is_no_keyring(void **unused)
{
    (void)unused;
    write_file("issued: [{id: k-1}]\n", 0600);
    assert_null(keyfile_open(path));
    write_file("nonsense: {\n", 0600);
    assert_null(keyfile_open(path));
    write_file(two_keys, 0644); /* others can read it */
    assert_null(keyfile_open(path));
}

/* Of the folder, but the keyring and its lock. */
static unsigned other_files(void)
{
    DIR *listed = opendir(folder);
    unsigned count = 0;
    assert_non_null(listed);
    for (const struct dirent *entry; (entry = readdir(listed)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(listed);
    return count - (access(path, F_OK) == 0) - (access(lock, F_OK) == 0);
}

static void never_writes_a_bad_keyring(void **unused)
{
    (void)unused;
    write_file(two_keys, 0600);
    assert_false(add("k-2", "short"));
    assert_false(add("k-1", "an id that is there twice"));
    assert_int_equal(other_files(), 0);
    assert_string_equal(shown(), "issued k-1 b 23 300 0;received ours b 16 0 1;");
}

static void makes_a_file_that_only_the_owner_can_read(void **unused)
{
    (void)unused;
    unlink(path);
    const mode_t before = umask(0);
    assert_true(add("k-1", "a secret of \"quotes\" and \\"));
    umask(before);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_string_equal(shown(), "issued k-1 c 26 0 0;");
}

static void a_text_of_any_characters(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"a secret of\ttabs,\n\x01, \x7F and \u2028",
                                        "# not a comment: {", "\"quotes\" and \\ of them"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        unlink(path);
        assert_true(add("k-1", texts[i]));
        shown();
        assert_string_equal(last_secret, texts[i]);
    }
}

/* libfyaml would tell of it in its own words, and the member would be missing. */
static void what_is_no_utf8_is_not_written(void **unused)
{
    (void)unused;
    write_file(two_keys, 0600);
    assert_false(add("k-2", "a secret with an \xFF in it"));
    assert_false(add("k-\xC3", "a secret of k-2, long enough"));
    assert_string_equal(shown(), "issued k-1 b 23 300 0;received ours b 16 0 1;");
}

static void keeps_what_it_does_not_touch(void **unused)
{
    (void)unused;
    write_file(two_keys, 0600);
    assert_true(add("k-2", "a secret of k-2, long enough"));
    assert_string_equal(shown(),
                        "issued k-1 b 23 300 0;issued k-2 c 28 0 0;received ours b 16 0 1;");
}

static void sets_and_removes(void **unused)
{
    (void)unused;
    write_file(two_keys, 0600);
    keyfile *k = keyfile_open(path);
    assert_null(find(k, KEYFILE_ISSUED, "ours"));
    keyfile_entry *entry = find(k, KEYFILE_ISSUED, "k-1");
    assert_non_null(entry);
    assert_null(keyfile_get(entry, "not_after").at);
    const keyfile_member skew = {"max_skew", "7s", true};
    const keyfile_member end = {"not_after", "2026-11-24T00:00:00Z", true};
    keyfile_set(k, entry, &skew);
    keyfile_set(k, entry, &end);
    assert_true(cmp_str_equal(keyfile_get(entry, "not_after"), CMP_STR("2026-11-24T00:00:00Z")));
    keyfile_remove(k, KEYFILE_RECEIVED, find(k, KEYFILE_RECEIVED, "ours"));
    assert_true(keyfile_save(k, NULL));
    keyfile_close(&k);
    assert_string_equal(shown(), "issued k-1 b 23 7 1;");
}

static void an_id_of_two_peers(void **unused)
{
    (void)unused;
    write_file("received:\n"
               "- {id: x, peer: b, secret: 0123456789abcdef}\n"
               "- {id: x, peer: c, secret: 0123456789abcdef}\n",
               0600);
    bool several;
    keyfile *k = keyfile_open(path);
    assert_non_null(keyfile_find(k, KEYFILE_RECEIVED, "x", NULL, &several));
    assert_true(several);
    assert_null(keyfile_find(k, KEYFILE_RECEIVED, "x", "d", &several));
    keyfile_remove(k, KEYFILE_RECEIVED, keyfile_find(k, KEYFILE_RECEIVED, "x", "b", &several));
    assert_false(several);
    assert_true(keyfile_save(k, NULL));
    keyfile_close(&k);
    assert_string_equal(shown(), "received x c 16 0 0;");
}

/* One that was killed between two system calls leaves what only its successor can remove. */
static void what_was_left_behind_goes(void **unused)
{
    (void)unused;
    write_file(two_keys, 0600);
    char fresh[sizeof(path) + 8];
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    assert_int_equal(symlink("/etc/passwd", fresh), 0);
    keyfile *k = keyfile_open(path);
    keyfile_close(&k);
    assert_int_equal(other_files(), 0);
}

static void an_emptied_file_can_be_filled_again(void **unused)
{
    (void)unused;
    write_file("", 0600);
    assert_true(add("k-1", "a secret of k-1, long enough"));
    keyfile *k = keyfile_open(path);
    keyfile_remove(k, KEYFILE_ISSUED, find(k, KEYFILE_ISSUED, "k-1"));
    assert_true(keyfile_save(k, NULL));
    keyfile_close(&k);
    assert_string_equal(shown(), "");
    assert_true(add("k-2", "a secret of k-2, long enough"));
    assert_string_equal(shown(), "issued k-2 c 28 0 0;");
}

static void a_symbolic_link_stays_one(void **unused)
{
    (void)unused;
    write_file(two_keys, 0600);
    assert_int_equal(symlink(path, link_path), 0);
    keyfile *k = keyfile_open(link_path);
    keyfile_remove(k, KEYFILE_ISSUED, find(k, KEYFILE_ISSUED, "k-1"));
    assert_true(keyfile_save(k, NULL));
    keyfile_close(&k);
    struct stat status;
    assert_int_equal(lstat(link_path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_string_equal(shown(), "received ours b 16 0 1;");
    unlink(link_path);
}

static int make_folder(void **unused)
{
    (void)unused;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/keys.yaml", folder);
    snprintf(lock, sizeof(lock), "%s/keys.yaml.lock", folder);
    snprintf(link_path, sizeof(link_path), "%s/link.yaml", folder);
    return 0;
}

/* Fails when a temporary file was left behind. */
static int remove_folder(void **unused)
{
    (void)unused;
    unlink(path);
    unlink(lock);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_file_that_is_no_keyring),
        cmocka_unit_test(never_writes_a_bad_keyring),
        cmocka_unit_test(makes_a_file_that_only_the_owner_can_read),
        cmocka_unit_test(a_text_of_any_characters),
        cmocka_unit_test(what_is_no_utf8_is_not_written),
        cmocka_unit_test(keeps_what_it_does_not_touch),
        cmocka_unit_test(sets_and_removes),
        cmocka_unit_test(an_id_of_two_peers),
        cmocka_unit_test(what_was_left_behind_goes),
        cmocka_unit_test(an_emptied_file_can_be_filled_again),
        cmocka_unit_test(a_symbolic_link_stays_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
