/*
 * notify_webhook.c - tells the firm's other systems of unread messages, signed as the specification
 * Standard Webhooks says: HMAC-SHA256 over "ID.TIMESTAMP.BODY" in base64. The ID is the same at
 * each attempt. The secret's file may have several lines while an old one is replaced: each signs.
 *
 * 2xx is done; 408, 429, 5xx, and no answer are tried again; other 4xx are not, since the receiver
 * does not want it.
 */
#include "compat.h"
#include "config.h"
#include "jobs.h"
#include "memory.h"
#include "notice.h"
#include "secret.h"
#include "transfer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME        30L /* seconds */
#define SIGNATURE   48  /* bytes of one, with what is around it */
#define SECRETS_MAX 4

struct webhook {
    struct job *job;
    struct transfer *transfer;
    struct curl_slist *headers;
    char *body;
};

static void webhook_end(void *run, bool refused UNUSED) {
    struct webhook *webhook = run;

    if (webhook->transfer)
        transfer_abort(webhook->transfer);
    curl_slist_free_all(webhook->headers);
    free(webhook->body);
    free(webhook);
}

static void fail(struct webhook *webhook, const char *message, bool final) {
    job_fail(webhook->job, "http", message, final);
}

/* The bytes of a secret, in its place; "whsec_" is followed by base64. Their number, or -1. */
static int secret_key(char *secret) {
    static const char prefix[] = "whsec_";
    const char *base64 = secret + strlen(prefix), *end;
    int size;

    if (strncmp(secret, prefix, strlen(prefix)) != 0)
        return strlen(secret);
    end = base64 + strlen(base64);
    size = EVP_DecodeBlock((unsigned char *)secret, (const unsigned char *)base64, end - base64);
    for (; size > 0 && end[-1] == '='; end--)
        size--;
    return size;
}

/* "v1,SIGNATURE" for each line of the secret, for the caller to free; NULL when it has none. */
static char *sign(char *secret, const char *content) {
    char *signatures = memory_zeroed(SECRETS_MAX * SIGNATURE + 1), *end = signatures, *line;

    for (int i = 0; i < SECRETS_MAX && (line = strsep(&secret, "\r\n"));) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned length;
        int size = *line ? secret_key(line) : 0;

        if (size == 0)
            continue;
        if (size < 0 || !HMAC(EVP_sha256(), line, size, (const unsigned char *)content,
                              strlen(content), digest, &length)) {
            free(signatures);
            return NULL;
        }
        end += sprintf(end, "%sv1,", i > 0 ? " " : "");
        end += EVP_EncodeBlock((unsigned char *)end, digest, length);
        i++;
    }
    if (end > signatures)
        return signatures;
    free(signatures);
    return NULL;
}

static void add_header(struct webhook *webhook, const char *name, const char *value) {
    char *line = memory_format("%s: %s", name, value);

    webhook->headers = curl_slist_append(webhook->headers, line);
    free(line);
}

static bool add_headers(struct webhook *webhook, const char *id) {
    char *secret = *config.webhook_secret ? secret_read(config.webhook_secret) : NULL;
    char *now = memory_format("%lld", (long long)time(NULL));
    char *content = memory_format("%s.%s.%s", id, now, webhook->body);
    size_t length = secret ? strlen(secret) : 0;
    char *signatures = secret ? sign(secret, content) : NULL;

    add_header(webhook, "Content-Type", "application/json");
    add_header(webhook, "Expect", "");
    add_header(webhook, "webhook-id", id);
    add_header(webhook, "webhook-timestamp", now);
    if (signatures)
        add_header(webhook, "webhook-signature", signatures);
    if (secret)
        explicit_bzero(secret, length);
    free(secret);
    free(now);
    free(content);
    free(signatures);
    return signatures != NULL;
}

static void on_ended(void *owner, CURL *easy, CURLcode result) {
    struct webhook *webhook = owner;
    char message[64];
    long status = 0;

    webhook->transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    snprintf(message, sizeof message, "the receiver answered %ld", status);
    if (status == 0)
        fail(webhook, curl_easy_strerror(result), false);
    else if (status >= 200 && status < 300)
        job_succeed(webhook->job, json_object());
    else
        fail(webhook, message, status >= 400 && status < 500 && status != 408 && status != 429);
}

static size_t ignore(char *bytes UNUSED, size_t size, size_t count, void *user UNUSED) {
    return size * count;
}

static void post(struct webhook *webhook) {
    CURL *easy = transfer_easy();

    curl_easy_setopt(easy, CURLOPT_URL, config.webhook_url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, webhook->body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, webhook->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "onefin/" ONEFIN_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, TIME);
    webhook->transfer = transfer_start(easy, on_ended, webhook);
}

static void *webhook_begin(struct job *job, const json_t *order) {
    struct webhook *webhook = memory_zeroed(sizeof *webhook);
    const json_t *body = json_object_get(order, "body");
    const char *at = json_string_value(json_object_get(body, "timestamp"));
    char *id = notice_name(json_integer_value(json_object_get(order, "id")), at ? at : "");

    webhook->job = job;
    webhook->body = json_dumps(body, JSON_COMPACT);
    if (!*config.webhook_url)
        fail(webhook, "webhook_url is not set at the gateway", false);
    else if (!add_headers(webhook, id))
        fail(webhook, "webhook_secret is not set at the gateway, or not right", false);
    else
        post(webhook);
    free(id);
    return webhook;
}

const struct job_kind webhook_job = {
    .name = "webhook", .is_notice = true, .begin = webhook_begin, .end = webhook_end};
