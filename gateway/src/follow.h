/*
 * follow.h - the events of the database, in their order, to whoever may see them.
 */
#pragma once

#include "event.h"

#include <stdbool.h>
#include <stdint.h>

void follow_start(void);

/* The newest event, held for the caller; NULL while the position in the order is not known yet,
 * when nobody can be let in. */
struct event *follow_newest(void);

/* The newest seal whose events were all delivered. */
int64_t follow_seal(void);

/* True while the database is away, or what it has is not caught up with yet. */
bool follow_is_stalled(void);

void follow_stop(void);
