/*
 * seal.h: the launcher and the sealers, background workers.
 */
#ifndef ONEFIN_SEAL_H
#define ONEFIN_SEAL_H

#include "postgres.h"

/* Registers the launcher; called by _PG_init while the server starts. */
extern void of_launcher_register(void);

/* Entry points of the workers, found by name in the library. */
extern PGDLLEXPORT void onefin_launcher_main(Datum arg);
extern PGDLLEXPORT void onefin_sealer_main(Datum database);

/* onefin.anchor_interval: seconds between lines of the log with the newest hash; 0: none. */
extern int of_anchor_interval;

/* What both workers do between their turns: waits for the latch, at most so many milliseconds. */
extern void of_worker_wait(long milliseconds);

/* Seals what is new, in a transaction of its own. False when the extension is not there (any more).
 */
extern bool of_seal_batch(void);

#endif
