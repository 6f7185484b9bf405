/* span.h: JSON looked at where it lies. What a server sends is never made into a tree here: thousands of sockets
 * would spend more time on that than on anything else. Texts are taken as they stand, escapes and all. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *at;
    size_t length;
};

/* The value of member @name of @object. False: it is not there, or this is no object. */
bool span_member(struct span object, const char *name, struct span *value);
/* The next item of @array; begin with *cursor 0. False: there is none. */
bool span_next(struct span array, size_t *cursor, struct span *item);
/* A whole number that is not negative; 0 if it is anything else. */
uint64_t span_number(struct span value);
/* A text without its quotes; empty if it is no text. */
struct span span_text(struct span value);
bool span_is(struct span value, const char *text);

/* What a line pushes: one publication of a room. */
struct publication {
    uint64_t room; /* 0: in a list of recovered ones, where it is known */
    uint64_t offset;
    bool is_ours; /* one of the messages of this run; else nothing below is set */
    uint32_t process;
    uint32_t sequence;
    int64_t stamp_ns;
};
/* How the texts of a run begin: `"text":"pl:<run>:`, as they stand in a line. */
#define MARK_BYTES 32
/* False: @line is no publication of a room with an offset. */
bool push_read(struct span line, const char *mark, struct publication *out);
/* The same for one of a list of recovered ones. */
bool publication_read(struct span object, const char *mark, struct publication *out);
