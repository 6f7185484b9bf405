/* lib/clock.c: the two clocks. */
#include "lib/clock.h"

#include <time.h>

/* The first and the last millisecond that four digits of year can name. */
#define WALL_MS_LEAST INT64_C(-62167219200000)
#define WALL_MS_MOST  INT64_C(253402300799999)

static char *put_digits(char *at, int value, int digits);

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *clock_text(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    if (wall_ms < WALL_MS_LEAST)
        wall_ms = WALL_MS_LEAST;
    if (wall_ms > WALL_MS_MOST)
        wall_ms = WALL_MS_MOST;
    int ms = (int)(wall_ms % 1000);
    time_t seconds = (time_t)(wall_ms / 1000);
    if (ms < 0) { /* before 1970: the milliseconds still count forwards */
        ms += 1000;
        seconds--;
    }
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char *at = put_digits(text, utc.tm_year + 1900, 4);
    *at++ = '-';
    at = put_digits(at, utc.tm_mon + 1, 2);
    *at++ = '-';
    at = put_digits(at, utc.tm_mday, 2);
    *at++ = 'T';
    at = put_digits(at, utc.tm_hour, 2);
    *at++ = ':';
    at = put_digits(at, utc.tm_min, 2);
    *at++ = ':';
    at = put_digits(at, utc.tm_sec, 2);
    *at++ = '.';
    at = put_digits(at, ms, 3);
    *at++ = 'Z';
    *at = '\0';
    return text;
}

static char *put_digits(char *at, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}
