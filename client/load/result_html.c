/* result_html.c: a page with plots that needs nothing else: no script, no font, no picture from elsewhere. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "results.h"
#include "verdict.h"

#define WIDTH      720.0
#define HEIGHT     220.0
#define LEFT       64.0
#define BOTTOM     28.0
#define TOP        12.0
#define RIGHT      12.0
#define LINES      4
#define GRID       4
#define ACROSS     6
#define CURVE      60   /* points of the curve of percentiles */
#define NINES      4.0  /* up to 99.99 % */
#define POINTS_MAX 1500 /* more are not seen: of longer runs only some seconds are drawn */

typedef double value_of(const void *rows, size_t index);
struct line {
    const char *name;
    value_of *value;
};
struct plot {
    const char *title, *unit;
    const void *rows;
    size_t count;
    value_of *x;
    const char *x_unit;
    struct line lines[LINES];
    bool is_log; /* y: delays are told apart at both ends */
};

static const char style[] =
    ":root{color-scheme:light dark;--ink:#22302a;--dim:#6b776f;--line:#d8d4c8;--paper:#fbf9f3;--a:#1f6f54;--b:#b8860b;"
    "--c:#b4452c;--d:#4a5fa5}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e4d8;--dim:#9aa39c;--line:#3a423d;--paper:#171c19;--a:#5fbf98;"
    "--b:#e0b04a;--c:#e5806a;--d:#8fa2e8}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:760px;margin:2em auto;"
    "padding:0 16px}h1{font-size:1.4em}h2{font-size:1em;margin:2em 0 .3em}svg{width:100%;height:auto}"
    "table{border-collapse:collapse}td{padding:.15em 1.5em .15em 0;border-bottom:1px solid "
    "var(--line);vertical-align:top}"
    "td+td{font-variant-numeric:tabular-nums}text{fill:var(--dim);font-size:11px}.g{stroke:var(--line)}"
    "polyline{fill:none;stroke-width:1.6}.l0{stroke:var(--a)}.l1{stroke:var(--b)}.l2{stroke:var(--c)}.l3{stroke:var(--"
    "d)}"
    ".key span{margin-right:1.2em}.k0{color:var(--a)}.k1{color:var(--b)}.k2{color:var(--c)}.k3{color:var(--d)}"
    ".bad{color:var(--c);font-weight:600}.good{color:var(--a);font-weight:600}";

