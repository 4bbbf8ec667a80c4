/*
 * ticket.h: the rounds of a topic.
 */
#ifndef ONEFIN_TICKET_H
#define ONEFIN_TICKET_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* The round of a topic that is not closed. */
typedef struct OfTicket {
    int64 id;         /* 0: there is none */
    int64 last_staff; /* who spoke last for the firm; 0: nobody yet */
    bool waiting;     /* for the client: the clocks stand */
} OfTicket;

extern void of_queue_up(int64 topic);
extern OfTicket of_ticket_find(int64 topic);
extern int64 of_ticket_open(int64 org, int64 topic, int64 account, TimestampTz at, const char *how);
extern void of_ticket_goes_on(int64 org, int64 topic, int64 ticket, TimestampTz at);
extern void of_ticket_spoken(int64 ticket, int64 staff);

/* Closes rounds in which nothing was said for a while, and reminds clients of those to be rated. */
extern void of_tickets_close_silent(void);
extern void of_ratings_remind(void);

#endif
