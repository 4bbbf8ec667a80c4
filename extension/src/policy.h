/*
 * policy.h: how long a client may wait.
 */
#ifndef ONEFIN_POLICY_H
#define ONEFIN_POLICY_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef enum OfWaitKind { OF_WAIT_FIRST, OF_WAIT_NEXT, OF_WAIT_RESOLUTION, OF_WAIT_KINDS } OfWaitKind;

/* A row of onefin.policy. */
typedef struct OfPolicy {
    int64 id;  /* 0: no policy */
    int64 org; /* 0: all companies */
    int16 kind; /* of topics; 0: all */
    TimestampTz from;
    int64 targets[OF_WAIT_KINDS]; /* microseconds of business time; 0: none */
    double warn_share;
} OfPolicy;

extern OfPolicy of_policy_for(int64 org, int16 kind, TimestampTz at);

#endif
