/*
 * watch.h - connections through which somebody watches unseen.
 */
#pragma once

struct session;

/* The name of the connection in the record of watches, a UUID; made when first asked for. */
const char *watch_name(struct session *session);

/* The connection goes: so do its watches. Harmless when it has none. */
void watch_end(struct session *session);

/* Each second: tells the database now and then which of these connections are there. */
void watch_keep(void);
