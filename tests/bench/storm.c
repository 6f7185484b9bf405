/* storm.c: everybody comes back at once, as after a restart of a proxy or a cut line: connections end, messages are
 * said meanwhile, and all connect again and recover what they missed. A room that is not cut notices how late its
 * messages are meanwhile. */
#include <stdio.h>
#include <stdlib.h>

#include "bystanders.h"
#include "load.h"
#include "metrics.h"
#include "options.h"
#include "process.h"

#define OPEN_MS 180000
#define AWAY_MS 1000
#define CALM_MS 5000 /* the bystanders' delays before the storm */
#define READS   "parley_store_reads_total"

struct flags {
    const char *parley, *cookies, *publisher_cookies, *rooms;
    int64_t pid_server, sockets, messages, at_once, seconds, bytes, cpu;
    int64_t bystanders, bystanders_room, bystanders_rate;
};

static void flags_read(struct flags *flags, int argc, char **argv);
static struct bystanders *bystanders_open(const struct flags *flags);
static bool storm_measure(const struct flags *flags, struct load *load, struct bystanders *bystanders);
static void time_pass(const struct load *load, int64_t ms);
static bool messages_say(struct load *load, uint64_t count);
static double reads_now(const struct load *load);

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
    /* First of all: what it starts is to have nothing of ours. */
    struct bystanders *bystanders = flags.bystanders_room ? bystanders_open(&flags) : NULL;
    if (flags.bystanders_room && !bystanders)
        return 1;
    struct load load = {0};
    struct load_plan plan = {
        .loop = ws_loop_new(),
        .parley = flags.parley,
        .cookies = flags.cookies,
        .publisher_cookies = flags.publisher_cookies,
        .rooms = flags.rooms,
        .listeners = (size_t)flags.sockets / rooms * rooms, /* as many in each room */
        .publishers = rooms,
        .bytes = (size_t)flags.bytes,
        .open_ms = OPEN_MS,
    };
    fprintf(stderr, "opening %zu connections\n", plan.listeners);
    bool is_good =
        plan.loop && plan.listeners > 0 && load_open(&load, &plan) && storm_measure(&flags, &load, bystanders);
    is_good = bystanders_end(bystanders, "storm.bystanders") && is_good;
    load_close(&load);
    ws_loop_free(plan.loop);
    return is_good ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){.rooms = "1",
                            .sockets = 10000,
                            .messages = 20,
                            .at_once = 10000,
                            .seconds = 60,
                            .bytes = 200,
                            .bystanders = 100,
                            .bystanders_rate = 10,
                            .cpu = -1};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of Parley"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers for the clients, one per line"),
        OPTION_TEXT_ROW("publisher-cookies", &flags->publisher_cookies,
                        "the same for the publishers; left out: as the clients"),
        OPTION_TEXT_ROW("rooms", &flags->rooms, "ids of the rooms, first-last, given out to the clients in turn"),
        OPTION_INT_ROW("pid-server", &flags->pid_server, 0, INT32_MAX, "Parley's process, for its CPU time"),
        OPTION_INT_ROW("sockets", &flags->sockets, 1, 19000, "clients that come back"),
        OPTION_INT_ROW("messages", &flags->messages, 0, 200, "messages in each room that they missed"),
        OPTION_INT_ROW("at-once", &flags->at_once, 1, 20000, "clients that may be on their way at a time"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, 600, "give up after this long"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
        OPTION_INT_ROW("bystanders", &flags->bystanders, 1, 10000, "listeners in a room that is not cut"),
        OPTION_INT_ROW("bystanders-room", &flags->bystanders_room, 0, INT64_MAX, "its id; 0: there is none"),
        OPTION_INT_ROW("bystanders-rate", &flags->bystanders_rate, 1, 1000, "messages per second in it"),
        OPTION_INT_ROW("cpu", &flags->cpu, -1, 1023, "keep the bench on this CPU; -1: on any"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-storm: many clients connect again at once and recover what they missed.", argc, argv);
}

static struct bystanders *bystanders_open(const struct flags *flags)
{
    char room[32];
    snprintf(room, sizeof room, "%lld", (long long)flags->bystanders_room);
    struct load_plan plan = {
        .parley = flags->parley,
        .cookies = flags->cookies,
        .publisher_cookies = flags->publisher_cookies,
        .rooms = room,
        .listeners = (size_t)flags->bystanders,
        .publishers = 1,
        .bytes = (size_t)flags->bytes,
        .open_ms = OPEN_MS,
    };
    return bystanders_start(&plan, flags->bystanders_rate);
}

static bool storm_measure(const struct flags *flags, struct load *load, struct bystanders *bystanders)
{
    struct crowd *clients = load->listeners;
    struct process_cpu before = {0}, after = {0};
    size_t rooms = load->publishers->options.count;
    uint64_t expected = (uint64_t)flags->messages * clients->options.count;
    if (bystanders) {
        bystanders_set_time(bystanders, BYSTANDERS_BEFORE);
        time_pass(load, CALM_MS);
    }
    bystanders_set_time(bystanders, BYSTANDERS_CUT);
    crowd_drop(clients);
    time_pass(load, AWAY_MS);
    if (!messages_say(load, (uint64_t)flags->messages * rooms)) {
        fprintf(stderr, "the messages to be missed were not answered: %s\n", load->publishers->why);
        return false;
    }
    crowd_counters_clear(clients);
    double reads = reads_now(load);
    process_cpu_read((pid_t)flags->pid_server, &before);
    int64_t start_ns = now_ns();
    bystanders_set_time(bystanders, BYSTANDERS_STORM);
    bool is_back = crowd_open(clients, (size_t)flags->at_once, flags->seconds * 1000);
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    bystanders_set_time(bystanders, BYSTANDERS_UNCOUNTED);
    process_cpu_read((pid_t)flags->pid_server, &after);
    reads = reads_now(load) - reads;
    if (!is_back)
        fprintf(stderr, "%s\n", clients->why);
    uint64_t recovered = clients->recovered;

    report("storm.parley", "clients", (double)clients->ready, "that came back");
    report("storm.parley", "seconds", seconds, "until the last one had recovered");
    report("storm.parley", "ready_p50", (double)histogram_quantile(&clients->readiness, 0.50) / 1e6, "ms");
    report("storm.parley", "ready_p99", (double)histogram_quantile(&clients->readiness, 0.99) / 1e6, "ms");
    report("storm.parley", "recovered", (double)recovered, "messages");
    report("storm.parley", "not_recovered", (double)expected - (double)recovered, "messages");
    report("storm.parley", "reads", reads, "of the data base");
    report("storm.parley", "rooms", (double)rooms, "");
    if (flags->pid_server > 0)
        report("storm.parley", "cpu_per_client",
               (double)(after.all_ns - before.all_ns) / 1000 / (double)clients->options.count, "us, all threads");
    /* A message to everybody shows whether all stand where they should. */
    load->rate = (int64_t)rooms;
    load_run(load, 1000);
    report("storm.parley", "lost", (double)load->lost, "deliveries afterwards that did not come");
    report("storm.parley", "missed", (double)clients->missed, "offsets jumped over");
    report("storm.parley", "duplicates", (double)clients->duplicates, "offsets heard again");
    report("storm.parley", "closed", (double)clients->closed, "connections that ended");
    return is_back && recovered == expected && clients->deliveries > 0 &&
           load->lost + clients->missed + clients->duplicates + clients->closed == 0;
}

static void time_pass(const struct load *load, int64_t ms)
{
    for (int64_t end_ns = now_ns() + ms * 1000000; now_ns() < end_ns;)
        ws_loop_run(load->listeners->options.loop, 50);
}

/* @count messages, room after room. False: they were not all accepted in 30 s. */
static bool messages_say(struct load *load, uint64_t count)
{
    struct crowd *publishers = load->publishers;
    int64_t deadline_ns = now_ns() + INT64_C(30000000000);
    crowd_counters_clear(publishers);
    while (publishers->accepted < count && now_ns() < deadline_ns) {
        while (publishers->published < count &&
               peer_publish(publishers->peers[publishers->published % publishers->options.count], &load->publish))
            ;
        ws_loop_run(publishers->options.loop, 10);
    }
    return publishers->accepted == count;
}

static double reads_now(const struct load *load)
{
    char *text = metrics_fetch(&load->target);
    double reads = text ? metrics_value(text, READS) : -1;
    free(text);
    return reads;
}
