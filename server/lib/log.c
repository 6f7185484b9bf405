/* lib/log.c: one line per event on standard error. */
#include "lib/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/utf8.h"

/* A pipe takes up to PIPE_BUF bytes whole or not at all, and without waiting once poll() finds room. */
#define LINE_SIZE PIPE_BUF
#define LINE_TAIL 8               /* kept free for what ends a line */
#define TEXT_SIZE (LINE_SIZE + 1) /* more than a line holds, so that a cut is seen */
#define RATE_MS   1000

struct line {
    char bytes[LINE_SIZE];
    size_t length;
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static _Atomic int level_most = LOG_LEVEL_INFO;
static atomic_bool is_json;
static atomic_ullong dropped_lines;    /* standard error had no room for them */
static atomic_ullong suppressed_lines; /* log_may() said no */
static pthread_mutex_t write_mutex = PTHREAD_MUTEX_INITIALIZER;

static void log_event(enum log_level level, const char *event, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void write_count(const char *event, const char *words, atomic_ullong *count);
static void line_make(struct line *line, enum log_level level, const char *event, const char *text);
static bool line_append(struct line *line, const char *text);
static bool line_value(struct line *line, const char *text, bool as_json);
static bool line_write(const struct line *line);

void log_open(enum log_level level, bool as_json)
{
    level_most = (int)level;
    is_json = as_json;
}

#define DEFINE_LOG(function, level)                                                                                    \
    void function(const char *event, const char *format, ...)                                                          \
    {                                                                                                                  \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        log_event(level, event, format, arguments);                                                                    \
        va_end(arguments);                                                                                             \
    }
DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

bool log_may(struct log_rate *rate)
{
    long long now_ms = clock_monotonic_ms();
    long long next_ms = __atomic_load_n(&rate->next_ms, __ATOMIC_RELAXED);
    if (now_ms >= next_ms && __atomic_compare_exchange_n(&rate->next_ms, &next_ms, now_ms + RATE_MS, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return true;
    atomic_fetch_add(&suppressed_lines, 1);
    return false;
}

static void log_event(enum log_level level, const char *event, const char *format, va_list arguments)
{
    if ((int)level > level_most)
        return;
    int saved_errno = errno; /* a caller may log first and look at errno afterwards */
    char text[TEXT_SIZE];
    vsnprintf(text, sizeof text, format, arguments);
    struct line line;
    line_make(&line, level, event, text);
    /* One thread at a time, or two could find room for one line and the second would wait in write(). */
    pthread_mutex_lock(&write_mutex);
    write_count("log.dropped", "lines were lost: standard error was full", &dropped_lines);
    write_count("log.suppressed", "repeated errors were not written", &suppressed_lines);
    if (!line_write(&line))
        atomic_fetch_add(&dropped_lines, 1);
    pthread_mutex_unlock(&write_mutex);
    errno = saved_errno;
}

static void write_count(const char *event, const char *words, atomic_ullong *count)
{
    unsigned long long lines = *count;
    if (lines == 0)
        return;
    char text[128];
    snprintf(text, sizeof text, "%llu %s", lines, words);
    struct line line;
    line_make(&line, LOG_LEVEL_WARNING, event, text);
    if (line_write(&line))
        atomic_fetch_sub(count, lines);
}

static void line_make(struct line *line, enum log_level level, const char *event, const char *text)
{
    bool as_json = is_json;
    char time_text[CLOCK_TEXT_SIZE];
    clock_text(clock_wall_ms(), time_text);
    line->length = 0;
    line_append(line, as_json ? "{\"time\":\"" : "");
    line_append(line, time_text);
    line_append(line, as_json ? "\",\"level\":\"" : " ");
    line_append(line, level_names[level]);
    line_append(line, as_json ? "\",\"event\":\"" : " ");
    line_value(line, event, as_json);
    line_append(line, as_json ? "\",\"text\":\"" : ": ");
    bool is_whole = line_value(line, text, as_json);
    int tail = snprintf(line->bytes + line->length, LINE_TAIL, "%s%s\n", is_whole ? "" : "...", as_json ? "\"}" : "");
    line->length += (size_t)tail;
}

/* Append @text whole, or nothing if the line is full. */
static bool line_append(struct line *line, const char *text)
{
    size_t length = strlen(text);
    if (length > LINE_SIZE - LINE_TAIL - line->length)
        return false;
    memcpy(line->bytes + line->length, text, length);
    line->length += length;
    return true;
}

/* Values may come from strangers: nothing in them may begin a line, move a cursor or break the JSON.
 * False: it was cut. */
static bool line_value(struct line *line, const char *text, bool as_json)
{
    size_t left = strlen(text);
    for (size_t step; left > 0; text += step, left -= step) {
        unsigned char c = (unsigned char)text[0];
        char piece[8] = {0};
        step = utf8_step(text, left);
        bool is_c1 = step == 2 && c == 0xC2 && (unsigned char)text[1] < 0xA0;
        if (step == 0 || is_c1 || c < 0x20 || c == 0x7F) {
            unsigned code = is_c1 ? (unsigned char)text[1] : c;
            if (as_json && step == 0)
                code = 0xFFFD; /* no character at all */
            snprintf(piece, sizeof piece, as_json ? "\\u%04x" : "\\x%02x", code & 0xFFFF);
            step = step == 0 ? 1 : step;
        } else if (as_json && (c == '"' || c == '\\')) {
            piece[0] = '\\';
            piece[1] = (char)c;
        } else {
            memcpy(piece, text, step);
        }
        if (!line_append(line, piece))
            return false;
    }
    return true;
}

/* False: no room, or standard error is gone. O_NONBLOCK would be the other way, but it belongs to
 * everyone who shares the pipe or the terminal. */
static bool line_write(const struct line *line)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
        return false;
    return write(STDERR_FILENO, line->bytes, line->length) == (ssize_t)line->length;
}