static void html_text(struct buffer *out, const char *text);
static void row(struct buffer *out, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void summary(const struct options *options, const struct results *results, struct buffer *out);
static void plot_draw(struct buffer *out, const struct plot *plot);
static void plots(const struct results *results, struct buffer *out);

static void verdict_line(void *context, const char *line)
{
    buffer_text(context, "<p class=bad>");
    html_text(context, line);
    buffer_text(context, "</p>\n");
}

void result_html(const struct options *options, const struct results *results, struct buffer *out)
{
    char stamp[CLOCK_TEXT_SIZE];
    buffer_printf(
        out,
        "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\n"
        "<title>parley-load %s</title>\n<style>%s</style>\n<h1>Load of ",
        results->run, style);
    html_text(out, options->url);
    buffer_printf(out, "</h1>\n<p>%s, run %s%s</p>\n", clock_text(clock_wall_ms(), stamp), results->run,
                  results->is_interrupted ? ", interrupted" : "");
    if (verdict_count(options, results, verdict_line, out) == 0 && !results->is_broken)
        buffer_text(out, "<p class=good>Nothing is above what it may be.</p>\n");
    summary(options, results, out);
    plots(results, out);
    buffer_text(out, "</html>\n");
}

static void summary(const struct options *options, const struct results *results, struct buffer *out)
{
    const struct totals *totals = &results->totals;
    char a[32], b[32], c[32], d[32];
    buffer_text(out, "<table>\n");
    row(out, "Scenario",
        "%lld sockets (%lld idle), %lld rooms of %lld, %lld publishers, %.10g messages/s, %lld bytes, churn %.10g/s",
        (long long)(options->sockets + options->idle), (long long)options->idle, (long long)options->rooms,
        (long long)options->members, (long long)options->publishers, options->rate, (long long)options->payload,
        options->churn);
    row(out, "Time", "%.1f s of load after %.1f s of opening", results->load_s, results->ramp_s);
    row(out, "Sockets", "%llu opened, %llu cut, %llu open at the end", (unsigned long long)totals->opened,
        (unsigned long long)totals->cuts, (unsigned long long)totals->sockets_up);
    if (totals->storm_ms > 0)
        row(out, "Storm", "all were back after %lld ms", (long long)totals->storm_ms);
    row(out, "Messages", "%llu said, %llu answered, %llu refused, %llu unanswered", (unsigned long long)totals->sent,
        (unsigned long long)totals->answered, (unsigned long long)totals->refused,
        (unsigned long long)totals->unanswered);
    row(out, "Deliveries", "%llu, %.0f per second", (unsigned long long)totals->counts.deliveries,
        results->busy_s > 0 ? (double)totals->counts.deliveries / results->busy_s : 0);
    row(out, "Checked", "%llu lost, %llu duplicates, %llu out of order, %llu could not recover",
        (unsigned long long)totals->counts.lost, (unsigned long long)totals->counts.duplicates,
        (unsigned long long)totals->counts.disorder, (unsigned long long)totals->unrecovered);
    row(out, "Errors", "%llu", (unsigned long long)totals->errors);
    row(out, "To deliver", "p50 %s, p90 %s, p99 %s, p99.9 %s",
        duration_text((double)histogram_quantile(&results->delivery, 0.5), a),
        duration_text((double)histogram_quantile(&results->delivery, 0.9), b),
        duration_text((double)histogram_quantile(&results->delivery, 0.99), c),
        duration_text((double)histogram_quantile(&results->delivery, 0.999), d));
    row(out, "Load", "%u process%s, %.2f CPUs", results->processes, results->processes == 1 ? "" : "es",
        results->busy_s > 0 ? (double)results->own_cpu_ns / 1e9 / results->busy_s : 0);
    for (size_t i = 0; i < results->server_count; i++) {
        if (results->servers[i].is_gone)
            continue;
        row(out, "Server", "process %ld: %.2f CPUs, %.1f MB before, %.1f MB with all sockets",
            (long)results->servers[i].pid,
            results->busy_s > 0 ? (double)results->servers[i].cpu_ns / 1e9 / results->busy_s : 0,
            (double)results->servers[i].idle_bytes / 1e6, (double)results->servers[i].open_bytes / 1e6);
    }
    if (result_server_bytes(options, results) >= 0)
        row(out, "", "%.0f bytes for each socket", result_server_bytes(options, results));
    for (size_t i = 0; i < results->note_count; i++)
        row(out, "Seen", "%llu × %s", (unsigned long long)results->notes[i].times, results->notes[i].text);
    for (size_t i = 0; i < results->remark_count; i++)
        row(out, "Remark", "%s", results->remarks[i]);
    buffer_text(out, "</table>\n");
}

static void row(struct buffer *out, const char *name, const char *format, ...)
{
    va_list arguments;
    char text[600];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_printf(out, "<tr><td>%s<td>", name);
    html_text(out, text);
    buffer_char(out, '\n');
}

static const struct second *second_at(const void *rows, size_t index)
{
    return &((const struct second *)rows)[index];
}
static double at_s(const void *rows, size_t index)
{
    return second_at(rows, index)->at_s;
}
static double p50_ms(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->p50_ns / 1e6;
}
static double p90_ms(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->p90_ns / 1e6;
}
static double p99_ms(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->p99_ns / 1e6;
}
static double max_ms(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->max_ns / 1e6;
}
static double deliveries(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->deliveries / second_at(rows, index)->length_s;
}
static double sent(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->sent / second_at(rows, index)->length_s;
}
static double sockets(const void *rows, size_t index)
{
    return (double)second_at(rows, index)->sockets;
}
static double own_cpu(const void *rows, size_t index)
{
    return second_at(rows, index)->own_cpu;
}
static double server_cpu(const void *rows, size_t index)
{
    return second_at(rows, index)->server_cpu;
}

/* The curve's x counts nines: 1 is 90 %, 2 is 99 %. */
static double nines(const void *rows, size_t index)
{
    (void)rows;
    return (double)index * NINES / (CURVE - 1);
}
static double delay_ms(const void *rows, size_t index)
{
    return (double)histogram_quantile(rows, 1 - pow(10, -nines(NULL, index))) / 1e6;
}

static void plots(const struct results *results, struct buffer *out)
{
    size_t count = results->second_count;
    value_of *server = results->server_count ? server_cpu : NULL; /* a line at 0 would not be true */
    const struct plot all[] = {
        {"From saying to hearing, over time",
         "ms",
         results->seconds,
         count,
         at_s,
         "s",
         {{"p50", p50_ms}, {"p90", p90_ms}, {"p99", p99_ms}, {"max", max_ms}},
         true},
        {"The same by percentiles",
         "ms",
         &results->delivery,
         CURVE,
         nines,
         "nines (1: 90 %, 2: 99 %, 3: 99.9 %)",
         {{"delay", delay_ms}},
         true},
        {"Deliveries", "per second", results->seconds, count, at_s, "s", {{"deliveries", deliveries}}, false},
        {"Messages said", "per second", results->seconds, count, at_s, "s", {{"said", sent}}, false},
        {"Sockets", "open", results->seconds, count, at_s, "s", {{"sockets", sockets}}, false},
        {"Processors", "CPUs", results->seconds, count, at_s, "s", {{"load", own_cpu}, {"server", server}}, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        plot_draw(out, &all[i]);
}

/* The next larger one of 1, 2, 5, 10, 20 … */
static double round_up(double value)
{
    double power = pow(10, floor(log10(value > 0 ? value : 1)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; i++)
        if (value <= steps[i] * power)
            return steps[i] * power;
    return 10 * power;
}

static double share(double value, double least, double most, bool is_log)
{
    if (is_log)
        return value > least ? log(value / least) / log(most / least) : 0;
    return most > least ? (value - least) / (most - least) : 0;
}

/* 1.5M, 20k, 0.25. */
static char *axis_text(double value, char text[32])
{
    double unit = value >= 1e6 ? 1e6 : value >= 1e4 ? 1e3 : 1;
    double shown = value / unit;
    snprintf(text, 32, shown >= 100 ? "%.0f%s" : "%.3g%s", shown, unit > 1e3 ? "M" : unit > 1 ? "k" : "");
    return text;
}

static void plot_draw(struct buffer *out, const struct plot *plot)
{
    char text[32];
    double most = 0, least = 1e300, first = plot->count ? plot->x(plot->rows, 0) : 0;
    double last = plot->count ? plot->x(plot->rows, plot->count - 1) : 1;
    for (size_t k = 0; k < LINES && plot->lines[k].value; k++)
        for (size_t i = 0; i < plot->count; i++) {
            double value = plot->lines[k].value(plot->rows, i);
            most = value > most ? value : most;
            least = value > 0 && value < least ? value : least;
        }
    most = round_up(most);
    least = plot->is_log && least < most ? pow(10, floor(log10(least))) : plot->is_log ? most / 10 : 0;

    buffer_printf(out, "<h2>%s <small>(%s)</small></h2>\n<div class=key>", plot->title, plot->unit);
    for (size_t k = 0; k < LINES && plot->lines[k].value; k++)
        buffer_printf(out, "<span class=k%zu>&#9644; %s</span>", k, plot->lines[k].name);
    buffer_printf(out, "</div>\n<svg viewBox=\"0 0 %.0f %.0f\" role=img aria-label=\"%s\">\n", WIDTH, HEIGHT,
                  plot->title);
    for (int i = 0; i <= GRID; i++) {
        double part = (double)i / GRID, y = HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
        double value = plot->is_log ? least * pow(most / least, part) : most * part;
        buffer_printf(out,
                      "<line class=g x1=%.0f x2=%.0f y1=%.1f y2=%.1f /><text x=%.0f y=%.1f text-anchor=end>%s</text>\n",
                      LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, axis_text(value, text));
    }
    for (int i = 0; i <= ACROSS; i++) {
        double part = (double)i / ACROSS;
        buffer_printf(out, "<text x=%.1f y=%.0f text-anchor=%s>%.3g%s</text>\n", LEFT + part * (WIDTH - LEFT - RIGHT),
                      HEIGHT - 10, i == ACROSS ? "end" : "middle", first + part * (last - first),
                      i == ACROSS && strlen(plot->x_unit) < 3 ? plot->x_unit : "");
    }
    size_t step = plot->count / POINTS_MAX + 1;
    for (size_t k = 0; k < LINES && plot->lines[k].value; k++) {
        buffer_printf(out, "<polyline class=l%zu points=\"", k);
        for (size_t i = 0; i < plot->count; i += step)
            buffer_printf(
                out, "%.1f,%.1f ", LEFT + share(plot->x(plot->rows, i), first, last, false) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM -
                    share(plot->lines[k].value(plot->rows, i), least, most, plot->is_log) * (HEIGHT - BOTTOM - TOP));
        buffer_text(out, "\"/>\n");
    }
    buffer_text(out, "</svg>\n");
    if (strlen(plot->x_unit) >= 3)
        buffer_printf(out, "<small>%s</small>\n", plot->x_unit);
}

static void html_text(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<' || *text == '>' || *text == '&' || *text == '"')
            buffer_printf(out, "&#%d;", *text);
        else
            buffer_char(out, *text);
    }
}
