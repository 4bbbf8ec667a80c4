/*
 * notify_mail.c - tells somebody of unread messages by mail.
 *
 * The message is made here: addresses are checked, everything else that came from people is base64
 * (RFC 2047 in the head), so that no name can make a header. Its Message-ID is the same at each
 * attempt, by which mail programs know a repeated one.
 *
 * An address that the server refuses for good (5xx to RCPT) is not tried again; all else is, since
 * it is the server's or the operator's trouble. What the server said last is told to admins.
 */
#include "compat.h"
#include "config.h"
#include "jobs.h"
#include "memory.h"
#include "notice.h"
#include "secret.h"
#include "transfer.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORD 39   /* bytes of text in an encoded word: 52 characters, 12 around them, "Subject: " */
#define LINE 57   /* bytes in a line of base64 of 76 characters */
#define TIME 120L /* seconds */

struct mail {
    struct job *job;
    struct transfer *transfer;
    struct curl_slist *to;
    char *message;
    size_t sent;       /* bytes of it */
    bool at_recipient; /* RCPT was the last command, */
    bool quitting;     /* but for QUIT */
    char said[200];    /* by the server, last; a reply's last line */
};

static void mail_end(void *run, bool refused UNUSED) {
    struct mail *mail = run;

    if (mail->transfer)
        transfer_abort(mail->transfer);
    curl_slist_free_all(mail->to);
    free(mail->message);
    free(mail);
}

/* The message. */

/* Base64, `size` bytes a line. */
static void write_base64(FILE *out, const char *text, size_t size) {
    char line[80];

    for (size_t left = strlen(text); left > 0; left -= size < left ? size : left) {
        EVP_EncodeBlock((unsigned char *)line, (const unsigned char *)text,
                        size < left ? size : left);
        fprintf(out, "%s\r\n", line);
        text += size < left ? size : left;
    }
}

/* A text in a header, as encoded words, none of which ends within a character. */
static void write_words(FILE *out, const char *text) {
    char word[80];

    for (bool first = true; *text || first; first = false) {
        size_t size = strnlen(text, WORD);

        while (text[size] && size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
        EVP_EncodeBlock((unsigned char *)word, (const unsigned char *)text, size);
        fprintf(out, "%s=?utf-8?b?%s?=", first ? "" : "\r\n ", word);
        text += size;
    }
}

static void write_date(FILE *out) {
    time_t now = time(NULL);
    struct tm utc;
    char text[64];

    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &utc);
    fprintf(out, "Date: %s\r\n", text);
}

static void write_head(FILE *out, const json_t *order, const char *to) {
    char *subject = notice_subject(order);
    char *rest = memory_format("%s %s", config.public_url, to);
    char *name = notice_name(json_integer_value(json_object_get(order, "id")), rest);
    const char *person = json_string_value(json_object_get(order, "name"));

    write_date(out);
    fprintf(out, "From: <%s>\r\nTo: ", config.smtp_from);
    write_words(out, person ? person : "");
    fprintf(out, "\r\n <%s>\r\nSubject: ", to);
    write_words(out, subject);
    fprintf(out, "\r\nMessage-ID: <%s@%s>\r\n", name, strrchr(config.smtp_from, '@') + 1);
    fputs("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
          "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
          out);
    free(subject);
    free(rest);
    free(name);
}

static char *make_message(const json_t *order, const char *to) {
    json_int_t topic = json_integer_value(json_object_get(order, "topic"));
    size_t length = strlen(config.public_url), size;
    char *message, *link = NULL, *text;
    FILE *out = open_memstream(&message, &size);

    if (!out)
        abort(); /* no memory; see memory.h */
    while (length > 0 && config.public_url[length - 1] == '/')
        length--;
    if (length > 0)
        link =
            memory_format("%.*s/#/t/%" JSON_INTEGER_FORMAT, (int)length, config.public_url, topic);
    text = notice_text(order, link);
    write_head(out, order, to);
    write_base64(out, text, LINE);
    fclose(out);
    free(text);
    free(link);
    return message;
}

/* The way. */

static size_t read_message(char *into, size_t size, size_t count, void *user) {
    struct mail *mail = user;
    size_t left = strlen(mail->message + mail->sent), n = size * count;

    if (n > left)
        n = left;
    memcpy(into, mail->message + mail->sent, n);
    mail->sent += n;
    return n;
}

