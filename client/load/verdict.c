/* verdict.c: the numbers that --max may bound, as one table. */
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"

enum what { QUANTILE, MEAN, ANSWER, COUNT };
static const struct {
    const char *name;
    enum what what;
    double fraction; /* of a quantile */
    size_t place;    /* of a count in struct totals */
    bool is_always;  /* 0 at most, unless told otherwise */
} numbers[] = {
    {"p50", QUANTILE, 0.5, 0, false},
    {"p90", QUANTILE, 0.9, 0, false},
    {"p99", QUANTILE, 0.99, 0, false},
    {"p999", QUANTILE, 0.999, 0, false},
    {"max", QUANTILE, 1, 0, false},
    {"mean", MEAN, 0, 0, false},
    {"answer_p99", ANSWER, 0.99, 0, false},
    {"lost", COUNT, 0, offsetof(struct totals, counts.lost), true},
    {"duplicates", COUNT, 0, offsetof(struct totals, counts.duplicates), true},
    {"disorder", COUNT, 0, offsetof(struct totals, counts.disorder), true},
    {"errors", COUNT, 0, offsetof(struct totals, errors), false},
    {"refused", COUNT, 0, offsetof(struct totals, refused), false},
    {"unanswered", COUNT, 0, offsetof(struct totals, unanswered), false},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static double number_of(size_t index, const struct results *results);
static bool limit_read(size_t index, const char *text, double *most);

bool limit_add(struct options *options, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    for (size_t i = 0; i < NUMBERS && equals; i++) {
        struct limit *limit = &options->limits[options->limit_count];
        if (strlen(numbers[i].name) != length || strncmp(text, numbers[i].name, length) != 0)
            continue;
        if (options->limit_count == LIMITS_MAX || !limit_read(i, equals + 1, &limit->most)) {
            fprintf(stderr, "parley-load: --max %s: %s\n", text,
                    numbers[i].what == COUNT ? "a number is expected, as in lost=0"
                                             : "a time is expected, as in p99=50ms");
            return false;
        }
        snprintf(limit->name, sizeof limit->name, "%s", numbers[i].name);
        options->limit_count++;
        return true;
    }
    fprintf(stderr, "parley-load: --max %s: NAME=VALUE is expected, where NAME is one of", text);
    for (size_t i = 0; i < NUMBERS; i++)
        fprintf(stderr, " %s", numbers[i].name);
    fprintf(stderr, "\n");
    return false;
}

size_t verdict_count(const struct options *options, const struct results *results,
                     void (*say)(void *context, const char *line), void *context)
{
    size_t count = 0;
    char line[160], is[32], may[32];
    if (results->sockets_missing > 0) {
        /* Whatever was measured was another load than the one asked for. */
        long long wanted = options->sockets + options->idle;
        snprintf(line, sizeof line, "only %lld of %lld sockets could be opened", wanted - results->sockets_missing,
                 wanted);
        if (say)
            say(context, line);
        count++;
    }
    for (size_t i = 0; i < NUMBERS; i++) {
        double most = numbers[i].is_always ? 0 : -1, found = number_of(i, results);
        for (size_t k = 0; k < options->limit_count; k++)
            if (strcmp(options->limits[k].name, numbers[i].name) == 0)
                most = options->limits[k].most;
        /* Of nothing that was delivered nobody knows how long it took: that is not fast. */
        bool is_unknown = numbers[i].what != COUNT && results->delivery.count == 0;
        if (most < 0 || (found <= most && !is_unknown))
            continue;
        if (numbers[i].what == COUNT)
            snprintf(line, sizeof line, "%s is %.0f, and may be %.0f", numbers[i].name, found, most);
        else
            snprintf(line, sizeof line, "%s is %s, and may be %s", numbers[i].name,
                     is_unknown ? "unknown" : duration_text(found, is), duration_text(most, may));
        if (say)
            say(context, line);
        count++;
    }
    return count;
}

static double number_of(size_t index, const struct results *results)
{
    switch (numbers[index].what) {
    case QUANTILE:
        return (double)histogram_quantile(&results->delivery, numbers[index].fraction);
    case MEAN:
        return histogram_mean(&results->delivery);
    case ANSWER:
        return (double)histogram_quantile(&results->answer, numbers[index].fraction);
    case COUNT:
        break;
    }
    uint64_t count;
    memcpy(&count, (const char *)&results->totals + numbers[index].place, sizeof count);
    return (double)count;
}

static bool limit_read(size_t index, const char *text, double *most)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0 && number < 1e15))
        return false;
    *most = number;
    if (numbers[index].what == COUNT)
        return *end == '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *most = number * units[i].ns;
            return true;
        }
    }
    return false;
}
