/* SPDX-License-Identifier: Apache-2.0 */
/* What a comparison has found, and how it is told. */
#pragma once

#include "ctl/recon.h"
#include "ctl/tally.h"

#define RECON_EXAMPLES_MAX 1000

typedef struct recon_example {
    bool has[RECON_SIDES];
    uint64_t at[RECON_SIDES]; /* of the lines */
} recon_example;

typedef struct recon_result {
    recon_file *files; /* of both sides */
    uint64_t classes[RECON_CLASS_MAX];
    uint64_t transactions[RECON_SIDES]; /* asked by that side, retries folded */
    tally *sums;                        /* by day, asked_by, verdict, cc; see recon_cells */
    int64_t offset_ms, offset_low_ms, offset_high_ms; /* median, and 5 and 95 of a hundred */
    size_t offset_pairs;                              /* of which that is known */
    int64_t tolerance_ms;
    size_t examples_wanted;
    recon_example *examples[RECON_CLASS_MAX];
    size_t example_counts[RECON_CLASS_MAX];
    uint64_t temporary_bytes;
    double seconds;
} recon_result;

/* Sums of a row. */
enum {
    RECON_CELL_OURS,
    RECON_CELL_THEIRS,
    RECON_CELL_AGREED,
    RECON_CELL_DIFFERENCES,
    RECON_CELL_EXPLAINED, /* what is no difference, and yet not on both sides */
    RECON_CELLS
};

void recon_result_init(recon_result *r, recon_file *files);
void recon_result_dispose(recon_result *r);

/* Counts one result; it is a recon_visit's. One thread at a time. */
void recon_result_add(recon_result *r, recon_class c, const recon_entry *ours,
                      const recon_entry *theirs);

/* Adds what another thread has found. */
void recon_result_merge(recon_result *r, const recon_result *from);

uint64_t recon_result_differences(const recon_result *r);

/* For people and for programs. */
void recon_result_print(recon_result *r, FILE *to);
void recon_result_print_json(recon_result *r);

/* One result as a line of NDJSON: its class, and what both sides say. */
void recon_write_difference(const recon_result *r, recon_class c, const recon_example *e, FILE *to);

/* CSV by day, asked_by, peer, verdict, cc. */
void recon_write_settlement(recon_result *r, FILE *to);
