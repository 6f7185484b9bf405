/* lib/log.h: one line per event on standard error: for people on a terminal, JSON otherwise.
 * Any thread. Never blocks on a full pipe: lines that do not fit are counted and reported later.
 * Control bytes in values are escaped. Never log a secret, a token or a message's text. */
#pragma once
#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_open(enum log_level level, bool as_json);
/* printf-style; @event is a stable short name such as "listening" or "bus.down". */
void log_error(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As log_error, at most once a second per call site; the rest are counted. */
#define log_error_rarely(...)                                                                                          \
    do {                                                                                                               \
        static struct log_rate rate_;                                                                                  \
        if (log_may(&rate_))                                                                                           \
            log_error(__VA_ARGS__);                                                                                    \
    } while (0)
struct log_rate {
    long long next_ms;
};
bool log_may(struct log_rate *rate);
