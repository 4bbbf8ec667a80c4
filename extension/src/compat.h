/*
 * compat.h: what differs between the PostgreSQL versions that onefin supports, in one place.
 */
#ifndef ONEFIN_COMPAT_H
#define ONEFIN_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "onefin needs PostgreSQL 15 or newer"
#endif

#endif
