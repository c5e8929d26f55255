/* Asking one store for the transaction's ICI, through its cache when it has one. */
#pragma once

#include "pipeline/txn.h"

/* As ask_store (ask.h): the record is in t->ask.answer. PENDING, too, when another transaction of
 * this worker is asking the store for the same ICI already. */
cmp_store_verdict lookup_ask(cmp_txn *t, instance *store);

/* The transaction goes away: leaves the flight that it leads or waits for. */
void lookup_abandon(cmp_txn *t);