/* Sees commands and replies. */
static int overhear(CURL *easy UNUSED, curl_infotype what, char *text, size_t size, void *user) {
    struct mail *mail = user;

    mail->quitting |= what == CURLINFO_HEADER_OUT && size >= 4 && strncmp(text, "QUIT", 4) == 0;
    if (mail->quitting)
        return 0;
    if (what == CURLINFO_HEADER_OUT) {
        mail->at_recipient = size >= 4 && strncmp(text, "RCPT", 4) == 0;
    } else if (what == CURLINFO_HEADER_IN && size > 3 && isdigit((unsigned char)*text)) {
        while (size > 0 && (text[size - 1] == '\r' || text[size - 1] == '\n'))
            size--;
        snprintf(mail->said, sizeof mail->said, "%.*s", (int)size, text);
        for (char *c = mail->said; *c; c++) {
            if (!isprint((unsigned char)*c))
                *c = '?';
        }
    }
    return 0;
}

static void on_ended(void *owner, CURL *easy UNUSED, CURLcode result) {
    struct mail *mail = owner;
    char *message;

    mail->transfer = NULL;
    if (result == CURLE_OK) {
        job_succeed(mail->job, json_object());
        return;
    }
    message = memory_format("%s%s%s", curl_easy_strerror(result),
                            *mail->said ? "; the mail server said: " : "", mail->said);
    if (mail->at_recipient && *mail->said == '5')
        job_fail(mail->job, "bad_address", message, true);
    else
        job_fail(mail->job, "smtp", message, false);
    free(message);
}

/* A server on this machine is not asked for TLS: its certificate is nobody's, as a rule. */
static bool is_local(const char *url) {
    static const char *const hosts[] = {"localhost", "127.", "[::1]"};

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        if (strncmp(strchr(url, ':') + 3, hosts[i], strlen(hosts[i])) == 0)
            return true;
    }
    return false;
}

/* USER:PASSWORD. False when there should be some and are none. */
static bool add_credentials(CURL *easy) {
    char *secret, *password;
    bool fine;

    if (!*config.smtp_credentials)
        return true;
    secret = secret_read(config.smtp_credentials);
    password = secret ? strchr(secret, ':') : NULL;
    fine = password != NULL;
    if (fine) {
        *password++ = '\0';
        curl_easy_setopt(easy, CURLOPT_USERNAME, secret);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, password);
        curl_easy_setopt(easy, CURLOPT_USE_SSL, CURLUSESSL_ALL);
        explicit_bzero(password, strlen(password));
    }
    memory_forget(secret);
    return fine;
}

static void send_mail(struct mail *mail, CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_URL, config.smtp_url);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, config.smtp_from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, mail->to);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_message);
    curl_easy_setopt(easy, CURLOPT_READDATA, mail);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, overhear);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, mail);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, TIME);
    mail->transfer = transfer_start(easy, on_ended, mail);
}

/* As the database has it, and plain ASCII besides: what else there is needs servers that can it. */
static bool is_address(const char *text) {
    const char *at = text ? strchr(text, '@') : NULL;

    for (const char *c = text; c && *c; c++) {
        if (!isgraph((unsigned char)*c) || strchr("<>,;\"", *c))
            return false;
    }
    return at && at > text && at[1];
}

static void *mail_begin(struct job *job, const json_t *order) {
    const char *to = json_string_value(json_object_get(order, "to"));
    struct mail *mail = memory_zeroed(sizeof *mail);
    CURL *easy;

    mail->job = job;
    if (!*config.smtp_url || !*config.smtp_from) {
        job_fail(job, "smtp", "smtp_url or smtp_from is not set at the gateway", false);
    } else if (!is_address(to)) {
        job_fail(job, "bad_address", "no mail address that mails can be sent to", true);
    } else {
        easy = transfer_easy();
        curl_easy_setopt(easy, CURLOPT_USE_SSL,
                         is_local(config.smtp_url) ? CURLUSESSL_NONE : CURLUSESSL_TRY);
        if (add_credentials(easy)) {
            mail->to = curl_slist_append(NULL, to);
            mail->message = make_message(order, to);
            send_mail(mail, easy);
        } else {
            curl_easy_cleanup(easy);
            job_fail(job, "smtp", "smtp_credentials has no USER:PASSWORD", false);
        }
    }
    return mail;
}

const struct job_kind mail_job = {
    .name = "mail", .is_notice = true, .begin = mail_begin, .end = mail_end};
