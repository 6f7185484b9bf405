/* results.c: the table for people, and the files for programs. */
#include "results.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "verdict.h"

#define NOTES_SHOWN 12

static void print_costs(const struct options *options, const struct results *results);
static void json_make(const struct options *options, const struct results *results, struct buffer *out);
static void json_counts(const struct results *results, struct buffer *out);
static void json_seconds(const struct results *results, struct buffer *out);
static void csv_make(const struct results *results, struct buffer *out);
static bool file_write(const char *path, struct buffer *text);

static const struct {
    const char *name;
    double fraction;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
#define QUANTILES (sizeof quantiles / sizeof quantiles[0])

void result_remark(struct results *results, const char *format, ...)
{
    va_list arguments;
    char text[sizeof results->remarks[0]];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < results->remark_count; i++)
        if (strcmp(results->remarks[i], text) == 0)
            return;
    if (results->remark_count < REMARKS_MAX)
        memcpy(results->remarks[results->remark_count++], text, sizeof text);
}

double result_server_bytes(const struct options *options, const struct results *results)
{
    double bytes = 0;
    int64_t sockets = options->sockets + options->idle - results->sockets_missing;
    if (results->server_count == 0 || sockets <= 0 || results->servers[0].open_bytes <= 0)
        return -1;
    for (size_t i = 0; i < results->server_count; i++) {
        if (results->servers[i].is_gone)
            return -1;
        bytes += (double)(results->servers[i].open_bytes - results->servers[i].idle_bytes);
    }
    return bytes / (double)sockets;
}

char *duration_text(double ns, char text[32])
{
    if (ns < 1e6)
        snprintf(text, 32, "%.3g us", ns / 1e3);
    else if (ns < 1e9)
        snprintf(text, 32, ns < 1e8 ? "%.3g ms" : "%.0f ms", ns / 1e6);
    else
        snprintf(text, 32, "%.3g s", ns / 1e9);
    return text;
}

static void say_verdict(void *context, const char *line)
{
    (void)context;
    printf("FAILED      %s\n", line);
}

void result_print(const struct options *options, const struct results *results)
{
    const struct totals *totals = &results->totals;
    char text[32];
    printf("run         %s, %.1f s of load after %.1f s of opening%s%s\n", results->run, results->load_s,
           results->ramp_s, results->is_interrupted ? ", interrupted" : "", results->is_broken ? ", broken off" : "");
    printf("sockets     %llu wanted, %llu opened, %llu cut, %llu open at the end\n",
           (unsigned long long)totals->sockets_wanted, (unsigned long long)totals->opened,
           (unsigned long long)totals->cuts, (unsigned long long)totals->sockets_up);
    if (totals->storm_ms > 0)
        printf("storm       all were back after %lld ms\n", (long long)totals->storm_ms);
    printf("messages    %llu said, %llu answered, %llu refused, %llu unanswered, %llu said again after a cut\n",
           (unsigned long long)totals->sent, (unsigned long long)totals->answered, (unsigned long long)totals->refused,
           (unsigned long long)totals->unanswered, (unsigned long long)totals->resent);
    printf("deliveries  %llu (%llu of them recovered), %.0f per second until the last came\n",
           (unsigned long long)totals->counts.deliveries, (unsigned long long)totals->recovered,
           results->busy_s > 0 ? (double)totals->counts.deliveries / results->busy_s : 0);
    printf("checked     %llu lost, %llu duplicates, %llu out of order, %llu sockets that could not recover\n",
           (unsigned long long)totals->counts.lost, (unsigned long long)totals->counts.duplicates,
           (unsigned long long)totals->counts.disorder, (unsigned long long)totals->unrecovered);
    printf("errors      %llu\n", (unsigned long long)totals->errors);
    for (int answers = 0; answers < 2; answers++) {
        const struct histogram *histogram = answers ? &results->answer : &results->delivery;
        printf("%s", answers ? "to answer  " : "to deliver ");
        for (size_t i = 0; i < QUANTILES; i++)
            printf(" %s %s%s", quantiles[i].name,
                   histogram->count > 0
                       ? duration_text((double)histogram_quantile(histogram, quantiles[i].fraction), text)
                       : "-",
                   i + 1 < QUANTILES ? " " : "\n");
    }
    print_costs(options, results);
    for (size_t i = 0; i < results->note_count && i < NOTES_SHOWN; i++)
        printf("seen        %llu x %s\n", (unsigned long long)results->notes[i].times, results->notes[i].text);
    if (results->note_count > NOTES_SHOWN)
        printf("seen        %zu further kinds: see --json\n", results->note_count - NOTES_SHOWN);
    for (size_t i = 0; i < results->remark_count; i++)
        printf("remark      %s\n", results->remarks[i]);
    if (verdict_count(options, results, say_verdict, NULL) == 0 && !results->is_broken)
        printf("passed      nothing is above what it may be\n");
}

