/*
 * worker_content.c - what the content of a PDF page leaves open.
 *
 * Programs write pages that save the graphics state (q) without restoring it, or leave a text (BT)
 * or marked content (BDC) open: viewers forgive that at a page's end. What is drawn after such
 * content would land elsewhere, or be hidden with it; so it has to be closed first. This reads
 * operators only: strings, comments, and the bytes of inline images are stepped over.
 */
#include "worker_task.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 4096

struct scan {
    const char *at, *end;
    size_t depth;
    char open[DEPTH_MAX]; /* 'q', 'T' or 'M', innermost last */
};

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

static bool is_delimiter(char c) {
    return c && strchr("()<>[]{}/%", c);
}

/* At the opening parenthesis of a string: goes behind it. */
static void skip_string(struct scan *scan) {
    int depth = 0;

    for (; scan->at < scan->end; scan->at++) {
        if (*scan->at == '\\')
            scan->at++;
        else if (*scan->at == '(')
            depth++;
        else if (*scan->at == ')' && --depth == 0) {
            scan->at++;
            return;
        }
    }
    scan->at = scan->end;
}

/* Behind ID of an inline image: goes behind EI, which stands between spaces. */
static void skip_image(struct scan *scan) {
    for (; scan->at + 3 < scan->end; scan->at++) {
        if (is_space(scan->at[0]) && scan->at[1] == 'E' && scan->at[2] == 'I' &&
            (is_space(scan->at[3]) || is_delimiter(scan->at[3]))) {
            scan->at += 3;
            return;
        }
    }
    scan->at = scan->end;
}

static void skip_until(struct scan *scan, const char *stops) {
    while (scan->at < scan->end && !(*scan->at && strchr(stops, *scan->at)))
        scan->at++;
}

static void open_one(struct scan *scan, char what) {
    if (scan->depth < DEPTH_MAX)
        scan->open[scan->depth++] = what;
}

/* Closes the innermost of its sort, where there is one; in whatever order they were closed. */
static void close_one(struct scan *scan, char what) {
    for (size_t i = scan->depth; i-- > 0;) {
        if (scan->open[i] == what) {
            memmove(&scan->open[i], &scan->open[i + 1], --scan->depth - i);
            return;
        }
    }
}

static void heed(struct scan *scan, const char *word, size_t size) {
#define IS(text) (size == sizeof(text) - 1 && memcmp(word, text, size) == 0)
    if (IS("q"))
        open_one(scan, 'q');
    else if (IS("Q"))
        close_one(scan, 'q');
    else if (IS("BT"))
        open_one(scan, 'T');
    else if (IS("ET"))
        close_one(scan, 'T');
    else if (IS("BDC") || IS("BMC"))
        open_one(scan, 'M');
    else if (IS("EMC"))
        close_one(scan, 'M');
    else if (IS("ID"))
        skip_image(scan);
#undef IS
}

static void read_word(struct scan *scan) {
    const char *word = scan->at;

    while (scan->at < scan->end && !is_space(*scan->at) && !is_delimiter(*scan->at))
        scan->at++;
    heed(scan, word, scan->at - word);
}

static void read_on(struct scan *scan) {
    switch (*scan->at) {
    case '%':
        skip_until(scan, "\r\n");
        break;
    case '(':
        skip_string(scan);
        break;
    case '/': /* a name, which may read like an operator */
        scan->at++;
        while (scan->at < scan->end && !is_space(*scan->at) && !is_delimiter(*scan->at))
            scan->at++;
        break;
    default:
        if (is_space(*scan->at) || is_delimiter(*scan->at))
            scan->at++;
        else
            read_word(scan);
    }
}

char *content_closers(struct bytes content) {
    struct scan scan = {.at = (const char *)content.at};
    char *closers, *to;

    scan.end = scan.at + content.size;
    while (scan.at < scan.end)
        read_on(&scan);
    if (scan.depth == 0)
        return NULL;
    to = closers = malloc(scan.depth * sizeof "EMC ");
    while (scan.depth-- > 0) {
        char what = scan.open[scan.depth];

        to = stpcpy(to, what == 'q' ? "Q " : what == 'T' ? "ET " : "EMC ");
    }
    return closers;
}
