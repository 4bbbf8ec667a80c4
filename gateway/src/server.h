/* server.h - the listening socket and libwebsockets on the event loop. */
#pragma once

#include <stdbool.h>

/* Listens as configured. Says why and returns false when it cannot. */
bool server_start(void);

/* Cuts what is still connected and ends libwebsockets; the loop must not run again. */
void server_stop(void);
