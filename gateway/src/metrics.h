/*
 * metrics.h - what the gateway counts, for GET /metrics in Prometheus' text format.
 *
 * Each is a plain number that its module changes in place; the whole process is one thread here.
 */
#pragma once

#include <stdint.h>

/* clang-format off */
/* type, name, what it is (with its unit) */
#define METRICS(each) \
    each(gauge, connections, "WebSocket connections open") \
    each(gauge, live, "WebSocket connections logged in") \
    each(gauge, http_connections, "HTTP connections with a request under way") \
    each(gauge, draining, "1 while the gateway stops and sends its clients elsewhere") \
    each(counter, messages_in, "WebSocket messages received") \
    each(counter, messages_out, "WebSocket messages sent") \
    each(counter, bytes_out, "Bytes of WebSocket messages sent") \
    each(counter, logins, "Logins that succeeded") \
    each(counter, resumes, "Connections that resumed: reconnects") \
    each(counter, resets, "Of them those that were too far back and had to load the state anew") \
    each(counter, too_slow, "Connections closed because their outbox was full") \
    each(gauge, outbox_frames, "Messages waiting in the outboxes of all connections") \
    each(gauge, outbox_bytes, "Bytes waiting in the outboxes of all connections") \
    each(gauge, outbox_deepest, "Messages waiting in the fullest outbox") \
    each(gauge, requests_waiting, "Requests read from clients and not taken up yet") \
    each(gauge, seal, "Newest seal whose events were all delivered") \
    each(gauge, stalled, "1 while events cannot be followed because the database is away") \
    each(counter, stalls, "Times that the following of events stalled") \
    each(counter, events, "Events read from the database") \
    each(counter, deliveries, "Events put into outboxes") \
    each(counter, audience_lookups, "Audiences asked of the database") \
    each(counter, calls, "Calls sent to the database") \
    each(counter, calls_failed, "Calls answered with unavailable or internal error") \
    each(counter, reads_merged, "Read marks that went with a later one of the same topic") \
    each(gauge, calls_waiting, "Calls waiting for a free database connection") \
    each(gauge, logins_waiting, "Of them logins and new passwords") \
    each(counter, database_connects, "Connections made to the database") \
    each(counter, uploads, "Files stored") \
    each(counter, upload_bytes, "Bytes received in uploads") \
    each(counter, downloads, "Files sent whole") \
    each(counter, download_bytes, "Bytes sent in downloads") \
    each(counter, store_requests, "Requests to the S3 store") \
    each(counter, store_retries, "Of them those made again after a failure") \
    each(counter, store_failures, "Requests to the S3 store that were given up") \
    each(gauge, store_memory, "Bytes of uploads that wait for the S3 store") \
    each(counter, exports, "Exports sent whole") \
    each(gauge, jobs_running, "Jobs under way") \
    each(gauge, present, "Accounts that are there, at whatever gateway") \
    each(gauge, watches, "Connections through which somebody watches unseen") \
    each(gauge, worker_tasks, "Documents that the worker is at") \
    each(gauge, worker_waiting, "Documents that wait for the worker") \
    each(counter, worker_restarts, "Times that the worker was started again")

/* name, label: what was refused or closed, and why */
#define REFUSALS(each) \
    each(REFUSED_HANDSHAKE, "handshake") \
    each(REFUSED_ORIGIN, "origin") \
    each(REFUSED_FULL, "full") \
    each(REFUSED_DRAINING, "draining") \
    each(REFUSED_ADDRESS, "address") \
    each(REFUSED_ACCOUNT, "account") \
    each(REFUSED_CALLS, "calls") \
    each(REFUSED_LOGINS, "logins") \
    each(REFUSED_LOGIN_TIMEOUT, "login_timeout") \
    each(REFUSED_TOO_LARGE, "too_large") \
    each(REFUSED_MALFORMED, "malformed") \
    each(REFUSED_SILENT, "silent")

/* name, label: kinds of jobs */
#define JOBS(each) \
    each(JOB_STAMP, "stamp") \
    each(JOB_PREVIEW, "preview") \
    each(JOB_LOGO, "logo") \
    each(JOB_MAIL, "mail") \
    each(JOB_WEBHOOK, "webhook")

/* name, label: what became of one. Failed ones are tried again, those given up are not; refused is
 * one that another gateway had by then. */
#define JOB_OUTCOMES(each) \
    each(JOB_DONE, "done") \
    each(JOB_FAILED, "failed") \
    each(JOB_GIVEN_UP, "given_up") \
    each(JOB_REFUSED, "refused")

/* name, label: what became of a task of the worker, as its answer's reason says */
#define OUTCOMES(each) \
    each(OUTCOME_OK, "ok") \
    each(OUTCOME_ENCRYPTED, "encrypted") \
    each(OUTCOME_BROKEN, "broken") \
    each(OUTCOME_TOO_LARGE, "too_large") \
    each(OUTCOME_NO_PAGES, "no_pages") \
    each(OUTCOME_UNSUPPORTED, "unsupported") \
    each(OUTCOME_OFFICE_OFF, "office_off") \
    each(OUTCOME_TIME, "time") \
    each(OUTCOME_DIED, "died")

/* name, what it is */
#define HISTOGRAMS(each) \
    each(call_seconds, "Seconds from the taking up of a call to its answer") \
    each(login_seconds, "Seconds from the taking up of a login or new password to its answer") \
    each(delivery_seconds, "Seconds from the time of an event's entry to its delivery to outboxes") \
    each(worker_task_seconds, "Seconds that the worker had a document")
/* clang-format on */

enum refusal {
#define REFUSAL_NAME(name, label) name,
    REFUSALS(REFUSAL_NAME)
#undef REFUSAL_NAME
        REFUSAL_COUNT
};

enum job_kind_name {
#define JOB_NAME(name, label) name,
    JOBS(JOB_NAME) JOB_KINDS
};

enum job_outcome {
    JOB_OUTCOMES(JOB_NAME) JOB_OUTCOME_COUNT
#undef JOB_NAME
};

enum outcome {
#define OUTCOME_NAME(name, label) name,
    OUTCOMES(OUTCOME_NAME)
#undef OUTCOME_NAME
        OUTCOME_COUNT
};

#define HISTOGRAM_BUCKETS 13 /* metrics.c has their bounds */

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* each value in the first that it is not above */
    uint64_t count;
    double sum;
};

struct metrics {
#define METRICS_FIELD(type, name, help) uint64_t name;
    METRICS(METRICS_FIELD)
#undef METRICS_FIELD
#define METRICS_HISTOGRAM(name, help) struct histogram name;
    HISTOGRAMS(METRICS_HISTOGRAM)
#undef METRICS_HISTOGRAM
    uint64_t refused[REFUSAL_COUNT];
    uint64_t jobs[JOB_KINDS][JOB_OUTCOME_COUNT];
    uint64_t outcomes[OUTCOME_COUNT];
    double seal_lag; /* seconds */
};

extern struct metrics metrics;

/* Adds a value, in seconds. */
void metrics_observe(struct histogram *histogram, double value);

/* All of them as text, for the caller to free. */
char *metrics_text(void);
