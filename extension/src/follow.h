/*
 * follow.h: the position in the order of the system.
 */
#ifndef ONEFIN_FOLLOW_H
#define ONEFIN_FOLLOW_H

#include "postgres.h"

extern int64 of_position(void);

#endif
