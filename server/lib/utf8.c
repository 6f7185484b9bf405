/* lib/utf8.c: UTF-8 as RFC 3629 has it. */
#include "lib/utf8.h"

#include <string.h>

#define NOT_ASCII UINT64_C(0x8080808080808080) /* the high bit of each of eight bytes */

static bool is_continuation(unsigned char byte);

bool utf8_is_valid(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint64_t eight;
        if (length - at >= sizeof eight) { /* most text is ASCII: eight bytes a step */
            memcpy(&eight, text + at, sizeof eight);
            if ((eight & NOT_ASCII) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t step = utf8_step(text + at, length - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

size_t utf8_step(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (length == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    if (length < 2 || !is_continuation(bytes[1]))
        return 0;
    if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF) /* C0 and C1 begin only overlong forms */
        return 2;
    if (length < 3 || !is_continuation(bytes[2]))
        return 0;
    if ((bytes[0] & 0xF0) == 0xE0) {
        bool is_overlong = bytes[0] == 0xE0 && bytes[1] < 0xA0;
        bool is_surrogate = bytes[0] == 0xED && bytes[1] >= 0xA0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (length < 4 || !is_continuation(bytes[3]))
        return 0;
    if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
        bool is_overlong = bytes[0] == 0xF0 && bytes[1] < 0x90;
        bool is_too_high = bytes[0] == 0xF4 && bytes[1] >= 0x90;
        return is_overlong || is_too_high ? 0 : 4;
    }
    return 0;
}

size_t utf8_count(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += !is_continuation((unsigned char)text[i]);
    return count;
}

void utf8_copy(char *to, size_t size, const char *from)
{
    size_t length = 0, left = from ? strlen(from) : 0;
    while (left) {
        size_t step = utf8_step(from, left), taken = step ? step : 1;
        if (length + taken >= size)
            break;
        memcpy(to + length, step ? from : "?", taken);
        length += taken;
        from += taken;
        left -= taken;
    }
    to[length] = '\0';
}

uint32_t utf8_next(const char **text)
{
    const unsigned char *bytes = (const unsigned char *)*text;
    uint32_t lead = bytes[0];
    unsigned more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    static const uint32_t lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = lead & lead_bits[more];
    for (unsigned i = 1; i <= more; i++)
        code = code << 6 | (bytes[i] & 0x3Fu);
    *text += more + 1;
    return code;
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}
