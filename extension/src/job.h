/*
 * job.h: work for the gateways.
 */
#ifndef ONEFIN_JOB_H
#define ONEFIN_JOB_H

#include "postgres.h"

/* Attempts after which a job is set aside. */
#define OF_JOB_ATTEMPTS 8

/* A document is to be stamped, or to have a preview. */
extern void of_job_order(const char *kind, int64 document, int64 org, int64 topic);

/* A message may stay unread: in a while those who are away are to be told. */
extern void of_notice_due(int64 org, int64 topic, int64 message);

/* Makes jobs of the notices that are due: one for each who is away and has not read. */
extern void of_notices_make(Datum present);

/* A job is set aside, and with it what it was for. */
extern void of_job_set_aside(int64 job, const char *reason, const char *message);

#endif
