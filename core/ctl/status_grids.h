/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of `cmpctl status`. */
#pragma once

#include "ctl/figures.h"
#include "ctl/grid.h"

/* Each makes one, with what matters most first; the caller's. */
grid *status_grid_transactions(const figures *f);
grid *status_grid_peers(const figures *f);
grid *status_grid_plugins(const figures *f);
grid *status_grid_errors(const figures *f);
grid *status_grid_listeners(const figures *f);
grid *status_grid_ends(const figures *f);
