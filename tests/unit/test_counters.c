/* Counters: summed over threads, the same id for the same name. */
#include "observe/counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { THREADS = 4, ADDS = 10000 };

static void *adder_main(void *arg)
{
    for (int i = 0; i < ADDS; i++) {
        counter_add(*(unsigned *)arg, 1);
    }
    return NULL;
}

static void threads_are_summed(void **state)
{
    (void)state;
    unsigned id = counter_register("codes", "lookups", "Look-ups");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, adder_main, &id);
    }
    (void)counter_read(id); /* reading while others count */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(counter_read(id), THREADS * ADDS);
}

static void the_same_name_is_the_same_counter(void **state)
{
    (void)state;
    const unsigned a = counter_register("x", "hits", "Hits");
    assert_int_equal(counter_register("x", "hits", "Hits"), a);
    assert_int_not_equal(counter_register("y", "hits", "Hits"), a);
    assert_int_not_equal(counter_register("x", "misses", "Misses"), a);
}

static void on_counter(const char *owner, const char *name, const char *help, uint64_t value,
                       void *arg)
{
    assert_true(strlen(help) > 0);
    if (strcmp(owner, "shown") == 0 && strcmp(name, "value") == 0) {
        *(uint64_t *)arg = value;
    }
}

static void all_are_shown(void **state)
{
    (void)state;
    uint64_t value = 0;
    counter_add(counter_register("shown", "value", "A value"), 42);
    counters_each(on_counter, &value);
    assert_int_equal(value, 42);
}

static void too_many_share_the_last(void **state)
{
    (void)state;
    unsigned id = 0;
    for (int i = 0; i < COUNTERS_MAX + 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        id = counter_register("many", name, "One of many");
        counter_add(id, 1);
    }
    assert_int_equal(id, COUNTERS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_summed),
        cmocka_unit_test(the_same_name_is_the_same_counter),
        cmocka_unit_test(all_are_shown),
        cmocka_unit_test(too_many_share_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
