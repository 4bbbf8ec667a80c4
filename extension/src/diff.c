/*
 * diff.c: what changed between two texts, word by word.
 *
 * PostgreSQL has no such function, and Debian no C library that compares words rather than lines.
 * A text is split into tokens: words, runs of space, single marks of punctuation. Equal beginnings
 * and ends are set aside, and between them Myers' greedy algorithm (An O(ND) Difference Algorithm,
 * 1986) finds the fewest tokens to remove and add. What it finds is a list of matches, stretches
 * that stay; what lies between two matches was replaced.
 *
 * The work is bounded: after EDITS_LIMIT removed and added tokens the search stops where it came
 * furthest, and the rest is told as one replaced block.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "json.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"

#include <limits.h>

/* More tokens than a message has characters; the rest of a longer text is one token. */
#define TOKENS_LIMIT 20000

/* Removed and added tokens; their square is the memory (4 MB) and, about, the work. */
#define EDITS_LIMIT 1000

typedef enum Class {
    WORD,
    SPACE,
    MARK,
    APOSTROPHE, /* of the word that it stands inside of, else a mark */
    EXTENDER,   /* belongs to what is before it */
    JOINER      /* the same, and to what follows */
} Class;

typedef struct Token {
    const char *text;
    int length;
    int number; /* the same for tokens of the same text */
    Class class;
} Token;

typedef struct Tokens {
    Token *at;
    int n;
} Tokens;

/* Tokens a.at[from_a].. are tokens b.at[from_b].., n of them. */
typedef struct Match {
    int from_a;
    int from_b;
    int n;
} Match;

typedef struct Matches {
    Match
        at[EDITS_LIMIT + 4]; /* one after each edit, the equal beginning and end, the closing one */
    int n;
} Matches;

/* What is beyond ASCII and no letter or digit, as far as people type it here. */
static const struct {
    pg_wchar first;
    pg_wchar last;
    Class class;
} classes[] = {
    {0x80, 0x84, MARK},           {0x85, 0x85, SPACE},          {0x86, 0x9F, MARK},
    {0xA0, 0xA0, SPACE},          {0xA1, 0xA9, MARK},           {0xAB, 0xB4, MARK},
    {0xB6, 0xB9, MARK},           {0xBB, 0xBF, MARK},           {0xD7, 0xD7, MARK},
    {0xF7, 0xF7, MARK},           {0x300, 0x36F, EXTENDER},     {0x2000, 0x200A, SPACE},
    {0x200C, 0x200C, EXTENDER},   {0x200D, 0x200D, JOINER},     {0x2010, 0x2017, MARK},
    {0x2018, 0x2019, APOSTROPHE}, {0x201A, 0x2027, MARK},       {0x2028, 0x2029, SPACE},
    {0x202F, 0x202F, SPACE},      {0x2030, 0x205E, MARK},       {0x205F, 0x205F, SPACE},
    {0x20A0, 0x20CF, MARK},       {0x20D0, 0x20FF, EXTENDER},   {0x2100, 0x214F, MARK},
    {0x2190, 0x2BFF, MARK},       {0x2E00, 0x2E7F, MARK},       {0x3000, 0x3000, SPACE},
    {0x3001, 0x303F, MARK},       {0xFE00, 0xFE0F, EXTENDER},   {0x1F000, 0x1F1E5, MARK},
    {0x1F200, 0x1F3FA, MARK},     {0x1F3FB, 0x1F3FF, EXTENDER}, {0x1F400, 0x1FAFF, MARK}};

static Class class_of(pg_wchar c) {
    if (c < 0x80) {
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
            return WORD;
        if (c == ' ' || (c >= '\t' && c <= '\r'))
            return SPACE;
        return c == '\'' || c == '`' ? APOSTROPHE : MARK;
    }
    for (size_t i = 0; i < lengthof(classes) && c >= classes[i].first; i++)
        if (c <= classes[i].last)
            return classes[i].class;
    return WORD;
}

static Class class_at(const char *at) {
    return class_of(utf8_to_unicode((const unsigned char *)at));
}

static const char *next_character(const char *at) {
    return at + pg_utf_mblen((const unsigned char *)at);
}

/* Whether the character at `at` goes on with a token of this class, `joined` to it or not. */
static bool goes_on(Class class, bool joined, const char *at, const char *end) {
    Class next = class_at(at);

    if (joined || next == EXTENDER || next == JOINER ||
        (next == class && (class == WORD || class == SPACE)))
        return true;
    at = next_character(at);
    return class == WORD && next == APOSTROPHE && at < end && class_at(at) == WORD;
}

static Token read_token(const char *from, const char *end) {
    Class class = class_at(from);
    const char *at = next_character(from);
    bool joined = class == JOINER;

    while (at < end && goes_on(class, joined, at, end)) {
        joined = class_at(at) == JOINER;
        at = next_character(at);
    }
    return (Token){from, at - from, 0, class};
}

