/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets are wiped: no block that our code frees holds one (`free` is wrapped), and buffers on the
 * stack are wiped by name. */
#include "ctl/credential.h"
#include "ctl/keyfile.h"

#include "base/secret.h"
#include "scratch.h"

#include <fcntl.h>
#include <malloc.h>

#define SECRET     "5ecret-of-sixteen-octets"
#define SECRET_HEX "3565637265742d6f662d7369787465656e2d6f6374657473"

static unsigned leaked, wiped;

static bool holds(const void *at, size_t size)
{
    return memmem(at, size, SECRET, sizeof(SECRET) - 1) != NULL ||
           memmem(at, size, SECRET_HEX, sizeof(SECRET_HEX) - 1) != NULL;
}

/* The linker gives these names to what would call `free` and `secret_wipe`. */
void __real_free(void *at);
void __wrap_free(void *at);
void __real_secret_wipe(void *at, size_t size);
void __wrap_secret_wipe(void *at, size_t size);

void __wrap_free(void *at)
{
    if (at != NULL && holds(at, malloc_usable_size(at))) {
        leaked++;
    }
    __real_free(at);
}

void __wrap_secret_wipe(void *at, size_t size)
{
    wiped += holds(at, size);
    __real_secret_wipe(at, size);
}

static int set_up(void **state)
{
    (void)state;
    leaked = wiped = 0;
    return 0;
}

static void what_the_test_sees(void **state)
{
    (void)state;
    uint8_t *secret = secret_copy(SECRET, sizeof(SECRET) - 1);
    free(secret);
    assert_int_equal(leaked, 1);
    secret = secret_copy(SECRET, sizeof(SECRET) - 1);
    secret_free(&secret, sizeof(SECRET) - 1);
    assert_null(secret);
    assert_int_equal(leaked, 1);
}

static void a_keyring(void **state)
{
    (void)state;
    static const char *const rings[] = {
        "pseudonym_secret: " SECRET "\nissued: [{id: k, peer: b, secret: " SECRET "}]\n",
        "received: [{id: k, peer: b, secret_hex: " SECRET_HEX "}]\n",
        "issued: [{id: k, peer: b, secret: " SECRET ", hash: md5}]\n", /* refused */
        "issued: [{id: k, peer: b, secret: " SECRET ", secret_hex: " SECRET_HEX "}]\n",
        "issued: [{id: k, peer: b, secret: " SECRET "\n", /* no YAML */
    };
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        cmp_report report;
        report_init(&report);
        scratch_write("k.yaml", rings[i]);
        keyring *ring = keyring_load("k.yaml", NULL, NULL, &report);
        assert_true((ring != NULL) == (i < 2));
        if (ring != NULL) {
            keyring_unref(&ring);
        }
        report_dispose(&report);
        assert_int_equal(leaked, 0);
    }
}

static void a_keyring_that_is_changed(void **state)
{
    (void)state;
    scratch_write("k.yaml", "issued: [{id: k-1, peer: b, secret: " SECRET "}]\n");
    const keyfile_member good[] = {{"id", "k-2", false},
                                   {"peer", "c", false},
                                   {"secret", SECRET, false}};
    for (int twice = 0; twice < 2; twice++) { /* the second time the id is there */
        keyfile *k = keyfile_open("k.yaml");
        assert_non_null(k);
        assert_true(keyfile_add(k, KEYFILE_ISSUED, good, 3));
        assert_true(keyfile_save(k, NULL) == (twice == 0));
        keyfile_close(&k);
        assert_int_equal(leaked, 0);
    }
}

/* How often 16 octets lie in the heap, in what was freed as well: not to be watched by a sanitizer.
 * 0 when there is no heap of that name. */
__attribute__((no_sanitize("address"))) static unsigned in_heap(const char *octets)
{
    char line[256];
    unsigned long from = 0, to = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "[heap]") != NULL) {
            assert_int_equal(sscanf(line, "%lx-%lx", &from, &to), 2);
        }
    }
    fclose(maps);
    unsigned count = 0;
    for (const char *at = (const char *)from; from != 0 && at + 16 <= (const char *)to; at++) {
        size_t same = 0;
        while (same < 16 && at[same] == octets[same]) {
            same++;
        }
        count += same == 16;
    }
    return count;
}

static void write_now(const char *name, const char *text)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* What libraries were given to read and to write as well. The secrets are made here, on the stack:
 * no copy of the test's own is in the heap. */
static void nothing_in_the_heap(void **state)
{
    (void)state;
    char old[65] = "", added[65] = "", text[256];
    unsigned draw = 1;
    for (int i = 0; i < 64; i++) {
        draw = draw * 1103515245 + 12345;
        old[i] = (char)('A' + (draw >> 16) % 26);
        added[i] = (char)('a' + (draw >> 20) % 26);
    }
    const char *const old_end = old + 48, *const added_end =
                                              added + 48; /* free() writes in front */
    char *found = strdup(old);
    const unsigned seen = in_heap(old_end);
    secret_wipe(found, sizeof(old));
    __real_free(found);
    if (seen != 1) {
        skip(); /* malloc is somebody else's here */
    }
    snprintf(text, sizeof(text), "issued:\n- {id: k-1, peer: b, secret: %s}\n", old);
    write_now("k.yaml", text);
    const keyfile_member members[] = {{"id", "k-2", false},
                                      {"peer", "c", false},
                                      {"secret", added, false}};
    keyfile *k = keyfile_open("k.yaml");
    assert_non_null(k);
    assert_true(keyfile_add(k, KEYFILE_ISSUED, members, 3));
    assert_true(keyfile_save(k, NULL));
    keyfile_close(&k);
    assert_int_equal(in_heap(old_end), 0);
    assert_int_equal(in_heap(added_end), 0);
}

static void a_file_with_a_secret(void **state)
{
    (void)state;
    scratch_write("secret", SECRET "\n");
    const credential_choice choice = {.secret_file = "secret"};
    credential c;
    assert_true(credential_open(&c, &choice, CMP_KEY_ISSUED, 0));
    assert_true(holds(c.secret, c.secret_size));
    assert_int_equal(wiped, 1); /* what was read, on the stack */
    credential_dispose(&c);
    assert_null(c.secret);
    assert_int_equal(leaked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_the_test_sees, set_up),
        cmocka_unit_test_setup(a_keyring, set_up),
        cmocka_unit_test_setup(a_keyring_that_is_changed, set_up),
        cmocka_unit_test_setup(nothing_in_the_heap, set_up),
        cmocka_unit_test_setup(a_file_with_a_secret, set_up),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