static void print_costs(const struct options *options, const struct results *results)
{
    const struct totals *totals = &results->totals;
    double load_ns = results->busy_s * 1e9;
    printf("load        %u process%s, %.2f CPUs", results->processes, results->processes == 1 ? "" : "es",
           load_ns > 0 ? (double)results->own_cpu_ns / load_ns : 0);
    if (totals->counts.deliveries > 0)
        printf(", %.2f us and %.0f bytes received for each delivery",
               (double)results->own_cpu_ns / 1e3 / (double)totals->counts.deliveries,
               (double)totals->bytes_in / (double)totals->counts.deliveries);
    printf("\n");
    for (size_t i = 0; i < results->server_count; i++) {
        const struct server_cost *server = &results->servers[i];
        if (server->is_gone)
            continue; /* a remark says so */
        printf("server      %ld: %.2f CPUs", (long)server->pid, load_ns > 0 ? (double)server->cpu_ns / load_ns : 0);
        if (totals->counts.deliveries > 0)
            printf(", %.2f us for each delivery", (double)server->cpu_ns / 1e3 / (double)totals->counts.deliveries);
        printf(", memory %.1f MB before, %.1f with all sockets, %.1f at the end\n", (double)server->idle_bytes / 1e6,
               (double)server->open_bytes / 1e6, (double)server->end_bytes / 1e6);
    }
    double bytes = result_server_bytes(options, results);
    if (bytes >= 0)
        printf("            %.0f bytes of its memory for each socket\n", bytes);
}

bool result_write(const struct options *options, const struct results *results)
{
    bool is_good = true;
    if (options->json) {
        SCOPED(buffer_free) struct buffer text = {0};
        json_make(options, results, &text);
        is_good = file_write(options->json, &text);
    }
    if (options->csv) {
        SCOPED(buffer_free) struct buffer text = {0};
        csv_make(results, &text);
        is_good = file_write(options->csv, &text) && is_good;
    }
    if (options->html) {
        SCOPED(buffer_free) struct buffer text = {0};
        result_html(options, results, &text);
        is_good = file_write(options->html, &text) && is_good;
    }
    return is_good;
}

static void json_verdict(void *context, const char *line)
{
    struct buffer *out = context;
    if (out->bytes[out->length - 1] != '[')
        buffer_char(out, ',');
    buffer_json(out, line, strlen(line));
}

static void json_make(const struct options *options, const struct results *results, struct buffer *out)
{
    char stamp[CLOCK_TEXT_SIZE];
    buffer_printf(out, "{\"run\":\"%s\",\"at\":\"%s\",", results->run, clock_text(clock_wall_ms(), stamp));
    buffer_json_member(out, "url", options->url);
    buffer_printf(
        out,
        ",\"scenario\":{\"sockets\":%lld,\"idle\":%lld,\"ramp\":%lld,\"rooms\":%lld,\"members\":%lld,\"publishers\":%"
        "lld,"
        "\"rate\":%.10g,\"payload\":%lld,\"duration_ms\":%lld,\"think_ms\":%lld,\"churn\":%.10g,\"storm_ms\":%lld}",
        (long long)options->sockets, (long long)options->idle, (long long)options->ramp, (long long)options->rooms,
        (long long)options->members, (long long)options->publishers, options->rate, (long long)options->payload,
        (long long)options->duration_ms, (long long)options->think_ms, options->churn, (long long)options->storm_ms);
    json_counts(results, out);
    buffer_text(out, ",\"servers\":[");
    for (size_t i = 0; i < results->server_count; i++) {
        const struct server_cost *server = &results->servers[i];
        buffer_printf(out, "%s{\"pid\":%ld", i ? "," : "", (long)server->pid);
        if (!server->is_gone)
            buffer_printf(out, ",\"cpu_ns\":%lld,\"bytes_before\":%lld,\"bytes_open\":%lld,\"bytes_end\":%lld",
                          (long long)server->cpu_ns, (long long)server->idle_bytes, (long long)server->open_bytes,
                          (long long)server->end_bytes);
        buffer_char(out, '}');
    }
    double bytes = result_server_bytes(options, results);
    buffer_text(out, "],\"server_bytes_per_socket\":");
    if (bytes < 0)
        buffer_text(out, "null");
    else
        buffer_printf(out, "%.0f", bytes);
    buffer_text(out, ",\"seen\":[");
    for (size_t i = 0; i < results->note_count; i++) {
        buffer_printf(out, "%s{\"times\":%llu,\"what\":", i ? "," : "", (unsigned long long)results->notes[i].times);
        buffer_json(out, results->notes[i].text, strlen(results->notes[i].text));
        buffer_char(out, '}');
    }
    buffer_text(out, "],\"remarks\":[");
    for (size_t i = 0; i < results->remark_count; i++) {
        buffer_text(out, i ? "," : "");
        buffer_json(out, results->remarks[i], strlen(results->remarks[i]));
    }
    buffer_text(out, "],\"failed\":[");
    verdict_count(options, results, json_verdict, out);
    buffer_text(out, "]");
    json_seconds(results, out);
    buffer_text(out, "}\n");
}

