/*
 * import.h - the parts of onefin-import: it plays the lines of a support desk into a firm through
 * the gateway, as any client would.
 *
 *   import_input.c  file -> lines, clients and members (the history)
 *   import_link.c   one WebSocket of one login: asks until it is answered
 *   import_firm.c   makes what the history needs and the firm lacks, by an admin's calls
 *   import_play.c   sends each line as its author, in order per client
 *   import_report.c progress on a terminal, and what was done
 *   import.c        options and passwords, then the run
 *
 * One thread, libwebsockets' own loop. A history and everything in it lives until the process
 * ends. A fault is a JSON-RPC error object, whether it came from the gateway or was found here.
 */
#ifndef ONEFIN_IMPORT_H
#define ONEFIN_IMPORT_H

#include <jansson.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define FAULT_PARSE    (-32700)
#define FAULT_PARAMS   (-32602)
#define FAULT_LOGIN    (-32001)
#define FAULT_CONFLICT (-32005)
#define FAULT_LIMIT    (-32006)
#define FAULT_AWAY     (-32007)

#define KEY_SIZE 37 /* a uuid as text, and its end */

/* Takes what an allocation returned; there is no going on without memory. */
static inline void *must(void *memory) {
    if (!memory) {
        fputs("onefin-import: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* ---- links ---- */

struct link;

/* Where the gateway is. A failure, once set, is final: the gateway was never there, or was away for
 * too long; no link will be answered after it. */
struct net {
    struct lws_context *context;
    const char *address; /* borrowed, as is path */
    const char *path;
    int port;
    bool tls;
    lws_usec_t heard; /* when a link last heard anything, 0: never */
    char failure[256];
};

/* An answer is a result or a fault, the other is NULL; both are borrowed. */
typedef void answer_fn(void *owner, json_t *result, json_t *fault);

extern const struct lws_protocols import_protocols[]; /* for the net's context */

/* Opens nothing yet: a link connects when it is first asked. Login and password are borrowed. */
struct link *link_new(struct net *net, const char *login, const char *password);

/* Asks (params are taken over), and answers from the loop, never from within, exactly once; lost
 * connections, restarts and an absent database are ridden out by asking again. So every call made
 * through a link must be safe to repeat. One call at a time. */
void link_ask(struct link *link, const char *method, json_t *params, answer_fn *answer,
              void *owner);

/* Asks and runs the loop until the answer. Returns the result, or NULL with *fault set (NULL when
 * the net failed); both belong to the caller. */
json_t *link_wait(struct link *link, const char *method, json_t *params, json_t **fault);

void link_free(struct link *link);

json_t *fault_new(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fault_code(const json_t *fault);

/* ---- history ---- */

enum outcome { LINE_LEFT, LINE_SENT, LINE_REPEATED, LINE_REFUSED };

struct line {
    unsigned number; /* in the file, from 1 */
    json_t *source;  /* NULL when it could not be read */
    const char *at;  /* these two within source */
    const char *text;
    char key[KEY_SIZE];
    double second; /* of `at`, since 1970 */
    struct client *client;
    struct member *author;
    enum outcome outcome;
    json_t *fault; /* of a refused line */
    STAILQ_ENTRY(line) next;
    STAILQ_ENTRY(line) next_of_client; /* while it waits to be played */
};

struct client {
    const char *name;
    json_int_t org;
    json_int_t topic;
    json_t *fault;                    /* why nothing can be sent to it, or NULL */
    STAILQ_HEAD(, line) lines;        /* due and not yet answered, in order */
    bool playing;                     /* it has its turn, or waits for one */
    STAILQ_ENTRY(client) next;        /* in the history */
    STAILQ_ENTRY(client) next_in_row; /* of those with something due, or of a speaker's */
};

struct member {
    const char *login;
    struct client *client; /* that it is a person of; NULL: staff */
    json_int_t account;
    bool accountant;           /* who sees what it is assigned to */
    json_t *fault;             /* why it cannot write, or NULL */
    struct link *link;         /* owned */
    STAILQ_HEAD(, client) row; /* whose next line it is to send; the first is under way */
    STAILQ_ENTRY(member) next;
};

/* A staff member and a client it writes to. */
struct pairing {
    struct member *member;
    struct client *client;
    STAILQ_ENTRY(pairing) next;
};

struct history {
    STAILQ_HEAD(, line) lines;
    STAILQ_HEAD(, client) clients;
    STAILQ_HEAD(, member) members;
    STAILQ_HEAD(, pairing) pairings;
    unsigned count;
    void *clients_by_name; /* tsearch(3) trees, by the name that each begins with */
    void *members_by_login;
    void *pairings_found;
    json_t *copies; /* content key -> how many lines had it so far */
};

/* Reads the whole file. A line that is no proper line becomes a refused one. False: the file itself
 * cannot be read (errno). */
bool history_read(struct history *history, FILE *file);

void line_refuse(struct line *line, json_t *fault);

/* ---- firm ---- */

struct firm_made {
    unsigned departments, orgs, accounts;
    unsigned assignments; /* that stand now, made before or not */
};

/* Finds or makes department, orgs, accounts and assignments. What the firm refuses becomes the
 * fault of the client or member concerned. Without a member password, accounts are made that cannot
 * log in. False: everything stops; *fault says why and is the caller's, NULL when the net failed.
 */
bool firm_prepare(struct link *admin, struct history *history, const char *department_name,
                  const char *topic_kind, const char *member_password, struct firm_made *made,
                  json_t **fault);

/* ---- play ---- */

struct play_options {
    unsigned parallel;     /* clients with a line under way */
    double rhythm;         /* 0: as fast as it goes */
    struct member *keeper; /* the admin that imports every line with its time, or NULL */
};

/* Runs the loop until every line has its outcome, or the net failed (the rest stays LINE_LEFT). */
void play_run(struct net *net, struct history *history, const struct play_options *options);

/* ---- report ---- */

/* One line of progress on standard error while the loop runs, when that is a terminal. */
void progress_begin(struct lws_context *context, const struct history *history);
void progress_end(void);

/* Prints the outcome of all lines. True when each is in the firm. */
bool report(const struct history *history, const struct firm_made *made, bool as_json);

#endif
