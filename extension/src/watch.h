/*
 * watch.h: watching unseen.
 */
#ifndef ONEFIN_WATCH_H
#define ONEFIN_WATCH_H

#include "postgres.h"

extern void of_watches_end(int64 account, int64 session);
extern void of_watches_end_lost(void);

#endif
