/*
 * jobs.h - work that the database wants done: stamps, previews, logos, mails, webhooks.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

void jobs_start(void);

/* An event of this kind was seen: there may be something to do. */
void jobs_hear(const char *kind);

/* Are there any under way? */
bool jobs_any(void);

/* Lets go of all: their leases end, and another gateway takes them. Before the store and the
 * database are stopped. */
void jobs_stop(void);

/* What follows is for those that do the work. */

struct job;

/* A kind of job. A run is what its doer keeps of one, and ends by one of the two calls below; then
 * `end` is called once, or when the gateway stops before that. */
struct job_kind {
    const char *name;
    bool is_notice; /* a mail or webhook: nothing for the worker */
    void *(*begin)(struct job *job, const json_t *order); /* the order lasts as long as the run */

    /* Frees the run, ending what is under way. refused: what was stored for it is nobody's. */
    void (*end)(void *run, bool refused);
};

extern const struct job_kind stamp_job, preview_job, logo_job, mail_job, webhook_job;

/* It is done; takes over the result. */
void job_succeed(struct job *job, json_t *result);

/* It went wrong; final: it would go wrong again. The message is English, and shown. */
void job_fail(struct job *job, const char *reason, const char *message, bool final);
