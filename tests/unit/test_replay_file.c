/* SPDX-License-Identifier: Apache-2.0 */
/* peers/replay.c in a file: what is remembered outlives processes, however they end, and is one
 * memory for those that live at once. */
#include "peers/replay.h"

#include "peers/replay_memory.h"
#include "scratch.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW    INT64_C(1700000000000)
#define WINDOW INT64_C(300000)
#define SIZE   ((size_t)256 * 1024)
#define COUNT  1000

typedef struct fixture {
    char folder[128], path[160];
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/cmpd-replay-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/once", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char new[200];
    snprintf(new, sizeof(new), "%s.new", f->path);
    assert_int_not_equal(unlink(new), 0); /* nothing is left beside it */
    unlink(f->path);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static replay *open_sized(const fixture *f, size_t size, int64_t now_ms)
{
    char error[256] = "";
    const replay_options options = {WINDOW, size, 100, REPLAY_FORGET};
    replay *r = replay_open(&options, f->path, now_ms, error, sizeof(error));
    if (r == NULL) {
        fail_msg("%s", error);
    }
    return r;
}

static replay *open_it(const fixture *f)
{
    return open_sized(f, SIZE, NOW);
}

static replay_verdict remember(replay *r, uint64_t number, int64_t now_ms)
{
    uint64_t print[2] = {number * 0x9E3779B97F4A7C15u, number};
    return replay_remember(r, number % 2 == 0 ? CMP_STR("a") : CMP_STR("b"), (uint8_t *)print,
                           number, now_ms);
}

static void expect_all(replay *r, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(remember(r, i, NOW), REPLAY_IDENTICAL);
    }
}

static void fill(replay *r, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(remember(r, i, NOW), REPLAY_NEW);
    }
}

/* The file's octets, to be changed as a death or a power failure might leave them. */
static char *octets_of(const fixture *f)
{
    const int fd = open(f->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    close(fd);
    return at;
}

static void it_outlives_the_process(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    fill(r, 0, COUNT);
    replay_release(r, (const uint8_t *)(uint64_t[]){0, 0});
    replay_destroy(&r);
    r = open_it(f);
    assert_int_equal(remember(r, 0, NOW), REPLAY_NEW); /* released */
    expect_all(r, 1, COUNT);
    assert_int_equal(replay_stats_get(r, NOW).reach_ms, 0); /* what was before the file? */
    assert_int_equal(replay_stats_get(r, NOW + WINDOW).reach_ms, WINDOW);
    assert_int_equal(remember(r, 1, NOW + WINDOW + 1), REPLAY_NEW);
    replay_destroy(&r);
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_size, SIZE);
}

static void two_at_once_are_one_memory(void **state)
{
    fixture *f = *state;
    replay *old = open_it(f), *new = open_it(f);
    fill(old, 0, COUNT);
    expect_all(new, 0, COUNT);
    fill(new, COUNT, 2 * COUNT);
    expect_all(old, COUNT, 2 * COUNT);
    replay_destroy(&old);
    fill(new, 2 * COUNT, 3 * COUNT);
    old = open_it(f);
    expect_all(old, 0, 3 * COUNT);
    replay_destroy(&old);
    replay_destroy(&new);
}

/* ---- without a file, by a descriptor ---- */

static replay *adopt(int fd, char *error, size_t error_size)
{
    const replay_options options = {WINDOW, 4 * SIZE, 100, REPLAY_FORGET};
    return replay_adopt(&options, fd, error, error_size);
}

static void one_is_given_to_another(void **state)
{
    (void)state;
    char error[256] = "";
    replay *old = replay_create(&(replay_options){WINDOW, SIZE, 100, REPLAY_FORGET});
    fill(old, 0, COUNT);
    replay *new = adopt(dup(replay_fd(old)), error, sizeof(error));
    assert_non_null(new);
    assert_int_equal(replay_stats_get(new, NOW).size_bytes, SIZE);
    expect_all(new, 0, COUNT);
    fill(new, COUNT, 2 * COUNT);
    expect_all(old, COUNT, 2 * COUNT);
    replay_release(new, (const uint8_t *)(uint64_t[]){0, 0});
    assert_int_equal(remember(old, 0, NOW), REPLAY_NEW);
    replay_destroy(&old);
    expect_all(new, 0, 2 * COUNT);
    replay_destroy(&new);
}

