/*
 * seal.h: the launcher and the sealers, background workers.
 */
#ifndef ONEFIN_SEAL_H
#define ONEFIN_SEAL_H

#include "postgres.h"

/*
 * Entries that a snapshot did not see, $1, with ids above $2: what a seal of that snapshot leaves
 * to the next. OFFSET 0: id is no way to find them; a look by it would read the whole journal.
 */
#define OF_UNSEALED                                                                                \
    "(SELECT * FROM onefin.journal WHERE xact >= pg_snapshot_xmax($1)"                             \
    " UNION ALL SELECT * FROM onefin.journal WHERE xact = ANY (ARRAY(SELECT pg_snapshot_xip($1)))" \
    " OFFSET 0) j WHERE j.id > $2"

/* Registers the launcher; called by _PG_init while the server starts. */
extern void of_launcher_register(void);

/* Entry points of the workers, found by name in the library. */
extern PGDLLEXPORT void onefin_launcher_main(Datum arg);
extern PGDLLEXPORT void onefin_sealer_main(Datum database);

/* onefin.anchor_interval: seconds between lines of the log with the newest hash; 0: none. */
extern int of_anchor_interval;

/* Microseconds of a clock that nobody sets. */
extern int64 of_now_us(void);

/* What both workers do between their turns: waits for the latch, at most so many milliseconds. */
extern void of_worker_wait(long milliseconds);

/* Does something in a transaction of its own, unless the extension is gone. Sealing does not depend
 * on it: what goes wrong is told. False then. */
extern bool of_worker_try(void (*work)(void), MemoryContext scratch);

/* Holds off DROP EXTENSION until the transaction's end. False when the extension is not there. */
extern bool of_hold_extension(void);

/* Seals what is new, in a transaction of its own, and tells how many entries. False when the
 * extension is not there (any more). */
extern bool of_seal_batch(uint64 *sealed);

#endif
