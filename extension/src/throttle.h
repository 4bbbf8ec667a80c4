/*
 * throttle.h: how long a password may not be tried again after wrong ones.
 */
#ifndef ONEFIN_THROTTLE_H
#define ONEFIN_THROTTLE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* What failures are counted by. */
typedef enum OfScope { OF_PAIR, OF_ADDRESS, OF_ACCOUNT, OF_SCOPES } OfScope;

/* One try of a password, from begin to failed or succeeded in the same transaction. */
typedef struct OfAttempt {
    char *keys[OF_SCOPES]; /* of login_failure; NULL where it takes an address and none is known */
} OfAttempt;

/* Seconds to wait before this may be tried; 0: now, and no other try of the pair at the same time.
 * address: of the device, an inet, or 0. */
extern int of_attempt_begin(OfAttempt *attempt, text *login, Datum address);
extern void of_attempt_failed(const OfAttempt *attempt, int64 account);
extern void of_attempt_succeeded(const OfAttempt *attempt);

/* What is answered to one who has to wait. */
#define OF_THROTTLED_MESSAGE "too many wrong passwords"
extern char *of_throttled_hint(int seconds);

/* Removes what no longer matters. */
extern void of_failures_forget(void);

#endif
