/*
 * worker_content.c - what the content of a PDF page leaves open, and where it draws.
 *
 * Programs write pages that save the graphics state (q) without restoring it, or leave a text (BT)
 * or marked content (BDC) open: viewers forgive that at a page's end. What is drawn after such
 * content would land elsewhere, or be hidden with it; so it has to be closed first.
 *
 * Where it draws is found out roughly, since it is only about where there is room: letters are half
 * as wide as high, curves are as large as their points are far apart, and clipping is not looked
 * at.
 */
#include "worker_content.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  4096 /* of what is open */
#define STATES_MAX 64   /* of graphics states that are kept; deeper ones are not told apart */
#define FORMS_MAX  8    /* within one another */
#define OPERANDS   6
#define NAME_ROOM  128
#define LETTER     .5 /* width of a letter, and of a space, of its size */
#define SPACE      .28
#define ASCENT     .8
#define DESCENT    .2

struct state {
    struct matrix ctm;
    double size, leading, stretch, spacing;
    bool wide; /* codes of the font */
};

struct scan {
    const char *at, *end;
    struct content_reader *reader;
    unsigned resources;
    int forms;            /* that this one is within */
    char font[NAME_ROOM]; /* the last that was asked for */
    bool wide;            /* codes of that */

    unsigned unopened; /* graphics states that were restored nevertheless */
    size_t depth;
    char open[DEPTH_MAX]; /* 'q', 'T' or 'M', innermost last */

    double operands[OPERANDS]; /* the last ones, the newest last */
    char name[NAME_ROOM];      /* the last */
    double shown;              /* width of the strings since the last operator, of the size */

    struct state state, states[STATES_MAX];
    size_t saved;
    struct matrix text, line;
    struct box path; /* x1 < x0: none */
};

static const struct matrix identity = {1, 0, 0, 1, 0, 0};
static const struct box no_box = {INFINITY, INFINITY, -INFINITY, -INFINITY};

/* Geometry. */

/* First `one`, then `two`. */
static struct matrix after(struct matrix one, struct matrix two) {
    return (struct matrix){
        one.a * two.a + one.b * two.c,         one.a * two.b + one.b * two.d,
        one.c * two.a + one.d * two.c,         one.c * two.b + one.d * two.d,
        one.e * two.a + one.f * two.c + two.e, one.e * two.b + one.f * two.d + two.f};
}

static void include(struct box *box, struct matrix by, double x, double y) {
    double at_x = x * by.a + y * by.c + by.e, at_y = x * by.b + y * by.d + by.f;

    box->x0 = at_x < box->x0 ? at_x : box->x0;
    box->y0 = at_y < box->y0 ? at_y : box->y0;
    box->x1 = at_x > box->x1 ? at_x : box->x1;
    box->y1 = at_y > box->y1 ? at_y : box->y1;
}

static struct box turned(struct matrix by, double x0, double y0, double x1, double y1) {
    struct box box = no_box;

    include(&box, by, x0, y0);
    include(&box, by, x0, y1);
    include(&box, by, x1, y0);
    include(&box, by, x1, y1);
    return box;
}

static void draw(struct scan *scan, enum content_kind kind, struct box box) {
    if (box.x0 <= box.x1 && box.y0 <= box.y1)
        scan->reader->draws(scan->reader->owner, kind, box);
}

/* Words. */

/* What a byte is by itself (ISO 32000, 7.2.2); all others are regular. */
enum { REGULAR, WHITE, DELIMITER };

static const unsigned char classes[256] = {
    ['\0'] = WHITE,    ['\t'] = WHITE,    ['\n'] = WHITE,    ['\f'] = WHITE,
    ['\r'] = WHITE,    [' '] = WHITE,     ['('] = DELIMITER, [')'] = DELIMITER,
    ['<'] = DELIMITER, ['>'] = DELIMITER, ['['] = DELIMITER, [']'] = DELIMITER,
    ['{'] = DELIMITER, ['}'] = DELIMITER, ['/'] = DELIMITER, ['%'] = DELIMITER,
};

static bool is_space(char c) {
    return classes[(unsigned char)c] == WHITE;
}

static bool is_delimiter(char c) {
    return classes[(unsigned char)c] == DELIMITER;
}

static bool is_regular(const struct scan *scan) {
    return scan->at < scan->end && classes[(unsigned char)*scan->at] == REGULAR;
}

/* Some letters were shown. */
static void count_codes(struct scan *scan, size_t bytes, size_t spaces) {
    if (scan->state.wide)
        scan->shown += bytes / 2 * LETTER;
    else
        scan->shown += (bytes - spaces) * LETTER + spaces * SPACE;
}

