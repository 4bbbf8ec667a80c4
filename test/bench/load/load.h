/*
 * load.h - the load generator of the figures: thousands of clients in one thread.
 *
 * Three layers that do not know each other's insides: loop.c has sockets and time; ws.c, onefin.c,
 * mqtt.c, socketio.c and http.c have what is said over them; rate.c, record.c, idle.c, call.c and
 * back.c are the jobs, which count, check and time. publish.c hands messages to whichever server it
 * is.
 *
 * It is told what to do by its options and by lines on standard input, and answers each with a line
 * of JSON on standard output. What should not be (a message lost, doubled or out of order, a
 * connection that is closed) ends it, with the reason on standard error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Bytes that are kept for later; owned. */
struct buffer {
    char *bytes;
    size_t size;
};

/* Anything that epoll watches. */
struct source {
    int fd;
    uint32_t events; /* that are watched */
    void (*ready)(struct source *source, uint32_t events);
};

enum state { GONE, CONNECTING, SHAKING, ENTERING, LIVE };

struct client {
    struct source source;
    const struct protocol *protocol;
    enum state state;
    uint32_t number;
    bool publishes;       /* it is the publisher's, and no subscriber */
    struct buffer input;  /* the beginning of what has not come whole */
    struct buffer output; /* what the socket did not take */

    /* The jobs'. */
    uint32_t got;      /* the number of the newest message */
    bool waits;        /* for the answer to a call */
    int64_t seal;      /* its cursor */
    unsigned failures; /* to connect, in a row */
    double again;      /* when to connect next */
};

struct protocol {
    const char *name;
    void (*opened)(struct client *client);
    /* Takes what has come whole; how many bytes that was. The bytes may be changed. */
    size_t (*received)(struct client *client, char *bytes, size_t size);
    void (*publish)(struct client *client, const char *text, size_t size);
};

/* What a job does when something happens; NULL where it does not care. */
struct job {
    const char *name;
    void (*text)(struct client *client, const char *text, size_t size); /* what it was sent */
    void (*gone)(struct client *client);                                /* NULL: it must not be */
    bool publishes;
    void (*tick)(void); /* every 5 ms or oftener */
    void (*command)(const char *line);
};

struct options {
    const char *protocol, *job, *host, *path, *token, *database, *topic, *frames, *keep, *mark;
    const char *publish; /* a path to publish at by HTTP */
    unsigned port, clients, first;
};
extern struct options options;
extern const struct job *job;
extern struct client *clients;

extern const struct protocol onefin, websocket, mqtt, socketio, http;
extern const struct job rate, record, idle, call, back;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *allocate(size_t size);
void buffer_keep(struct buffer *buffer, const char *bytes, size_t size); /* in place of what was */
void buffer_add(struct buffer *buffer, const char *bytes, size_t size);
void buffer_clear(struct buffer *buffer);

/* loop.c */
double now(void); /* seconds of CLOCK_REALTIME, which is PostgreSQL's, too */
double own_cpu(void);
void loop_watch(struct source *source, uint32_t events);
void loop_run(void);
void connect_client(struct client *client, unsigned port);
void send_bytes(struct client *client, const char *bytes, size_t size);
void lose_client(struct client *client,
                 const char *why); /* closes it, which the job may not like */

/* crowd.c: connecting the clients, some at a time. */
void crowd_start(const struct protocol *protocol);
void crowd_go_on(void);
void become_live(struct client *client);
bool crowd_is_told(void); /* all have been there at the same time */

/* ws.c */
void ws_open(struct client *client, const char *path, const char *subprotocol);
size_t ws_received(struct client *client, char *bytes, size_t size,
                   void (*opened)(struct client *client),
                   void (*text)(struct client *client, const char *text, size_t size));
void ws_send(struct client *client, const char *text, size_t size);

/* lines.c */
void lines_read(void);
unsigned lines_count(void);
const char *lines_get(unsigned number); /* from 0 */

/* publish.c: message `number`, counted from 1. Several may be under way. */
void publish_start(const struct protocol *protocol);
bool publish_is_ready(void);
void publish(unsigned number);

/* The number that a text has behind the mark; 0 when it has none. */
unsigned number_of(const char *text, size_t size);
