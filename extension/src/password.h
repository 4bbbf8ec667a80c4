/*
 * password.h: argon2id hashes.
 */
#ifndef ONEFIN_PASSWORD_H
#define ONEFIN_PASSWORD_H

#include "postgres.h"

/* hash: NULL when there is none; that takes as long, and nothing fits. */
extern bool of_password_fits(const char *hash, text *password);

#endif
