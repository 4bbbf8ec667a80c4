/*
 * firm.h - a gateway within a fuzz target: its own event loop and store, on a port of the loopback
 * interface, and a database that is played.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lws;

/* Starts it, on first use. */
void firm_open(void);

/* From now on calls are answered as by a firm that allows everything; or as when it is away. */
void firm_answers(bool there);

/* A new connection to the gateway, of a client that does not wait. */
int firm_connect(void);

/* Sends what the socket takes, and has the gateway work; what it says is thrown away. False when
 * the gateway has hung up. */
bool firm_send(int socket, const void *bytes, size_t size);

/* Has the gateway do what is to be done just now. */
void firm_turn(void);

/* Ends the client, and waits until the gateway has forgotten it. */
void firm_disconnect(int socket);

/* A WebSocket, after the handshake. */
int firm_websocket(void);

/* The connection of a WebSocket that is there; NULL when there is none. */
struct lws *firm_wsi(void);
