/*
 * worker_deflate.c - a zlib stream whose end has changed: its beginning is kept as it is.
 *
 * Deflate is made of blocks, each of which can be followed by another. So the stream is cut between
 * two of them, before the first byte that has changed, and only what follows is compressed anew. To
 * find the cut nothing need be decompressed: it is enough to walk along the symbols and to count
 * the bytes they stand for, which takes a time that goes by the compressed size.
 */
#include "worker_image.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CODE_MAX  15 /* bits of a code */
#define LITERALS  288
#define DISTANCES 32
#define WINDOW    32768
#define HEAD      2 /* bytes of zlib's header, before the first block */
#define LEVEL     6

/* The walk. The stream was decompressed before, so it is known to be right; what would go beyond
 * its end reads as zeros, and ends the walk. */
struct walk {
    const unsigned char *at, *end;
    uint64_t bits; /* read and not taken yet, the next one lowest */
    unsigned count;
    size_t taken; /* bits */
    bool over;
};

/* For each row of 15 bits: the symbol it begins with, times 16, and the bits of that one's code. */
struct table {
    uint16_t entries[1 << CODE_MAX];
};

static void fill(struct walk *walk) {
    while (walk->count <= 56) {
        walk->bits |= (uint64_t)(walk->at < walk->end ? *walk->at : 0) << walk->count;
        walk->over |= walk->at > walk->end + 8;
        walk->at++;
        walk->count += 8;
    }
}

static unsigned take(struct walk *walk, unsigned count) {
    unsigned bits;

    fill(walk);
    bits = walk->bits & ((1U << count) - 1);
    walk->bits >>= count;
    walk->count -= count;
    walk->taken += count;
    return bits;
}

static unsigned take_symbol(struct walk *walk, const struct table *table) {
    unsigned entry;

    fill(walk);
    entry = table->entries[walk->bits & ((1 << CODE_MAX) - 1)];
    take(walk, entry & 15);
    return entry >> 4;
}

static unsigned reversed(unsigned code, unsigned length) {
    unsigned turned = 0;

    for (; length > 0; length--, code >>= 1)
        turned = turned << 1 | (code & 1);
    return turned;
}

/* From the lengths of the codes, which say all (RFC 1951, 3.2.2). */
static void make_table(struct table *table, const unsigned char *lengths, unsigned symbols) {
    unsigned counts[CODE_MAX + 1] = {0}, next[CODE_MAX + 1] = {0};

    for (unsigned i = 0; i < symbols; i++)
        counts[lengths[i]]++;
    counts[0] = 0;
    for (unsigned i = 1; i <= CODE_MAX; i++)
        next[i] = (next[i - 1] + counts[i - 1]) << 1;
    memset(table, 0, sizeof *table);
    for (unsigned i = 0; i < symbols; i++) {
        unsigned length = lengths[i];

        if (length == 0)
            continue;
        for (unsigned row = reversed(next[length]++, length); row < 1 << CODE_MAX;
             row += 1U << length)
            table->entries[row] = i << 4 | length;
    }
}

static void fixed_lengths(unsigned char *lengths) {
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    memset(lengths + LITERALS, 5, DISTANCES);
}