/* At the opening parenthesis of a string: goes behind it. */
static void read_string(struct scan *scan) {
    size_t bytes = 0, spaces = 0;
    int depth = 0;

    for (; scan->at < scan->end; scan->at++) {
        if (*scan->at == '\\') {
            scan->at++;
            if (scan->at + 2 < scan->end && *scan->at >= '0' && *scan->at <= '3' &&
                scan->at[2] >= '0' && scan->at[2] <= '7')
                scan->at += 2;
        } else if (*scan->at == '(' && depth++ == 0) {
            continue;
        } else if (*scan->at == ')' && --depth == 0) {
            scan->at++;
            break;
        }
        bytes++;
        spaces += scan->at < scan->end && *scan->at == ' ';
    }
    if (scan->at > scan->end)
        scan->at = scan->end;
    count_codes(scan, bytes, spaces);
}

/* Behind the < of a string of digits; of a dictionary, nothing is there to be read. */
static void read_digits(struct scan *scan) {
    size_t digits = 0;

    if (scan->at < scan->end && *scan->at == '<') {
        scan->at++;
        return;
    }
    for (; scan->at < scan->end && *scan->at != '>'; scan->at++)
        digits += !is_space(*scan->at);
    count_codes(scan, digits / 2, 0);
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

static void read_name(struct scan *scan) {
    const char *name = ++scan->at;
    size_t size;

    while (is_regular(scan))
        scan->at++;
    size = scan->at - name < NAME_ROOM - 1 ? scan->at - name : NAME_ROOM - 1;
    memcpy(scan->name, name, size);
    scan->name[size] = '\0';
}

/* A number; what is none reads as 0. */
static void read_number(struct scan *scan) {
    double number = 0, unit = 1;
    bool negative = false, fraction = false;

    for (; is_regular(scan); scan->at++) {
        char c = *scan->at;

        if (c == '-')
            negative = true;
        else if (c == '.')
            fraction = true;
        else if (c >= '0' && c <= '9') {
            number = number * 10 + (c - '0');
            unit *= fraction ? 10 : 1;
        }
    }
    memmove(scan->operands, scan->operands + 1, (OPERANDS - 1) * sizeof *scan->operands);
    scan->operands[OPERANDS - 1] = (negative ? -number : number) / unit;
    if (scan->shown > 0) /* between strings, that is */
        scan->shown -= scan->operands[OPERANDS - 1] / 1000;
}

/* The operand that is the n-th from the end, beginning with 1. */
static double operand(const struct scan *scan, int n) {
    return scan->operands[OPERANDS - n];
}

static struct matrix operand_matrix(const struct scan *scan) {
    return (struct matrix){operand(scan, 6), operand(scan, 5), operand(scan, 4),
                           operand(scan, 3), operand(scan, 2), operand(scan, 1)};
}

/* What is open. */

static void open_one(struct scan *scan, char what) {
    if (scan->depth < DEPTH_MAX)
        scan->open[scan->depth++] = what;
}

/* Closes the innermost of its sort, where there is one; in whatever order they were closed. */
static bool close_one(struct scan *scan, char what) {
    for (size_t i = scan->depth; i-- > 0;) {
        if (scan->open[i] == what) {
            memmove(&scan->open[i], &scan->open[i + 1], --scan->depth - i);
            return true;
        }
    }
    return false;
}

static void save(struct scan *scan) {
    open_one(scan, 'q');
    if (scan->saved < STATES_MAX)
        scan->states[scan->saved] = scan->state;
    scan->saved++;
}

static void restore(struct scan *scan) {
    if (!close_one(scan, 'q'))
        scan->unopened++;
    if (scan->saved > 0 && --scan->saved < STATES_MAX)
        scan->state = scan->states[scan->saved];
}

/* Text. */

static void move_line(struct scan *scan, double x, double y) {
    struct matrix by = identity;

    by.e = x;
    by.f = y;
    scan->text = scan->line = after(by, scan->line);
}

static void show(struct scan *scan) {
    double size = scan->state.size, width = scan->shown * size * scan->state.stretch;
    struct matrix by = identity;

    draw(scan, CONTENT_TEXT,
         turned(after(scan->text, scan->state.ctm), 0, -DESCENT * size, width, ASCENT * size));
    by.e = width;
    scan->text = after(by, scan->text);
}

static void choose_font(struct scan *scan) {
    scan->state.size = operand(scan, 1);
    if (strcmp(scan->font, scan->name) != 0) {
        strcpy(scan->font, scan->name);
        scan->wide = scan->reader->has_wide_codes(scan->reader->owner, scan->resources, scan->name);
    }
    scan->state.wide = scan->wide;
}

/* Paths and objects. */

static void add_points(struct scan *scan, int count) {
    for (int i = 0; i < count; i++)
        include(&scan->path, scan->state.ctm, operand(scan, 2 * i + 2), operand(scan, 2 * i + 1));
}

static void add_rectangle(struct scan *scan) {
    double x = operand(scan, 4), y = operand(scan, 3);

    include(&scan->path, scan->state.ctm, x, y);
    include(&scan->path, scan->state.ctm, x + operand(scan, 2), y + operand(scan, 1));
}

static void paint(struct scan *scan, bool lines, bool fill) {
    if (fill)
        draw(scan, CONTENT_FILL, scan->path);
    else if (lines)
        draw(scan, CONTENT_LINES, scan->path);
    scan->path = no_box;
}

static void read_all_of(struct scan *scan);

static void call_object(struct scan *scan) {
    struct content_reader *reader = scan->reader;
    struct content_object object = reader->object(reader->owner, scan->resources, scan->name);
    struct scan *within;

    if (object.kind == OBJECT_IMAGE)
        draw(scan, CONTENT_IMAGE, turned(scan->state.ctm, 0, 0, 1, 1));
    if (object.kind != OBJECT_FORM)
        return;
    if (scan->forms < FORMS_MAX && object.content.size <= reader->budget) {
        within = calloc(1, sizeof *within);
        within->at = (const char *)object.content.at;
        within->end = within->at + object.content.size;
        within->reader = reader;
        within->resources = object.resources;
        within->forms = scan->forms + 1;
        within->state = scan->state;
        within->state.ctm = after(object.matrix, scan->state.ctm);
        read_all_of(within);
        free(within);
    }
    free((void *)object.content.at);
}

/* Operators. */

enum operator{
    OTHER,
    SAVE,
    RESTORE,
    CONCAT,
    BEGIN_TEXT,
    END_TEXT,
    BEGIN_MARKED,
    END_MARKED,
    INLINE_IMAGE,
    FONT,
    LEADING,
    STRETCH,
    TEXT_MATRIX,
    MOVE,
    MOVE_LEADING,
    NEXT_LINE,
    SHOW,
    SHOW_NEXT,
    POINT,
    POINTS_2,
    POINTS_3,
    RECTANGLE,
    STROKE,
    FILL,
    NO_PAINT,
    OBJECT
};

/* Words of three letters at most, as one number. */
#define WORD(a, b, c) ((unsigned)(a) | (unsigned)(b) << 8 | (unsigned)(c) << 16)

static enum operator operator_of(const char *word, size_t size) {
    if (size == 0 || size > 3)
        return OTHER;
    switch (WORD(word[0], size > 1 ? word[1] : 0, size > 2 ? word[2] : 0)) {
    case WORD('q', 0, 0):
        return SAVE;
    case WORD('Q', 0, 0):
        return RESTORE;
    case WORD('c', 'm', 0):
        return CONCAT;
    case WORD('B', 'T', 0):
        return BEGIN_TEXT;
    case WORD('E', 'T', 0):
        return END_TEXT;
    case WORD('B', 'D', 'C'):
    case WORD('B', 'M', 'C'):
        return BEGIN_MARKED;
    case WORD('E', 'M', 'C'):
        return END_MARKED;
    case WORD('I', 'D', 0):
        return INLINE_IMAGE;
    case WORD('T', 'f', 0):
        return FONT;
    case WORD('T', 'L', 0):
        return LEADING;
    case WORD('T', 'z', 0):
        return STRETCH;
    case WORD('T', 'm', 0):
        return TEXT_MATRIX;
    case WORD('T', 'd', 0):
        return MOVE;
    case WORD('T', 'D', 0):
        return MOVE_LEADING;
    case WORD('T', '*', 0):
        return NEXT_LINE;
    case WORD('T', 'j', 0):
    case WORD('T', 'J', 0):
        return SHOW;
    case WORD('\'', 0, 0):
    case WORD('"', 0, 0):
        return SHOW_NEXT;
    case WORD('m', 0, 0):
    case WORD('l', 0, 0):
        return POINT;
    case WORD('v', 0, 0):
    case WORD('y', 0, 0):
        return POINTS_2;
    case WORD('c', 0, 0):
        return POINTS_3;
    case WORD('r', 'e', 0):
        return RECTANGLE;
    case WORD('S', 0, 0):
    case WORD('s', 0, 0):
        return STROKE;
    case WORD('f', 0, 0):
    case WORD('F', 0, 0):
    case WORD('f', '*', 0):
    case WORD('B', 0, 0):
    case WORD('B', '*', 0):
    case WORD('b', 0, 0):
    case WORD('b', '*', 0):
        return FILL;
    case WORD('n', 0, 0):
        return NO_PAINT;
    case WORD('D', 'o', 0):
        return OBJECT;
    default:
        return OTHER;
    }
}

static void heed_text(struct scan *scan, enum operator operator) {
    switch (operator) {
    case BEGIN_TEXT:
        open_one(scan, 'T');
        scan->text = scan->line = identity;
        break;
    case END_TEXT:
        close_one(scan, 'T');
        break;
    case FONT:
        choose_font(scan);
        break;
    case LEADING:
        scan->state.leading = operand(scan, 1);
        break;
    case STRETCH:
        scan->state.stretch = operand(scan, 1) / 100;
        break;
    case TEXT_MATRIX:
        scan->text = scan->line = operand_matrix(scan);
        break;
    case MOVE_LEADING:
        scan->state.leading = -operand(scan, 1);
        move_line(scan, operand(scan, 2), operand(scan, 1));
        break;
    case MOVE:
        move_line(scan, operand(scan, 2), operand(scan, 1));
        break;
    case NEXT_LINE:
        move_line(scan, 0, -scan->state.leading);
        break;
    case SHOW_NEXT:
        move_line(scan, 0, -scan->state.leading);
        show(scan);
        break;
    default:
        show(scan);
    }
}

static void heed(struct scan *scan, enum operator operator) {
    switch (operator) {
    case OTHER:
        break;
    case SAVE:
        save(scan);
        break;
    case RESTORE:
        restore(scan);
        break;
    case CONCAT:
        scan->state.ctm = after(operand_matrix(scan), scan->state.ctm);
        break;
    case BEGIN_MARKED:
        open_one(scan, 'M');
        break;
    case END_MARKED:
        close_one(scan, 'M');
        break;
    case INLINE_IMAGE:
        draw(scan, CONTENT_IMAGE, turned(scan->state.ctm, 0, 0, 1, 1));
        skip_image(scan);
        break;
    case POINT:
    case POINTS_2:
    case POINTS_3:
        add_points(scan, operator- POINT + 1);
        break;
    case RECTANGLE:
        add_rectangle(scan);
        break;
    case STROKE:
    case FILL:
    case NO_PAINT:
        paint(scan, operator== STROKE, operator== FILL);
        break;
    case OBJECT:
        call_object(scan);
        break;
    default:
        heed_text(scan, operator);
    }
}

static void read_operator(struct scan *scan) {
    const char *word = scan->at;

    while (is_regular(scan))
        scan->at++;
    heed(scan, operator_of(word, scan->at - word));
    scan->shown = 0;
}

static void skip_comment(struct scan *scan) {
    while (scan->at < scan->end && *scan->at != '\r' && *scan->at != '\n')
        scan->at++;
}

static void read_on(struct scan *scan) {
    char c = *scan->at;

    if (is_space(c))
        scan->at++;
    else if ((c >= '0' && c <= '9') || c == '-' || c == '.' || c == '+')
        read_number(scan);
    else if (c == '/')
        read_name(scan);
    else if (c == '(')
        read_string(scan);
    else if (c == '%')
        skip_comment(scan);
    else if (c == '<') {
        scan->at++;
        read_digits(scan);
    } else if (is_delimiter(c))
        scan->at++;
    else
        read_operator(scan);
}

static void read_all_of(struct scan *scan) {
    size_t size = scan->end - scan->at;

    scan->reader->budget -= size < scan->reader->budget ? size : scan->reader->budget;
    scan->path = no_box;
    while (scan->at < scan->end)
        read_on(scan);
}

static char *closers(const struct scan *scan) {
    char *text, *to;

    if (scan->depth == 0)
        return NULL;
    to = text = malloc(scan->depth * sizeof "EMC ");
    for (size_t i = scan->depth; i-- > 0;)
        to = stpcpy(to, scan->open[i] == 'q' ? "Q " : scan->open[i] == 'T' ? "ET " : "EMC ");
    return text;
}

struct content_balance content_read(struct bytes content, unsigned resources,
                                    struct content_reader *reader) {
    struct scan *scan = calloc(1, sizeof *scan);
    struct content_balance balance;

    scan->at = (const char *)content.at;
    scan->end = scan->at + content.size;
    scan->reader = reader;
    scan->resources = resources;
    scan->state = (struct state){.ctm = identity, .stretch = 1};
    scan->text = scan->line = identity;
    read_all_of(scan);
    balance = (struct content_balance){scan->unopened, closers(scan)};
    free(scan);
    return balance;
}