static void what_is_given_may_be_none(void **state)
{
    fixture *f = *state;
    char error[256] = "";
    assert_null(adopt(open("/dev/null", O_RDWR | O_CLOEXEC), error, sizeof(error)));
    assert_non_null(strstr(error, "no replay memory"));
    replay *r = open_it(f);
    char *at = octets_of(f);
    ((replay_head *)at)->layout++;
    assert_null(adopt(dup(replay_fd(r)), error, sizeof(error)));
    assert_non_null(strstr(error, "another layout"));
    munmap(at, SIZE);
    replay_destroy(&r);
}

/* ---- another size ---- */

static void it_grows(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    fill(r, 0, COUNT);
    replay_destroy(&r);
    r = open_sized(f, 16 * SIZE, NOW);
    assert_int_equal(replay_stats_get(r, NOW).size_bytes, 16 * SIZE);
    expect_all(r, 0, COUNT);
    assert_int_equal(replay_stats_get(r, NOW + WINDOW).reach_ms, WINDOW);
    replay_destroy(&r);
}

static void it_shrinks_to_the_newest(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(remember(r, i, NOW + (int64_t)i), REPLAY_NEW);
    }
    replay_destroy(&r);
    r = open_sized(f, 16384, NOW + COUNT);
    const replay_stats stats = replay_stats_get(r, NOW + COUNT);
    assert_int_equal(stats.size_bytes, 16384);
    assert_int_equal(stats.entries + stats.forgotten, COUNT);
    assert_in_range(stats.entries, stats.capacity * 8 / 10, COUNT / 2);
    assert_in_range(stats.reach_ms, stats.entries - 60, stats.entries + 60);
    for (uint64_t i = COUNT - stats.entries + 40; i < COUNT; i++) {
        assert_int_equal(remember(r, i, NOW + COUNT), REPLAY_IDENTICAL);
    }
    replay_destroy(&r);
}

/* Who has it open would otherwise go on in a file that nobody else sees. */
static void its_size_stays_while_somebody_has_it(void **state)
{
    fixture *f = *state;
    replay *old = open_it(f), *new = open_sized(f, 4 * SIZE, NOW);
    assert_int_equal(replay_stats_get(new, NOW).size_bytes, SIZE);
    fill(old, 0, 10);
    expect_all(new, 0, 10);
    replay_destroy(&old);
    replay_destroy(&new);
    new = open_sized(f, 4 * SIZE, NOW);
    assert_int_equal(replay_stats_get(new, NOW).size_bytes, 4 * SIZE);
    expect_all(new, 0, 10);
    replay_destroy(&new);
}

/* ---- deaths ---- */

/* Remembers for ever, and counts what is remembered where others see it: it is nearly always in the
 * middle of a change. */
static void work(replay *r, _Atomic uint64_t *count, uint64_t from)
{
    for (uint64_t i = from; remember(r, i, NOW) == REPLAY_NEW; i++) {
        atomic_fetch_add(count, 1);
    }
    _exit(1);
}

/* Kills a process that is at work on the file, or on `given`; returns how many it has remembered.
 */
static uint64_t killed_at_work(const fixture *f, replay *given, uint64_t from, uint64_t enough)
{
    _Atomic uint64_t *count =
        mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(count, MAP_FAILED);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(given != NULL ? given : open_it(f), count, from);
    }
    while (atomic_load(count) < enough && waitpid(child, NULL, WNOHANG) == 0) {
        sched_yield();
    }
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const uint64_t counted = atomic_load(count);
    munmap(count, sizeof(*count));
    return counted;
}

/* What was remembered when the process told of it is there, however it ended; for a process that
 * has the memory open, and for one that comes later. */
static void nothing_is_lost_with_a_killed_process(void **state)
{
    fixture *f = *state;
    for (int alive = 0; alive <= 1; alive++) {
        replay *r = alive ? open_sized(f, 4 << 20, NOW) : NULL;
        for (unsigned turn = 0; turn < 40; turn++) {
            const uint64_t from = (uint64_t)(turn + 100 * (unsigned)alive + 1) << 32;
            const uint64_t count = killed_at_work(f, NULL, from, 1 + turn * 37);
            if (!alive) {
                r = open_it(f);
            }
            const uint64_t kept = count < 500 ? count : 500; /* more than 4,000 may be forgotten */
            expect_all(r, from + count - kept, from + count);
            if (!alive) {
                replay_destroy(&r);
            }
        }
        replay_destroy(&r);
    }
}

