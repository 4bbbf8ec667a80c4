/*
 * wait.h: clients wait for an answer.
 */
#ifndef ONEFIN_WAIT_H
#define ONEFIN_WAIT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "row.h"
#include "utils/jsonb.h"

/* What closing did to the waits of a round: ids, 0 where it did nothing. */
typedef struct OfWaitsClosed {
    int64 resolution; /* it ended */
    int64 unanswered; /* the wait for a response that it ended */
} OfWaitsClosed;

extern Jsonb *of_waits_heard(const OfRow *message, bool imported);
extern void of_waits_taken_back(const OfRow *message);
extern void of_waits_stop(int64 ticket, TimestampTz at);
extern void of_waits_go_on(int64 ticket, TimestampTz at);
extern OfWaitsClosed of_waits_close(int64 ticket, int64 accountable, int64 closer);
extern OfWaitsClosed of_waits_close_silent(int64 ticket, int64 accountable, TimestampTz last);

/* Warns of waits of which the target comes near, and tells those that missed it. */
extern void of_waits_due(void);

#endif