/* The lengths of a block with codes of its own, which are coded themselves. */
static void read_lengths(struct walk *walk, struct table *table, unsigned char *lengths) {
    static const unsigned char order[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
    unsigned literals = take(walk, 5) + 257, distances = take(walk, 5) + 1;
    unsigned count = take(walk, 4) + 4, all = literals + distances;
    unsigned char read[LITERALS + DISTANCES + 138] = {0}, coded[sizeof order] = {0};

    for (unsigned i = 0; i < count; i++)
        coded[order[i]] = take(walk, 3);
    make_table(table, coded, sizeof order);
    for (unsigned i = 0; i < all && !walk->over;) {
        unsigned symbol = take_symbol(walk, table), times = 1, value = symbol;

        if (symbol >= 16) {
            value = symbol == 16 && i > 0 ? read[i - 1] : 0;
            times = symbol == 16   ? 3 + take(walk, 2)
                    : symbol == 17 ? 3 + take(walk, 3)
                                   : 11 + take(walk, 7);
        }
        memset(read + i, value, times);
        i += times;
    }
    memset(lengths, 0, LITERALS + DISTANCES);
    memcpy(lengths, read, literals < LITERALS ? literals : LITERALS);
    memcpy(lengths + LITERALS, read + literals, distances);
}

/* The bytes that a block stands for, from behind its codes to behind its end. */
static size_t walk_codes(struct walk *walk, const struct table *literals,
                         const struct table *distances) {
    static const unsigned short lengths[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                             15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                             67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const unsigned char more[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    size_t size = 0;

    while (!walk->over) {
        unsigned symbol = take_symbol(walk, literals), distance;

        if (symbol < 256) {
            size++;
            continue;
        }
        if (symbol == 256 || symbol - 257 >= sizeof more)
            break;
        size += lengths[symbol - 257] + take(walk, more[symbol - 257]);
        distance = take_symbol(walk, distances);
        take(walk, distance < 4 ? 0 : distance / 2 - 1);
    }
    return size;
}

/* The bytes that are stored as they are. */
static size_t walk_stored(struct walk *walk) {
    size_t size;

    take(walk, walk->count % 8);
    size = take(walk, 16);
    take(walk, 16);
    for (size_t left = size; left > 0 && !walk->over; left--)
        take(walk, 8);
    return size;
}

/* Goes over one block. Sets *last when it is. */
static size_t walk_block(struct walk *walk, struct table *tables, bool *last) {
    unsigned char lengths[LITERALS + DISTANCES];
    unsigned kind;

    *last = take(walk, 1);
    kind = take(walk, 2);
    if (kind == 0)
        return walk_stored(walk);
    if (kind == 1)
        fixed_lengths(lengths);
    else
        read_lengths(walk, &tables[0], lengths);
    make_table(&tables[0], lengths, LITERALS);
    make_table(&tables[1], lengths + LITERALS, DISTANCES);
    return walk_codes(walk, &tables[0], &tables[1]);
}

/* Where the last block begins that does not begin behind `changed`. */
struct cut {
    size_t bits; /* of the stream, without the header */
    size_t size; /* bytes that these stand for */
};

static struct cut find_cut(struct bytes stream, size_t changed) {
    struct walk walk = {.at = stream.at + HEAD, .end = stream.at + stream.size};
    struct table *tables = malloc(2 * sizeof *tables);
    struct cut cut = {0}, next = {0};
    bool last = false;

    while (!last && !walk.over && next.size <= changed) {
        cut = next;
        next.size += walk_block(&walk, tables, &last);
        next.bits = walk.taken;
    }
    if (!last && next.size <= changed)
        cut = next;
    free(tables);
    return cut;
}

/* Compresses what follows the cut, behind the bits that are there already. */
static size_t deflate_rest(struct bytes content, struct cut cut, unsigned char *into, size_t room) {
    size_t window = cut.size < WINDOW ? cut.size : WINDOW;
    z_stream z = {0};

    if (deflateInit2(&z, LEVEL, Z_DEFLATED, -CODE_MAX, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        fail("too_large", "The picture needs more memory than it may have.");
    deflatePrime(&z, cut.bits % 8, into[cut.bits / 8]);
    if (window > 0)
        deflateSetDictionary(&z, content.at + cut.size - window, window);
    z.next_in = (unsigned char *)content.at + cut.size;
    z.avail_in = content.size - cut.size;
    z.next_out = into + cut.bits / 8;
    z.avail_out = room - cut.bits / 8;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        fail("died", "the picture cannot be compressed");
    room = z.next_out - into;
    deflateEnd(&z);
    return room;
}

struct bytes deflate_anew(struct bytes stream, struct bytes content, size_t changed) {
    struct cut cut = find_cut(stream, changed);
    size_t room = stream.size + compressBound(content.size - cut.size) + 64, size;
    unsigned char *made = malloc(room);
    uint32_t sum = libdeflate_adler32(1, content.at, content.size);

    made[0] = 0x78; /* a window of 32 KiB */
    made[1] = 0x9c;
    memcpy(made + HEAD, stream.at + HEAD, cut.bits / 8 + 1);
    made[HEAD + cut.bits / 8] &= (1U << cut.bits % 8) - 1;
    size = HEAD + deflate_rest(content, cut, made + HEAD, room - HEAD - 4);
    for (int i = 0; i < 4; i++)
        made[size++] = sum >> (24 - 8 * i);
    return (struct bytes){made, size};
}
