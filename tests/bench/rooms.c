/* rooms.c: many rooms that talk at once, a few listeners in each: what it costs, and how late a message is. One small
 * room is measured by the same program, while another one loads the server. */
#include <stdio.h>
#include <stdlib.h>

#include "load.h"
#include "options.h"
#include "process.h"

#define OPEN_MS   120000
#define PARTS_MAX 600 /* seconds of one measurement */

struct flags {
    const char *parley, *cookies, *publisher_cookies, *rooms, *name;
    int64_t pid_server, members, rate, seconds, bytes, cpu;
};

static void flags_read(struct flags *flags, int argc, char **argv);
static bool rooms_measure(const struct flags *flags, struct load *load);

int main(int argc, char **argv)
{
    struct flags flags;
    int64_t first, last;
    flags_read(&flags, argc, argv);
    process_files_raise();
    if (flags.cpu >= 0 && !process_pin(0, flags.cpu))
        fprintf(stderr, "cannot stay on CPU %lld\n", (long long)flags.cpu);
    if (!rooms_read(flags.rooms, &first, &last)) {
        fprintf(stderr, "--rooms must be an id, or first-last\n");
        return 1;
    }
    size_t rooms = (size_t)(last - first + 1);
    struct load load = {.rate = flags.rate};
    struct load_plan plan = {
        .loop = ws_loop_new(),
        .parley = flags.parley,
        .cookies = flags.cookies,
        .publisher_cookies = flags.publisher_cookies,
        .rooms = flags.rooms,
        .listeners = rooms * (size_t)flags.members,
        .publishers = rooms,
        .bytes = (size_t)flags.bytes,
        .open_ms = OPEN_MS,
    };
    fprintf(stderr, "opening %zu connections\n", plan.listeners + plan.publishers);
    bool is_good = plan.loop && load_open(&load, &plan) && rooms_measure(&flags, &load);
    load_close(&load);
    ws_loop_free(plan.loop);
    return is_good ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){
        .name = "rooms", .rooms = "1", .members = 10, .rate = 1000, .seconds = 10, .bytes = 200, .cpu = -1};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of Parley"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers for the listeners, one per line"),
        OPTION_TEXT_ROW("publisher-cookies", &flags->publisher_cookies,
                        "the same for the publishers; left out: as the listeners"),
        OPTION_TEXT_ROW("rooms", &flags->rooms, "ids of the rooms, first-last"),
        OPTION_TEXT_ROW("name", &flags->name, "what the results are called"),
        OPTION_INT_ROW("pid-server", &flags->pid_server, 0, INT32_MAX, "Parley's process, for its CPU time"),
        OPTION_INT_ROW("members", &flags->members, 1, 20000, "listeners in each room"),
        OPTION_INT_ROW("rate", &flags->rate, 1, 100000, "messages per second, all rooms together"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, PARTS_MAX, "how long they talk"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
        OPTION_INT_ROW("cpu", &flags->cpu, -1, 1023, "keep the bench on this CPU; -1: on any"),
    };
    options_read(rows, sizeof rows / sizeof rows[0], "bench-rooms: delay and CPU of messages in many rooms at once.",
                 argc, argv);
}

static bool rooms_measure(const struct flags *flags, struct load *load)
{
    static struct histogram all;
    static double parts[PARTS_MAX];
    struct process_cpu before = {0}, after = {0};
    struct crowd *listeners = load->listeners, *publishers = load->publishers;
    uint64_t deliveries = 0, lost = 0, missed = 0, duplicates = 0, refused = 0;
    /* The first messages meet cold caches: they are not counted. */
    load_run(load, 500);
    process_cpu_read((pid_t)flags->pid_server, &before);
    int64_t start_ns = now_ns();
    for (int64_t part = 0; part < flags->seconds; part++) {
        load_run(load, 1000);
        parts[part] = (double)histogram_quantile(&listeners->delivery, 0.99) / 1e6;
        histogram_add(&all, &listeners->delivery);
        deliveries += listeners->deliveries;
        lost += load->lost;
        missed += listeners->missed;
        duplicates += listeners->duplicates;
        refused += publishers->refused;
    }
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    process_cpu_read((pid_t)flags->pid_server, &after);

    report(flags->name, "deliveries_per_s", (double)deliveries / seconds, "1/s");
    if (flags->pid_server > 0 && deliveries > 0) {
        report(flags->name, "cpu_per_delivery", (double)(after.all_ns - before.all_ns) / 1000 / (double)deliveries,
               "us, all threads");
        report(flags->name, "loop_cpu_per_delivery",
               (double)(after.loop_ns - before.loop_ns) / 1000 / (double)deliveries, "us, loop thread");
        report(flags->name, "loop_cpu_share", (double)(after.loop_ns - before.loop_ns) / 1e9 / seconds, "of one core");
    }
    report(flags->name, "p50", (double)histogram_quantile(&all, 0.50) / 1e6, "ms");
    report(flags->name, "p99", (double)histogram_quantile(&all, 0.99) / 1e6, "ms");
    report(flags->name, "p99_usual", median(parts, (size_t)flags->seconds), "ms, median of the seconds");
    report(flags->name, "refused", (double)refused, "publishes");
    report(flags->name, "lost", (double)lost, "deliveries that did not come");
    report(flags->name, "missed", (double)missed, "offsets jumped over");
    report(flags->name, "duplicates", (double)duplicates, "offsets heard again");
    size_t closed = listeners->closed + publishers->closed;
    report(flags->name, "closed", (double)closed, "connections that ended");
    if (listeners->why[0] || publishers->why[0])
        fprintf(stderr, "%s\n", listeners->why[0] ? listeners->why : publishers->why);
    return deliveries > 0 && lost + missed + duplicates + closed == 0;
}
