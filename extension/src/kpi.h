/*
 * kpi.h: figures, kept up from the sealed journal.
 */
#ifndef ONEFIN_KPI_H
#define ONEFIN_KPI_H

#include "postgres.h"

/* For the sealer: takes what is due into the figures, in a transaction of its own; less often while
 * entries come fast. sealed: entries in all, so far. Milliseconds until it wants to be called again,
 * at most as many as given. */
extern long of_kpi_step(uint64 sealed, MemoryContext scratch, long most);

#endif