static Tokens split(text *value) {
    const char *at = VARDATA_ANY(value);
    const char *end = at + VARSIZE_ANY_EXHDR(value);
    int most = Min(end - at, TOKENS_LIMIT);
    Tokens tokens = {palloc(sizeof(Token) * Max(most, 1)), 0};

    while (at < end) {
        Token token = read_token(at, end);

        if (tokens.n == TOKENS_LIMIT - 1)
            token = (Token){at, end - at, 0, MARK};
        tokens.at[tokens.n++] = token;
        at += token.length;
    }
    return tokens;
}

/* Numbers the tokens of both texts, so that comparing two is comparing their numbers. */
static void number_tokens(Tokens *a, Tokens *b) {
    uint32 size = pg_nextpower2_32(2 * (a->n + b->n) + 1);
    Token **table = palloc0(sizeof(Token *) * size);

    for (int i = 0; i < a->n + b->n; i++) {
        Token *token = i < a->n ? &a->at[i] : &b->at[i - a->n];
        uint32 slot = hash_bytes((const unsigned char *)token->text, token->length) & (size - 1);

        while (table[slot] && (table[slot]->length != token->length ||
                               memcmp(table[slot]->text, token->text, token->length) != 0))
            slot = (slot + 1) & (size - 1);
        if (table[slot] == NULL)
            table[slot] = token;
        token->number = slot;
    }
    pfree(table);
}

static void add_match(Matches *matches, int from_a, int from_b, int n) {
    if (n > 0)
        matches->at[matches->n++] = (Match){from_a, from_b, n};
}

/* Whether the best way to diagonal k (how far in a ahead of b) with d edits comes from k + 1. */
static bool from_above(const int *reached, int k, int d) {
    return k == -d || (k != d && reached[k - 1] < reached[k + 1]);
}

/*
 * How far each diagonal -d, -d + 2, .. d of the middle is reached with d edits, from how far with
 * d - 1. reached[k] is a place in a; the one in b is that less k. Returns the diagonal on which the
 * end was reached, or INT_MAX.
 */
static int step(const Tokens *a, const Tokens *b, int *reached, int d) {
    for (int k = -d; k <= d; k += 2) {
        int x = from_above(reached, k, d) ? reached[k + 1] : reached[k - 1] + 1;

        while (x < a->n && x - k < b->n && a->at[x].number == b->at[x - k].number)
            x++;
        reached[k] = x;
        if (x >= a->n && x - k >= b->n)
            return k;
    }
    return INT_MAX;
}

/* The diagonal that came furthest, of those inside both texts. */
static int furthest(const Tokens *a, const Tokens *b, const int *reached, int d) {
    int best = INT_MAX;

    for (int k = -d; k <= d; k += 2)
        if (reached[k] <= a->n && reached[k] - k <= b->n &&
            (best == INT_MAX || 2 * reached[k] - k > 2 * reached[best] - best))
            best = k;
    return best;
}

/* Goes back from where d edits led on diagonal k; the matches are added last first. */
static void trace_back(int *const *rows, int d, int k, int shift, Matches *matches) {
    int x = rows[d][k];

    for (; d > 0; d--) {
        bool above = from_above(rows[d - 1], k, d);
        int from = above ? rows[d - 1][k + 1] : rows[d - 1][k - 1] + 1;

        add_match(matches, shift + from, shift + from - k, x - from);
        k += above ? 1 : -1;
        x = rows[d - 1][k];
    }
    add_match(matches, shift, shift, x);
}

/* Finds the matches of a and b, whose first tokens are token `shift` of the whole; last first. */
static void compare(const Tokens *a, const Tokens *b, int shift, Matches *matches) {
    int most = Min(a->n + b->n, EDITS_LIMIT);
    int *reached = (int *)palloc0(sizeof(int) * (2 * most + 3)) + most + 1;
    int **rows = palloc(sizeof(int *) * (most + 1));
    int k = INT_MAX;
    int d;

    for (d = 0; d <= most; d++) {
        CHECK_FOR_INTERRUPTS();
        k = step(a, b, reached, d);
        /* Diagonals -d..d, the ones beside them too, which the next step looks at. */
        rows[d] = (int *)palloc(sizeof(int) * (2 * d + 3)) + d + 1;
        memcpy(rows[d] - d - 1, reached - d - 1, sizeof(int) * (2 * d + 3));
        if (k != INT_MAX)
            break;
    }
    if (k == INT_MAX)
        k = furthest(a, b, reached, --d);
    trace_back(rows, d, k, shift, matches);
}

/* All matches of two texts, in order; the first is at their beginnings and the last at their ends,
 * empty ones if need be. */
