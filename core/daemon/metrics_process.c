/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_process.h. What the client libraries of Prometheus tell of a process stands here
 * under their names. */
#include "daemon/metrics_process.h"

#include "base/clock.h"
#include "daemon/process_use.h"

#include <sys/resource.h>

#ifndef CMPD_VERSION
#define CMPD_VERSION "development"
#endif

static void gauge(exposition *e, const char *name, const char *unit, const char *help, double value)
{
    exposition_family(e, METRIC_GAUGE, name, unit, help);
    exposition_number(e, value);
}

/* ---- what the kernel knows ---- */

static void expose_kernel(exposition *e, const daemon_state *d)
{
    struct rlimit files = {0, 0};
    getrlimit(RLIMIT_NOFILE, &files);
    gauge(e, "process_resident_memory_bytes", "bytes", "Memory of the process that is resident",
          process_resident_bytes());
    gauge(e, "process_virtual_memory_bytes", "bytes", "Memory of the process that has an address",
          process_virtual_bytes());
    gauge(e, "process_open_fds", NULL, "Descriptors that are open", process_descriptors());
    gauge(e, "process_max_fds", NULL, "Descriptors that may be", (double)files.rlim_cur);
    /* The same number, whatever becomes of the clock: another one is another process. */
    gauge(e, "process_start_time_seconds", "seconds", "When the process began, in Unix time",
          (double)d->began_at_ms / 1000);
    exposition_family(e, METRIC_COUNTER, "process_cpu_seconds", "seconds",
                      "Processor time of the process");
    exposition_number(e, process_cpu_seconds());
}

/* ---- the clock ---- */

static void expose_clock(exposition *e)
{
    const clock_state s = clock_look();
    if (!s.told) {
        return; /* no answer is neither: an alert would be blind, or cry wolf */
    }
    gauge(e, "cmpd_clock_kept", NULL, "Whether somebody keeps this machine's clock right", s.kept);
    gauge(e, "cmpd_clock_offset_seconds", "seconds",
          "By how much whoever keeps this machine's clock is still moving it", s.offset_s);
    gauge(e, "cmpd_clock_error_seconds", "seconds", "How wrong it is, as estimated", s.error_s);
    gauge(e, "cmpd_clock_error_max_seconds", "seconds", "How wrong it may be at most",
          s.max_error_s);
}

/* ---- how it serves ---- */

static void add_stuck(const watched_state *s, void *arg)
{
    *(bool *)arg |= s->stuck;
}

/* As /ready has it. */
static void expose_readiness(exposition *e, const daemon_state *d)
{
    const bool draining = d->asked_to_drain || d->stopping;
    bool stuck = false;
    if (d->process.watchdog != NULL) {
        watchdog_each(d->process.watchdog, add_stuck, &stuck);
    }
    gauge(e, "cmpd_ready", NULL,
          "Whether it is to be asked: it does not drain, and no thread is "
          "stuck",
          !draining && !stuck);
    gauge(e, "cmpd_draining", NULL, "Whether it drains", draining);
}

void metrics_expose_process(exposition *e, const daemon_state *d)
{
    const exposition_label version = {"version", CMPD_VERSION};
    exposition_family(e, METRIC_GAUGE, "cmpd_info", NULL, "Which cmpd this is");
    exposition_labels(e, &version, 1);
    exposition_count(e, 1);
    gauge(e, "cmpd_workers", NULL, "Worker threads", d->started);
    expose_readiness(e, d);
    gauge(e, "cmpd_configuration_timestamp_seconds", "seconds",
          "Since when the configuration is in force, in Unix time",
          (double)d->generation->in_force_at_ms / 1000);
    expose_clock(e);
    expose_kernel(e, d);
    gauge(e, "cmpd_memory_limit_bytes", "bytes",
          "Memory that the process may have: its control groups', or the machine's",
          process_memory_limit_bytes());
}
