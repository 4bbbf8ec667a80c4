/*
 * audience.h: who is told of a company's events.
 */
#ifndef ONEFIN_AUDIENCE_H
#define ONEFIN_AUDIENCE_H

#include "postgres.h"

#include "utils/jsonb.h"

extern void of_access_note(int64 entry, const char *kind, Jsonb *detail);

#endif