static Matches *find_matches(const Tokens *a, const Tokens *b) {
    Matches *matches = palloc0(sizeof(Matches));
    int shorter = Min(a->n, b->n);
    int start = 0;
    int end = 0;
    Tokens middle_a;
    Tokens middle_b;

    while (start < shorter && a->at[start].number == b->at[start].number)
        start++;
    while (end < shorter - start && a->at[a->n - 1 - end].number == b->at[b->n - 1 - end].number)
        end++;
    middle_a = (Tokens){a->at + start, a->n - start - end};
    middle_b = (Tokens){b->at + start, b->n - start - end};
    matches->at[matches->n++] = (Match){a->n, b->n, 0};
    add_match(matches, a->n - end, b->n - end, end);
    compare(&middle_a, &middle_b, start, matches);
    matches->at[matches->n++] = (Match){0, 0, start};
    for (int i = 0; i < matches->n / 2; i++) {
        Match swapped = matches->at[i];

        matches->at[i] = matches->at[matches->n - 1 - i];
        matches->at[matches->n - 1 - i] = swapped;
    }
    return matches;
}

static bool is_gap(const Match *before, const Match *match) {
    return match->from_a > before->from_a + before->n || match->from_b > before->from_b + before->n;
}

static bool is_space_in_line(const Token *token, int n) {
    for (int i = 0; i < n; i++)
        if (token[i].class != SPACE || memchr(token[i].text, '\n', token[i].length))
            return false;
    return true;
}

/* Gives what the two sides of a gap begin or end with alike to the matches around it. */
static void narrow_gap(const Tokens *a, const Tokens *b, Match *before, Match *match) {
    while (before->from_a + before->n < match->from_a &&
           before->from_b + before->n < match->from_b &&
           a->at[before->from_a + before->n].number == b->at[before->from_b + before->n].number)
        before->n++;
    while (before->from_a + before->n < match->from_a &&
           before->from_b + before->n < match->from_b &&
           a->at[match->from_a - 1].number == b->at[match->from_b - 1].number) {
        match->from_a--;
        match->from_b--;
        match->n++;
    }
}

/*
 * "46 800" for "48 600" reads better than 46 for 48, then 800 for 600: a space that stays between
 * two changes goes with them.
 */
static void fold_spaces(const Tokens *a, const Tokens *b, Matches *matches) {
    int kept = 1;

    for (int i = 1; i < matches->n; i++) {
        Match *before = &matches->at[kept - 1];
        Match match = matches->at[i];

        if (i + 1 < matches->n && is_gap(before, &match) && is_gap(&match, &matches->at[i + 1]) &&
            is_space_in_line(a->at + match.from_a, match.n))
            continue;
        narrow_gap(a, b, before, &match);
        matches->at[kept++] = match;
    }
    matches->n = kept;
}

/* Adds tokens from..to as one change. */
static void write_change(JsonbParseState **json, const char *op, const Tokens *tokens, int from,
                         int to) {
    JsonbValue text = {.type = jbvString};

    if (from == to)
        return;
    text.val.string.val = unconstify(char *, tokens->at[from].text);
    text.val.string.len =
        tokens->at[to - 1].text + tokens->at[to - 1].length - tokens->at[from].text;
    of_json_begin(json);
    of_json_string(json, "op", op);
    of_json_key(json, "text");
    pushJsonbValue(json, WJB_VALUE, &text);
    pushJsonbValue(json, WJB_END_OBJECT, NULL);
}

static Jsonb *write_changes(const Tokens *a, const Tokens *b, const Matches *matches) {
    JsonbParseState *json = NULL;
    int at_a = 0;
    int at_b = 0;

    pushJsonbValue(&json, WJB_BEGIN_ARRAY, NULL);
    for (int i = 0; i < matches->n; i++) {
        const Match *match = &matches->at[i];

        write_change(&json, "remove", a, at_a, match->from_a);
        write_change(&json, "add", b, at_b, match->from_b);
        at_a = match->from_a + match->n;
        at_b = match->from_b + match->n;
        write_change(&json, "keep", a, match->from_a, at_a);
    }
    return JsonbValueToJsonb(pushJsonbValue(&json, WJB_END_ARRAY, NULL));
}

/*
 * onefin.word_diff(before, after): [{op: keep | remove | add, text}]. The texts of keep and remove
 * make up the one before, of keep and add the one after. Neighbours differ in op, and a removal
 * stands before what was added in its place.
 */
PG_FUNCTION_INFO_V1(onefin_word_diff);
Datum onefin_word_diff(PG_FUNCTION_ARGS) {
    Tokens before = split(PG_GETARG_TEXT_PP(0));
    Tokens after = split(PG_GETARG_TEXT_PP(1));
    Matches *matches;

    number_tokens(&before, &after);
    matches = find_matches(&before, &after);
    fold_spaces(&before, &after, matches);
    PG_RETURN_JSONB_P(write_changes(&before, &after, matches));
}