static void nothing_of_what_is_shared_is_lost_either(void **state)
{
    fixture *f = *state;
    replay *r = replay_create(&(replay_options){WINDOW, 4 << 20, 100, REPLAY_FORGET});
    for (unsigned turn = 0; turn < 40; turn++) {
        const uint64_t from = (uint64_t)(turn + 1) << 32;
        const uint64_t count = killed_at_work(f, r, from, 1 + turn * 37);
        const uint64_t kept = count < 500 ? count : 500;
        expect_all(r, from + count - kept, from + count);
    }
    replay_destroy(&r);
}

static shard_state *state_of(char *at, unsigned number)
{
    const size_t head = (sizeof(replay_head) + SHARD_LINE - 1) / SHARD_LINE * SHARD_LINE;
    return (shard_state *)(at + head) + number;
}

/* The index and the lists are made again from the entries alone. */
static void a_change_that_did_not_end_is_mended(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    fill(r, 0, COUNT);
    replay_destroy(&r);
    char *at = octets_of(f);
    const replay_head *head = (const replay_head *)at;
    for (unsigned i = 0; i < 1u << head->shard_bits; i++) {
        shard_state *s = state_of(at, i);
        s->changes = 1;
        s->count = 12345;
        s->free = 0xFFFFFFFF;
        s->chunks_used = 77;
        s->largest = 0xFFFF;
        memset(&s->lock, 0xFF, sizeof(s->lock)); /* held by somebody who is no more */
    }
    munmap(at, SIZE);
    r = open_it(f);
    assert_int_equal(replay_stats_get(r, NOW).entries, COUNT);
    expect_all(r, 0, COUNT);
    fill(r, COUNT, 2 * COUNT);
    replay_destroy(&r);
}

/* Any octet may be any: the process that comes next works, and reads and writes nothing else. */
static void rubbish_is_survived(void **state)
{
    fixture *f = *state;
    uint64_t x = 88172645463325252u;
    for (unsigned turn = 0; turn < 200; turn++) {
        replay *r = open_it(f);
        for (uint64_t i = 0; i < 200; i++) {
            (void)!remember(r, i + turn * 1000, NOW);
        }
        replay_destroy(&r);
        char *at = octets_of(f);
        replay_head *head = (replay_head *)at;
        head->boot_ms -= 3600000; /* as after a power failure: nothing is believed */
        for (unsigned n = 0; n < 3000; n++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            at[sizeof(*head) + x % (SIZE - sizeof(*head))] = (char)(x >> 40);
        }
        munmap(at, SIZE);
    }
    replay *r = open_it(f);
    assert_int_equal(remember(r, UINT64_C(1) << 60, NOW), REPLAY_NEW);
    assert_int_equal(remember(r, UINT64_C(1) << 60, NOW), REPLAY_IDENTICAL);
    replay_destroy(&r);
}

/* What is there is refused; but how much is not there, nobody knows. */
static void after_a_start_of_the_machine(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    fill(r, 0, COUNT);
    replay_destroy(&r);
    char *at = octets_of(f);
    ((replay_head *)at)->boot_ms -= 60000;
    munmap(at, SIZE);
    r = open_sized(f, SIZE, NOW + 5);
    assert_int_equal(replay_stats_get(r, NOW + 5).reach_ms, 0);
    assert_int_equal(replay_stats_get(r, NOW + 1005).reach_ms, 1000);
    expect_all(r, 0, COUNT);
    replay_destroy(&r);
    r = open_sized(f, SIZE, NOW + 1005); /* said once: this start knows what the last one did */
    assert_int_equal(replay_stats_get(r, NOW + 1005).reach_ms, 1000);
    replay_destroy(&r);
}

/* The clock of a machine begins anew; nobody knows for how long it was off. */
static void a_start_of_the_machine_makes_nothing_good_again(void **state)
{
    fixture *f = *state;
    static const int64_t later_ms[] = {60000, 0}; /* 0: it always begins with the same time */
    for (size_t n = 0; n < 2; n++) {
        replay *r = open_it(f);
        fill(r, 0, COUNT);
        replay_destroy(&r);
        char *at = octets_of(f);
        ((replay_head *)at)->boot_ms += later_ms[n];
        munmap(at, SIZE);
        const int64_t anew = 5000;
        r = open_sized(f, SIZE, anew);
        assert_int_equal(replay_stats_get(r, anew).reach_ms, 0);
        for (uint64_t i = 0; i < COUNT; i++) {
            assert_int_equal(remember(r, i, anew + WINDOW), REPLAY_IDENTICAL);
        }
        assert_int_equal(replay_stats_get(r, anew + WINDOW).reach_ms, WINDOW);
        for (uint64_t i = 0; i < COUNT; i++) {
            assert_int_equal(remember(r, i, anew + WINDOW + 1), REPLAY_NEW);
        }
        replay_destroy(&r);
        unlink(f->path);
    }
}

