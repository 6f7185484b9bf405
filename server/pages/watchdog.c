/* pages/watchdog.c: samples of the loop's lag, from a timer and from the length of its busy turns. */
#include "pages/watchdog.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define SAMPLE_MS      100
#define TIMER_GRAIN_NS 1000000u /* libuv's timers count whole milliseconds: being that late is no lag */
#define WARN_S         1.0

static const double bounds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1};

struct watchdog {
    struct lag lag;
    uv_timer_t timer;
    uv_prepare_t prepare;
    int handles;          /* still open; the last one frees the watchdog */
    uint64_t sampled_ns;  /* when the timer last came */
    uint64_t turn_ns;     /* when the last turn ended */
    uint64_t idle_ns;     /* the loop's count of idle time then */
    uint64_t busy_ns_max; /* the longest turn since the last sample */
};

static void sample(uv_timer_t *timer);
static void turn_ended(uv_prepare_t *prepare);
static void handle_closed(uv_handle_t *handle);

struct watchdog *watchdog_open(uv_loop_t *loop)
{
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (!watchdog)
        return NULL;
    lag_init(&watchdog->lag);
    uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    uv_timer_init(loop, &watchdog->timer);
    uv_prepare_init(loop, &watchdog->prepare);
    watchdog->handles = 2;
    watchdog->timer.data = watchdog->prepare.data = watchdog;
    watchdog->sampled_ns = watchdog->turn_ns = uv_hrtime();
    uv_timer_start(&watchdog->timer, sample, SAMPLE_MS, SAMPLE_MS);
    uv_prepare_start(&watchdog->prepare, turn_ended);
    /* Watching alone is no reason for the loop to go on. */
    uv_unref((uv_handle_t *)&watchdog->timer);
    uv_unref((uv_handle_t *)&watchdog->prepare);
    return watchdog;
}

void watchdog_close(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    uv_close((uv_handle_t *)&watchdog->timer, handle_closed);
    uv_close((uv_handle_t *)&watchdog->prepare, handle_closed);
}

const struct lag *watchdog_lag(const struct watchdog *watchdog)
{
    return &watchdog->lag;
}

/* The last thing before the loop waits for events: a turn is over. */
static void turn_ended(uv_prepare_t *prepare)
{
    struct watchdog *watchdog = prepare->data;
    uint64_t now_ns = uv_hrtime();
    uint64_t idle_ns = uv_metrics_idle_time(prepare->loop);
    uint64_t length_ns = now_ns - watchdog->turn_ns, waited_ns = idle_ns - watchdog->idle_ns;
    uint64_t busy_ns = length_ns > waited_ns ? length_ns - waited_ns : 0;
    if (busy_ns > watchdog->busy_ns_max)
        watchdog->busy_ns_max = busy_ns;
    watchdog->turn_ns = now_ns;
    watchdog->idle_ns = idle_ns;
}

static void sample(uv_timer_t *timer)
{
    struct watchdog *watchdog = timer->data;
    uint64_t now_ns = uv_hrtime();
    uint64_t since_ns = now_ns - watchdog->sampled_ns;
    uint64_t due_ns = SAMPLE_MS * (uint64_t)1000000 + TIMER_GRAIN_NS;
    uint64_t late_ns = since_ns > due_ns ? since_ns - due_ns : 0;
    uint64_t lag_ns = late_ns > watchdog->busy_ns_max ? late_ns : watchdog->busy_ns_max;
    double lag_s = (double)lag_ns / 1e9;
    lag_add(&watchdog->lag, lag_s);
    if (lag_s > WARN_S)
        log_warning("loop.lag", "the loop was busy or stopped for %.1f s: everybody waited", lag_s);
    watchdog->busy_ns_max = 0;
    watchdog->sampled_ns = now_ns;
}

static void handle_closed(uv_handle_t *handle)
{
    struct watchdog *watchdog = handle->data;
    if (--watchdog->handles == 0)
        free(watchdog);
}

void lag_init(struct lag *lag)
{
    *lag = (struct lag){.histogram = {.bounds = bounds, .bound_count = sizeof bounds / sizeof bounds[0]}};
}

void lag_add(struct lag *lag, double seconds)
{
    /* More than the ring holds would only overwrite itself. */
    for (int i = 0; i < LAG_SAMPLES && (i == 0 || seconds > 0); i++, seconds -= LAG_SAMPLE_S) {
        histogram_add(&lag->histogram, seconds);
        lag->samples[lag->next] = seconds;
        lag->next = (lag->next + 1) % LAG_SAMPLES;
        if (lag->count < LAG_SAMPLES)
            lag->count++;
    }
}

static int compare_seconds(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* What @percent of 100 samples stay below. */
static double lag_percentile_s(const struct lag *lag, size_t percent)
{
    if (lag->count == 0)
        return 0;
    double sorted[LAG_SAMPLES];
    memcpy(sorted, lag->samples, lag->count * sizeof sorted[0]);
    qsort(sorted, lag->count, sizeof sorted[0], compare_seconds);
    return sorted[(lag->count * percent + 99) / 100 - 1];
}

double lag_p99_s(const struct lag *lag)
{
    return lag_percentile_s(lag, 99);
}

double lag_p50_s(const struct lag *lag)
{
    return lag_percentile_s(lag, 50);
}

void lag_print(const struct lag *lag, struct buffer *out)
{
    histogram_print(out, "parley_loop_lag_seconds", "How long an event may have waited for the loop.", &lag->histogram);
    struct metric p99 = {.name = "parley_loop_lag_p99_seconds",
                         .help = "The same, what 99 of 100 samples of the last ten seconds stay below.",
                         .value = lag_p99_s(lag)};
    metrics_print(out, &p99, 1);
}
