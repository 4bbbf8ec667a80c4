/*
 * notify.c: telling listeners, where the notification queue has room.
 *
 * The queue is one for the whole cluster, and one listener that stays in a transaction keeps it
 * from being emptied. When it is full, a transaction with a notification fails at its commit. So
 * close to that nothing is told any more: seals are made all the same, and followers find them by
 * their own look; that somebody types is forgotten.
 */
#include "postgres.h"

#include "notify.h"

#include "commands/async.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

/* What is left from here on is for whoever looks after the queue to see that it moves again. */
#define ROOM_ENDS_AT 0.99

/* Tells when this transaction commits. False when the queue has no room. */
bool of_notify(const char *channel, const char *payload) {
    LOCAL_FCINFO(fcinfo, 0);

    InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
    if (DatumGetFloat8(pg_notification_queue_usage(fcinfo)) >= ROOM_ENDS_AT)
        return false;
    Async_Notify(channel, payload);
    return true;
}
