/*
 * metrics.h - what the gateway counts, for GET /metrics in Prometheus' text format.
 *
 * Each is a plain number that its module changes in place; the whole process is one thread here.
 */
#pragma once

#include <stdint.h>

/* type, name, what it is (with its unit) */
#define METRICS(each)                                                                              \
    each(gauge, connections, "WebSocket connections open") each(gauge, live,                       \
                                                                "WebSocket connections logged in") \
        each(counter, messages_in, "WebSocket messages received") each(counter, messages_out,      \
                                                                       "WebSocket messages sent")  \
            each(counter, bytes_out, "Bytes of WebSocket messages sent")                           \
                each(counter, too_slow, "Connections closed because their outbox was full")        \
                    each(gauge, seal, "Newest seal whose events were all delivered") each(         \
                        gauge, stalled,                                                            \
                        "1 while events cannot be followed because the database is away")          \
                        each(counter, events, "Events read from the database")                     \
                            each(counter, deliveries, "Events put into outboxes") each(            \
                                counter, audience_lookups, "Audiences asked of the database")      \
                                each(counter, calls, "Calls sent to the database") each(           \
                                    counter, calls_failed,                                         \
                                    "Calls answered with unavailable or internal error")           \
                                    each(gauge, calls_waiting,                                     \
                                         "Calls waiting for a free database connection")           \
                                        each(counter, database_connects,                           \
                                             "Connections made to the database")                   \
                                            each(counter, uploads,                                 \
                                                 "Files stored") each(counter, upload_bytes,       \
                                                                      "Bytes received in uploads") \
                                                each(counter, downloads, "Files sent whole")       \
                                                    each(counter, download_bytes,                  \
                                                         "Bytes sent in downloads")                \
                                                        each(counter, exports,                     \
                                                             "Exports of the journal sent whole")

struct metrics {
#define METRICS_FIELD(type, name, help) uint64_t name;
    METRICS(METRICS_FIELD)
#undef METRICS_FIELD
};

extern struct metrics metrics;

/* All of them as text, for the caller to free. */
char *metrics_text(void);