/* ---- who joins others ---- */

static replay *join_with(const fixture *f, int64_t window_ms, unsigned quota)
{
    char error[256] = "";
    const replay_options options = {window_ms, SIZE, quota, REPLAY_REFUSE};
    replay *r = replay_open(&options, f->path, NOW, error, sizeof(error));
    assert_non_null(r);
    return r;
}

/* A program with a shorter window comes and goes. */
static void all_remember_for_as_long_as_one_of_them_wants(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    fill(r, 0, 100);
    replay *shorter = join_with(f, 1000, 1);
    assert_int_equal(replay_stats_get(shorter, NOW).window_ms, WINDOW);
    fill(shorter, 100, COUNT); /* with no quota of its own */
    replay_destroy(&shorter);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(remember(r, i, NOW + WINDOW), REPLAY_IDENTICAL);
    }
    replay *longer = join_with(f, 2 * WINDOW, 1);
    assert_int_equal(replay_stats_get(r, NOW).window_ms, 2 * WINDOW);
    replay_destroy(&longer);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(remember(r, i, NOW + 2 * WINDOW), REPLAY_IDENTICAL);
    }
    replay_destroy(&r);
}

/* ---- files that are none ---- */

static void refuse(const fixture *f, const char *why)
{
    char error[256] = "";
    const replay_options options = {WINDOW, SIZE, 100, REPLAY_FORGET};
    assert_null(replay_open(&options, f->path, NOW, error, sizeof(error)));
    if (strstr(error, why) == NULL) {
        fail_msg("%s, and not %s", error, why);
    }
}

static void what_is_no_memory_stays_as_it_is(void **state)
{
    fixture *f = *state;
    const char text[] =
        "somebody's notes, which are longer than the head of a memory would be, and so on";
    scratch_write(f->path, text);
    refuse(f, "something else than a replay memory");
    char error[256] = "";
    assert_false(replay_check(f->path, error, sizeof(error)));
    assert_non_null(strstr(error, "something else"));
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_size, sizeof(text) - 1);
    scratch_write(f->path, "short");
    refuse(f, "something else than a replay memory");
}

static void who_may_not_see_it(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    replay_destroy(&r);
    char error[256] = "";
    assert_true(replay_check(f->path, error, sizeof(error)));
    chmod(f->path, 0640);
    refuse(f, "open to others (mode 0640)");
    assert_false(replay_check(f->path, error, sizeof(error)));
    unlink(f->path);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    refuse(f, "no regular file");
    assert_false(replay_check(f->path, error, sizeof(error)));
    unlink(f->path);
    assert_int_equal(symlink("/dev/null", f->path), 0);
    refuse(f, "cannot be opened");
    unlink(f->path);
    assert_true(replay_check(f->path, error, sizeof(error)));
    assert_int_not_equal(access(f->path, F_OK), 0); /* nothing was made */
    char missing[200];
    snprintf(missing, sizeof(missing), "%s/missing/once", f->folder);
    assert_false(replay_check(missing, error, sizeof(error)));
}

static void another_layout(void **state)
{
    fixture *f = *state;
    replay *r = open_it(f);
    fill(r, 0, 10);
    char *at = octets_of(f);
    ((replay_head *)at)->layout++;
    refuse(f, "another process uses it, with another layout");
    replay_destroy(&r);
    r = open_it(f); /* nobody has it any more: it begins anew */
    fill(r, 0, 10);
    replay_destroy(&r);
    munmap(at, SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_outlives_the_process),
        TEST(two_at_once_are_one_memory),
        TEST(one_is_given_to_another),
        TEST(what_is_given_may_be_none),
        TEST(it_grows),
        TEST(it_shrinks_to_the_newest),
        TEST(its_size_stays_while_somebody_has_it),
        TEST(nothing_is_lost_with_a_killed_process),
        TEST(nothing_of_what_is_shared_is_lost_either),
        TEST(a_change_that_did_not_end_is_mended),
        TEST(rubbish_is_survived),
        TEST(after_a_start_of_the_machine),
        TEST(a_start_of_the_machine_makes_nothing_good_again),
        TEST(all_remember_for_as_long_as_one_of_them_wants),
        TEST(what_is_no_memory_stays_as_it_is),
        TEST(who_may_not_see_it),
        TEST(another_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