static void json_counts(const struct results *results, struct buffer *out)
{
    const struct totals *totals = &results->totals;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"deliveries", totals->counts.deliveries},
        {"lost", totals->counts.lost},
        {"duplicates", totals->counts.duplicates},
        {"disorder", totals->counts.disorder},
        {"errors", totals->errors},
        {"sent", totals->sent},
        {"answered", totals->answered},
        {"refused", totals->refused},
        {"unanswered", totals->unanswered},
        {"resent", totals->resent},
        {"skipped", totals->skipped},
        {"opened", totals->opened},
        {"cuts", totals->cuts},
        {"recovered", totals->recovered},
        {"unrecovered", totals->unrecovered},
        {"sockets_missing", (uint64_t)results->sockets_missing},
        {"sockets_at_end", totals->sockets_up},
        {"bytes_received", totals->bytes_in},
        {"storm_ms", (uint64_t)totals->storm_ms},
        {"processes", results->processes},
        {"own_cpu_ns", (uint64_t)results->own_cpu_ns},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        buffer_printf(out, ",\"%s\":%llu", counts[i].name, (unsigned long long)counts[i].value);
    buffer_printf(out, ",\"ramp_s\":%.3f,\"load_s\":%.3f,\"busy_s\":%.3f,\"interrupted\":%s,\"broken\":%s",
                  results->ramp_s, results->load_s, results->busy_s, results->is_interrupted ? "true" : "false",
                  results->is_broken ? "true" : "false");
    for (int answers = 0; answers < 2; answers++) {
        const struct histogram *histogram = answers ? &results->answer : &results->delivery;
        buffer_printf(out, ",\"%s\":{\"count\":%llu,\"mean_ns\":%.0f", answers ? "answer" : "delivery",
                      (unsigned long long)histogram->count, histogram_mean(histogram));
        for (size_t i = 0; i < QUANTILES; i++)
            buffer_printf(out, ",\"%s_ns\":%lld", quantiles[i].name,
                          (long long)histogram_quantile(histogram, quantiles[i].fraction));
        buffer_char(out, '}');
    }
}

static void json_seconds(const struct results *results, struct buffer *out)
{
    buffer_text(out, ",\"seconds\":[");
    for (size_t i = 0; i < results->second_count; i++) {
        const struct second *second = &results->seconds[i];
        buffer_printf(out,
                      "%s{\"at_s\":%.3f,\"load\":%s,\"sockets\":%llu,\"sent\":%llu,\"answered\":%llu,\"deliveries\":%"
                      "llu,\"errors\":%llu,"
                      "\"p50_ns\":%lld,\"p90_ns\":%lld,\"p99_ns\":%lld,\"max_ns\":%lld,\"late_ns\":%lld,"
                      "\"own_cpu\":%.3f,\"server_cpu\":%.3f,\"machine_busy\":%.3f}",
                      i ? "," : "", second->at_s, second->is_load ? "true" : "false",
                      (unsigned long long)second->sockets, (unsigned long long)second->sent,
                      (unsigned long long)second->answered, (unsigned long long)second->deliveries,
                      (unsigned long long)second->errors, (long long)second->p50_ns, (long long)second->p90_ns,
                      (long long)second->p99_ns, (long long)second->max_ns, (long long)second->late_ns, second->own_cpu,
                      second->server_cpu, second->machine_busy);
    }
    buffer_text(out, "]");
}

static void csv_make(const struct results *results, struct buffer *out)
{
    buffer_text(
        out, "at_s,load,sockets,sent,answered,deliveries,errors,p50_us,p90_us,p99_us,max_us,late_us,own_cpu,server_cpu,"
             "machine_busy\r\n");
    for (size_t i = 0; i < results->second_count; i++) {
        const struct second *second = &results->seconds[i];
        buffer_printf(out, "%.3f,%d,%llu,%llu,%llu,%llu,%llu,%.1f,%.1f,%.1f,%.1f,%.1f,%.3f,%.3f,%.3f\r\n", second->at_s,
                      second->is_load, (unsigned long long)second->sockets, (unsigned long long)second->sent,
                      (unsigned long long)second->answered, (unsigned long long)second->deliveries,
                      (unsigned long long)second->errors, (double)second->p50_ns / 1e3, (double)second->p90_ns / 1e3,
                      (double)second->p99_ns / 1e3, (double)second->max_ns / 1e3, (double)second->late_ns / 1e3,
                      second->own_cpu, second->server_cpu, second->machine_busy);
    }
}

static bool file_write(const char *path, struct buffer *text)
{
    FILE *file = text->has_failed ? NULL : fopen(path, "wb");
    bool is_good = file && fwrite(text->bytes, 1, text->length, file) == text->length;
    is_good = file && fclose(file) == 0 && is_good;
    if (!is_good)
        fprintf(stderr, "parley-load: %s: %s\n", path, text->has_failed ? "no memory" : strerror(errno));
    return is_good;
}
