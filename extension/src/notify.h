/*
 * notify.h: telling listeners, where the notification queue has room.
 */
#ifndef ONEFIN_NOTIFY_H
#define ONEFIN_NOTIFY_H

#include "postgres.h"

extern bool of_notify(const char *channel, const char *payload);

#endif
