/*
 * store_key.h: keys of the store that belong to no document, yet or any more.
 */
#ifndef ONEFIN_STORE_KEY_H
#define ONEFIN_STORE_KEY_H

#include "postgres.h"

/* A text: a fresh key for bytes of this document (or reserved document id), reserved for as long
 * as an upload may take. It cannot be guessed from the id. */
extern Datum of_key_reserve(int64 document);

/* The key now belongs to something on record. False when its time is over: a gateway may be about
 * to remove its bytes. */
extern bool of_key_record(Datum key);

#endif
