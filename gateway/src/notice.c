/* notice.c - names and words of notices, in Uzbek, Russian and English. */
#include "notice.h"
#include "memory.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST   8    /* bytes of it in a name */
#define COUNTED  1000 /* the database counts no further */
#define COUNT_OF 32   /* bytes of a number's text */

static const struct words {
    const char *language;
    const char *one, *few, *many; /* unread messages: 1, 2 to 4, more */
    const char *text;             /* name, count, messages, company, topic, link */
    const char *no_link;
} languages[] = {
    {"uz", "ta oʻqilmagan xabar", "ta oʻqilmagan xabar", "ta oʻqilmagan xabar",
     "Assalomu alaykum, %s!\n\nSizda %s %s bor: %s, %s.\n\n%s\n\n"
     "Bu xat avtomatik yuborildi, unga javob yozmang.\n",
     "Ularni suhbat sahifasida oʻqishingiz mumkin."},
    {"ru", "непрочитанное сообщение", "непрочитанных сообщения", "непрочитанных сообщений",
     "Здравствуйте, %s!\n\nУ вас %s %s: %s, %s.\n\n%s\n\n"
     "Это письмо отправлено автоматически, не отвечайте на него.\n",
     "Прочитать их можно на странице чата."},
    {"en", "unread message", "unread messages", "unread messages",
     "Hello %s,\n\nyou have %s %s: %s, %s.\n\n%s\n\n"
     "This mail was sent automatically, please do not answer it.\n",
     "You can read them on the page of the chat."},
};

char *notice_name(json_int_t id, const char *rest) {
    char *whole = memory_format("%" JSON_INTEGER_FORMAT " %s", id, rest);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * DIGEST + 1], *name;

    EVP_Digest(whole, strlen(whole), digest, NULL, EVP_sha256(), NULL);
    for (int i = 0; i < DIGEST; i++)
        sprintf(hex + 2 * i, "%02x", digest[i]);
    name = memory_format("onefin-%" JSON_INTEGER_FORMAT "-%s", id, hex);
    free(whole);
    return name;
}

static const char *text_of(const json_t *order, const char *name) {
    const char *text = json_string_value(json_object_get(order, name));

    return text ? text : "";
}

static const struct words *words_of(const json_t *order) {
    size_t i = sizeof languages / sizeof *languages - 1;

    while (i > 0 && strcmp(languages[i].language, text_of(order, "language")) != 0)
        i--;
    return &languages[i];
}

static const char *topic_of(const json_t *order) {
    return text_of(json_object_get(order, "topic_names"), words_of(order)->language);
}

/* Russian has three forms, by the number's last digits; the others fit in. */
static const char *messages(const struct words *words, json_int_t n) {
    if (strcmp(words->language, "ru") != 0)
        return n == 1 ? words->one : words->many;
    if (n % 10 == 1 && n % 100 != 11)
        return words->one;
    return n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 12 || n % 100 > 14) ? words->few : words->many;
}

static void count(const json_t *order, char *text, const char **what) {
    json_int_t unread = json_integer_value(json_object_get(order, "unread"));

    snprintf(text, COUNT_OF, "%" JSON_INTEGER_FORMAT "%s", unread, unread >= COUNTED ? "+" : "");
    *what = messages(words_of(order), unread);
}

char *notice_subject(const json_t *order) {
    char number[COUNT_OF];
    const char *what;

    count(order, number, &what);
    return memory_format("%s %s: %s, %s", number, what, text_of(order, "org_name"),
                         topic_of(order));
}

char *notice_text(const json_t *order, const char *link) {
    const struct words *words = words_of(order);
    char number[COUNT_OF];
    const char *what;

    count(order, number, &what);
    return memory_format(words->text, text_of(order, "name"), number, what,
                         text_of(order, "org_name"), topic_of(order), link ? link : words->no_link);
}
