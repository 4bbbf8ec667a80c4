/* notice.h - what mails and webhooks have in common. */
#pragma once

#include <jansson.h>

/* A name for the notice that is the same at each attempt, and another's at no other database, for
 * the caller to free: the job's id, and a digest of what else does not change. */
char *notice_name(json_int_t id, const char *rest);

/* The mail's subject and text, in the person's language, for the caller to free. Nothing of what
 * was said is in it: a mail is read by who knows whom. */
char *notice_subject(const json_t *order);
char *notice_text(const json_t *order, const char *link);
