/* lib/clock.h: two clocks. Durations and deadlines use the monotonic one only. */
#pragma once
#include <stdint.h>

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
/* Milliseconds since 1970, UTC: for stamps that people read, never for a timer. */
int64_t clock_wall_ms(void);

#define CLOCK_TEXT_SIZE 25 /* 2026-11-22T10:15:25.123Z and the NUL */
/* @wall_ms as RFC 3339 UTC with milliseconds. Returns @text. */
char *clock_text(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);
