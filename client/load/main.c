/* main.c: parley-load, the load tester. Read the flags, make people and rooms, load, say what was found. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "conductor.h"
#include "machine.h"
#include "options.h"
#include "results.h"
#include "verdict.h"
#include "world.h"

#define FILES_SPARE   32 /* of a process: pipes, epoll, standard files */
#define PROCESSES_MAX 64
enum { EXIT_FINE, EXIT_ABOVE, EXIT_WRONG, EXIT_BROKEN, EXIT_INTERRUPTED };

static volatile sig_atomic_t interrupts;
static volatile bool is_interrupted;

static uint32_t processes_count(const struct options *options, const struct target *target, struct results *results);

static void on_interrupt(int signal)
{
    (void)signal;
    interrupts = interrupts + 1;
    is_interrupted = true;
}

int main(int argc, char **argv)
{
    static struct options options;
    static struct results results; /* two histograms are too much for a stack */
    static struct world world;
    char why[400];
    enum options_end end = options_read(&options, argc, argv);
    if (end != OPTIONS_GO)
        return end == OPTIONS_HELP ? EXIT_FINE : EXIT_WRONG;
    if (!target_read(&world.target, options.url, why, sizeof why)) {
        fprintf(stderr, "parley-load: --url: %s\n", why);
        return EXIT_WRONG;
    }
    if (!world.target.is_loopback && !options.remote_is_mine) {
        fprintf(stderr, "parley-load: %s is not on this machine. If it is yours to load, say --remote-is-mine\n",
                options.url);
        return EXIT_WRONG;
    }
    uint32_t processes = processes_count(&options, &world.target, &results);
    if (processes == 0)
        return EXIT_BROKEN;

    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!world_open(&world, &options, &is_interrupted)) {
        fprintf(stderr, "parley-load: %s\n", world.why[0] ? world.why : "no memory");
        world_close(&world);
        return EXIT_BROKEN;
    }
    snprintf(results.run, sizeof results.run, "%s", world.run);
    results.processes = processes;
    conduct(&world, processes, &interrupts, &results);
    world_close(&world);
    result_print(&options, &results);
    bool is_written = result_write(&options, &results);
    size_t above = verdict_count(&options, &results, NULL, NULL);
    bool is_empty = results.totals.opened == 0;
    free(results.seconds);
    if (results.is_broken || !is_written || (is_empty && !results.is_interrupted))
        return EXIT_BROKEN;
    return above > 0 ? EXIT_ABOVE : results.is_interrupted ? EXIT_INTERRUPTED : EXIT_FINE;
}

/* As many as open files ask for. 0: it cannot be done, and stderr says why. */
static uint32_t processes_count(const struct options *options, const struct target *target, struct results *results)
{
    int64_t files = machine_files(), sockets = options->sockets + options->idle, ports = machine_ports();
    int64_t each = files - FILES_SPARE;
    int64_t needed = each > 0 ? (sockets + each - 1) / each : PROCESSES_MAX + 1;
    if (needed > PROCESSES_MAX) {
        fprintf(stderr,
                "parley-load: the hard limit of open files here is %lld (ulimit -Hn), too low for %lld sockets in %d "
                "processes: " MACHINE_FILES_ADVICE "\n",
                (long long)files, (long long)sockets, PROCESSES_MAX);
        return 0;
    }
    /* On loopback there are further addresses to leave from. */
    bool has_sources = target->is_loopback && target->address.ss_family == AF_INET;
    if (!has_sources && sockets > ports) {
        fprintf(stderr,
                "parley-load: there are %lld local ports towards one address, too few for %lld sockets: widen "
                "net.ipv4.ip_local_port_range (sysctl), or load from several machines\n",
                (long long)ports, (long long)sockets);
        return 0;
    }
    if (needed > options->processes && needed > 1)
        result_remark(results,
                      "the hard limit of open files here is %lld (ulimit -Hn): %lld processes share the sockets",
                      (long long)files, (long long)needed);
    int64_t count = needed > options->processes ? needed : options->processes;
    return (uint32_t)(count > sockets ? sockets : count > 0 ? count : 1);
}
