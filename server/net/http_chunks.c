/* net/http_chunks.c: the chunked transfer coding (RFC 9112, section 7.1), strictly. Extensions and trailers
 * are read over; every line ends with CR LF, and a size is hexadecimal digits only. */
#include "net/http_parse.h"

#include <string.h>

#define OVERHEAD_MAX    4096 /* of size lines' extensions and trailers: they carry nothing for us */
#define SIZE_DIGITS_MAX 8

static bool size_digit(struct http_chunks *chunks, unsigned char c);
static bool overhead_byte(struct http_chunks *chunks, unsigned char c);

bool http_chunks_read(struct http_chunks *chunks, const char *bytes, size_t length, char *body, size_t *used,
                      size_t *made)
{
    size_t at = 0, written = 0;
    while (at < length && chunks->state != CHUNK_DONE) {
        if (chunks->state == CHUNK_DATA) {
            size_t piece = chunks->size < length - at ? chunks->size : length - at;
            memmove(body + written, bytes + at, piece);
            written += piece;
            at += piece;
            chunks->size -= piece;
            if (chunks->size == 0)
                chunks->state = CHUNK_DATA_CR;
            continue;
        }
        unsigned char c = (unsigned char)bytes[at++];
        switch (chunks->state) {
        case CHUNK_SIZE:
            if (!size_digit(chunks, c))
                return false;
            break;
        case CHUNK_EXTENSION:
            if (c == '\r')
                chunks->state = CHUNK_SIZE_LF;
            else if (!overhead_byte(chunks, c))
                return false;
            break;
        case CHUNK_SIZE_LF:
            if (c != '\n')
                return false;
            chunks->state = chunks->size > 0 ? CHUNK_DATA : CHUNK_TRAILER;
            chunks->line_length = 0;
            break;
        case CHUNK_DATA_CR:
            if (c != '\r')
                return false;
            chunks->state = CHUNK_DATA_LF;
            break;
        case CHUNK_DATA_LF:
            if (c != '\n')
                return false;
            chunks->state = CHUNK_SIZE;
            chunks->line_length = 0;
            break;
        case CHUNK_TRAILER:
            if (c == '\r')
                chunks->state = CHUNK_TRAILER_LF;
            else if (!overhead_byte(chunks, c) || (chunks->line_length++ == 0 && (c == ' ' || c == '\t')))
                return false;
            break;
        case CHUNK_TRAILER_LF:
            if (c != '\n')
                return false;
            chunks->state = chunks->line_length > 0 ? CHUNK_TRAILER : CHUNK_DONE;
            chunks->line_length = 0;
            break;
        case CHUNK_DATA:
        case CHUNK_DONE:
            break;
        }
    }
    *used = at;
    *made = written;
    return true;
}

static bool size_digit(struct http_chunks *chunks, unsigned char c)
{
    int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
    if (digit >= 0) {
        if (chunks->line_length == 0)
            chunks->size = 0;
        chunks->size = chunks->size * 16 + (size_t)digit;
        return ++chunks->line_length <= SIZE_DIGITS_MAX;
    }
    if (chunks->line_length == 0)
        return false;
    if (c == '\r')
        chunks->state = CHUNK_SIZE_LF;
    else if (c == ';')
        chunks->state = CHUNK_EXTENSION;
    else
        return false;
    return true;
}

static bool overhead_byte(struct http_chunks *chunks, unsigned char c)
{
    bool is_text = c == '\t' || (c >= ' ' && c != 0x7f);
    return is_text && ++chunks->overhead <= OVERHEAD_MAX;
}
