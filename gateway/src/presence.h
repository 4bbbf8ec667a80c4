/*
 * presence.h - who is there, at this gateway and at others.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

void presence_start(void);
void presence_stop(void);

/* The first connection of an account came here, or the last one went. */
void presence_changed(int64_t account);

bool presence_is_there(int64_t account);

/* All who are there, as the text of a bigint[], for the caller to free. */
char *presence_accounts(void);

/* What a gateway told, ourselves included. */
void presence_hear(const char *payload);

/* The others are asked to tell of all who are with them: what they told meanwhile was missed. */
void presence_ask(void);

/* Accounts that came or went and of whom nobody was told yet, as the text of a bigint[]; NULL when
 * there are none. What the database answers, who is to be told of whom, goes to presence_tell. */
char *presence_news(void);
void presence_tell(const PGresult *pairs);
