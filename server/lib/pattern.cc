/* lib/pattern.cc: lib/pattern.h by RE2, which never backtracks. C++ ends in this file: no exception leaves it. */
#include "lib/pattern.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <re2/re2.h>

/* Of one compiled pattern with its caches. When the caches are full RE2 goes on with less of them, slower by a
 * constant factor. */
static const int64_t memory_bytes_max = 1 << 20;

struct pattern {
    RE2 re2;
    pattern(const char *text, const RE2::Options &options) : re2(text, options) {}
};

extern "C" struct pattern *pattern_new(const char *text, char *why, size_t why_size)
{
    if (std::strlen(text) > PATTERN_BYTES_MAX) {
        std::snprintf(why, why_size, "the pattern is longer than %d bytes", PATTERN_BYTES_MAX);
        return nullptr;
    }
    try {
        RE2::Options options;
        options.set_log_errors(false); /* it would write to standard error by itself */
        options.set_never_capture(true);
        options.set_max_mem(memory_bytes_max);
        struct pattern *pattern = new struct pattern(text, options);
        if (pattern->re2.ok())
            return pattern;
        std::snprintf(why, why_size, "the pattern is not understood: %s", pattern->re2.error().c_str());
        delete pattern;
    } catch (...) {
        std::snprintf(why, why_size, "there is no memory for the pattern");
    }
    return nullptr;
}

extern "C" bool pattern_matches(const struct pattern *pattern, const char *text, size_t length)
{
    try {
        return pattern->re2.Match(re2::StringPiece(text, length), 0, length, RE2::UNANCHORED, nullptr, 0);
    } catch (...) {
        return false; /* no memory: the default is no */
    }
}

extern "C" void pattern_free(struct pattern *pattern)
{
    delete pattern;
}
