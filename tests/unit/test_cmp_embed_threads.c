/* SPDX-License-Identifier: Apache-2.0 */
/* libcmp-embed with many threads, and with several processes: each signed request is accepted once,
 * whoever asks, and while keys are exchanged. */
#include "embed_rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, REQUESTS = 400, CHILDREN = 4 };

static char queries[REQUESTS][512];

static void sign_all(cmp_embed *e)
{
    cmp_embed_worker *w = embed_attach(e);
    for (size_t i = 0; i < REQUESTS; i++) {
        char tid[32];
        snprintf(tid, sizeof(tid), "tid-%zu", i);
        assert_true(embed_query(w, tid, "A-1", "", queries[i], sizeof(queries[i])));
    }
    cmp_embed_detach(&w);
}

typedef struct crowd {
    cmp_embed *embed;
    atomic_uint accepted, replayed, ended;
} crowd;

/* Everybody tries everything: one of them is the first. */
static void *try_all(void *arg)
{
    crowd *c = arg;
    cmp_embed_error error;
    cmp_embed_worker *w = cmp_embed_attach(c->embed, &error);
    for (size_t i = 0; w != NULL && i < REQUESTS; i++) {
        cmp_embed_answer a;
        const int status = embed_verify(w, queries[i], &a);
        c->accepted += status == 200;
        c->replayed += status == 409;
        cmp_embed_done(&a, 200);
    }
    cmp_embed_detach(&w);
    c->ended++;
    return NULL;
}

static void eight_threads_accept_each_request_once(void **state)
{
    (void)state;
    crowd c = {.embed = embed_open_hmac(0, NULL)};
    embed_add_keys(c.embed, "k", false);
    sign_all(c.embed);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, try_all, &c), 0);
    }
    /* The key stays; others come and go beside it. */
    for (unsigned i = 0; c.ended < THREADS; i++) {
        cmp_embed_error error;
        const cmp_key other = embed_key_for(CMP_KEY_ISSUED, i % 2 == 0 ? "even" : "odd");
        assert_true(cmp_embed_key(c.embed, &other, &error));
        cmp_embed_control_turn(c.embed, 1);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(c.accepted, REQUESTS);
    assert_int_equal(c.replayed, REQUESTS * (THREADS - 1));
    cmp_embed_close(&c.embed);
}

/* How many of all it accepts, as its exit status: the parent adds them up. */
static int child(cmp_embed_replay *replay)
{
    cmp_embed *e = embed_open_hmac(0, replay);
    embed_add_keys(e, "k", false);
    cmp_embed_worker *w = embed_attach(e);
    int accepted = 0;
    for (size_t i = 0; i < 100; i++) {
        cmp_embed_answer a;
        accepted += embed_verify(w, queries[i], &a) == 200;
    }
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
    return accepted;
}

static void forked_processes_remember_as_one(void **state)
{
    (void)state;
    cmp_embed_error error;
    cmp_embed_replay *replay =
        cmp_embed_replay_open(&(cmp_embed_replay_options){.size = sizeof(cmp_embed_replay_options),
                                                          .size_bytes = 1 << 20},
                              &error);
    assert_non_null(replay);
    cmp_embed *e = embed_open_hmac(0, replay);
    embed_add_keys(e, "k", false);
    sign_all(e);
    cmp_embed_close(&e);
    pid_t children[CHILDREN];
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(child(replay));
        }
    }
    int accepted = 0;
    for (size_t i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        accepted += WEXITSTATUS(status);
    }
    assert_int_equal(accepted, 100);
    assert_true(cmp_embed_replay_reach_ms(replay) > 0);
    cmp_embed_replay_close(&replay);
}

static void a_file_outlives_the_process(void **state)
{
    (void)state;
    char path[] = "/tmp/cmpd-once-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const cmp_embed_replay_options options = {.size = sizeof(options),
                                              .size_bytes = 1 << 20,
                                              .file = path};
    for (int expected = 100; expected >= 0; expected -= 100) {
        cmp_embed_error error;
        cmp_embed_replay *replay = cmp_embed_replay_open(&options, &error);
        if (replay == NULL) {
            fail_msg("%s", error.text);
        }
        assert_int_equal(child(replay), expected);
        cmp_embed_replay_close(&replay);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_threads_accept_each_request_once),
        cmocka_unit_test(forked_processes_remember_as_one),
        cmocka_unit_test(a_file_outlives_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
