/*
 * shared.h: shared memory, by which writers wake the sealer of their database,
 * and by which is known who typed a moment ago.
 */
#ifndef ONEFIN_SHARED_H
#define ONEFIN_SHARED_H

#include "postgres.h"

#include "sha256.h"
#include "storage/latch.h"

/* Databases of a cluster that can have a sealer at a time. */
#define OF_MAX_DATABASES 64

/* What the launcher knows of a database's sealer. */
typedef enum OfSealerState {
    OF_SEALER_NONE,    /* not started since the server started, or it ended: start it */
    OF_SEALER_STARTED, /* registered or running */
    OF_SEALER_ABSENT   /* it found no extension: start it when somebody wakes it */
} OfSealerState;

typedef enum OfWish { OF_WISH_NONE, OF_WISH_NOW, OF_WISH_LATER } OfWish;

extern void of_shared_init(void);
extern bool of_shared_ready(void);

/* Whether it may be told now that the account types; counts as told. */
extern bool of_may_type(int64 account);

extern void of_wake_sealer_at_commit(void);
extern void of_wake_sealer_here(void);

/* For the sealer. */
extern void of_sealer_attach(Oid database);
extern bool of_sealer_take_wakeup(void);
extern void of_sealer_detach(OfSealerState state);

/* The newest seal that this server has written for this database. The extension tells a new record
 * from that of one that was dropped. */
typedef struct OfLastSeal {
    Oid extension;
    int64 number; /* 0: none */
    OfHash hash;
} OfLastSeal;

extern void of_note_seal(const OfLastSeal *last);
extern OfLastSeal of_last_seal(void);
extern OfLastSeal of_last_seal_of_sealer(void); /* for the sealer, without a transaction */

/* For the launcher. */
extern void of_launcher_attach(void);
extern OfWish of_sealer_wish(Oid database);
extern void of_sealer_forget(Oid database);
extern void of_sealers_keep(const Oid *databases, int n);

/* For DROP DATABASE and the like: ends a database's sealer, and waits until it is gone. */
extern void of_sealer_stop(Oid database);

#endif
