/*
 * config.h - the settings, read at start and at SIGHUP. gateway/README.md and gateway.conf.example
 * say what each is for; config.c has the table of them.
 */
#pragma once

#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum s3_style { S3_STYLE_PATH, S3_STYLE_HOST };

struct config {
    char *listen;
    unsigned port;
    char *database;
    unsigned call_connections;
    unsigned login_connections;
    unsigned call_timeout; /* seconds */
    char *page;
    char *store;
    char *s3_endpoint;
    char *s3_public_endpoint;
    char *s3_bucket;
    char *s3_region;
    enum s3_style s3_style;
    char *s3_credentials; /* path */
    char *s3_ca;          /* path */
    unsigned s3_timeout;  /* seconds */
    size_t s3_memory;     /* bytes */
    unsigned presign_seconds;
    char *spool;
    size_t max_upload; /* bytes */
    size_t max_frame;  /* bytes */
    char *worker;      /* empty: the program beside ours */
    unsigned jobs_at_once;
    size_t worker_memory; /* bytes */
    unsigned worker_seconds;
    size_t outbox_bytes;
    unsigned outbox_frames;
    unsigned max_connections;
    unsigned connections_per_address;
    unsigned connections_per_account;
    unsigned calls_per_second; /* of an account */
    unsigned logins_waiting;
    unsigned handshake_timeout; /* seconds */
    unsigned login_timeout;     /* seconds */
    unsigned ping_interval;     /* seconds */
    unsigned drain_time;        /* seconds */
    char *public_url;
    char *smtp_url;
    char *smtp_from;
    char *smtp_credentials; /* path of a file, as is webhook_secret */
    char *webhook_url;
    char *webhook_secret;
    char *origins;
    char *proxies;
    enum log_level log_level;
};

extern struct config config;

/* Sets every setting to its default, then to what the file says (NULL: no file). Says each mistake
 * on standard error as FILE:LINE and returns false if there was any. */
bool config_load(const char *path);

/* Reads the file anew, and takes over what may change while running; of the rest it warns. Where
 * there is a mistake all stays as it is, and the log says which. */
bool config_reload(const char *path);

/* Lists all settings with their defaults. */
void config_help(FILE *out);

void config_free(void);
