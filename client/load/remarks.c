/* remarks.c: what the numbers do not tell: the limits that were met, and what to do. */
#include "remarks.h"

#include <string.h>

#include "machine.h"
#include "results.h"

/* It closes those that are too many before they have asked anything, so that no word of it can arrive. */
#define TOO_MANY                                                                                                       \
    "the server closes connections that are too many (its log says http.full): start it with "                         \
    "--http.connections_per_address_max=0; above its open files less 64 (hard limit, ulimit -Hn) it needs --workers "  \
    "or edges"

void remarks_add(struct results *results)
{
    static const struct {
        const char *sign, *advice;
    } hints[] = {
        {"could not be opened: the server closed the connection", TOO_MANY},
        {"could not be opened: Connection reset by peer", TOO_MANY},
        {"could not be opened: Broken pipe", TOO_MANY},
        {"There are too many connections from this address",
         "start the server with --http.connections_per_address_max=0"},
        {"a connection was closed with code 3504",
         "one person may not have so many connections: more --users, or start the "
         "server with --realtime.user_connections_max=1000000"},
        {"\"code\":111",
         "the server throttles: more --users or --publishers, or start it with --chat.messages_per_s=100000 "
         "--realtime.commands_per_s=100000"},
        {"no local port is free", "all local ports are in use: widen net.ipv4.ip_local_port_range (sysctl)"},
        {"Too many open files", "the hard limit of open files here is too low (ulimit -Hn): " MACHINE_FILES_ADVICE},
        {"code 3008",
         "the server had to wait too long for us to read: this machine is too slow, or --processes is too low"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        for (size_t k = 0; k < results->note_count; k++)
            if (strstr(results->notes[k].text, hints[i].sign)) {
                result_remark(results, "%s", hints[i].advice);
                break;
            }
    size_t seconds = 0, busy = 0, full = 0, late = 0;
    for (size_t i = 0; i < results->second_count; i++) {
        const struct second *second = &results->seconds[i];
        seconds += second->is_load;
        busy += second->is_load && second->busiest_cpu > 0.9;
        full += second->is_load && second->machine_busy > 0.95;
        late += second->is_load && second->late_ns > 50000000;
    }
    if (busy * 5 > seconds)
        result_remark(results,
                      "the load tester was the limit in %zu of %zu seconds: one of its processes used a whole CPU; use "
                      "more --processes, if there are CPUs for them",
                      busy, seconds);
    if (full * 5 > seconds)
        result_remark(results,
                      "all CPUs of this machine were busy in %zu of %zu seconds: server, load and whatever else runs "
                      "here take them from each other; delays say little then",
                      full, seconds);
    if (late * 5 > seconds)
        result_remark(
            results,
            "messages were said more than 50 ms late in %zu of %zu seconds: this machine did not keep the rate", late,
            seconds);
    if (results->totals.skipped > 0)
        result_remark(results, "%llu messages were never said: all publishers were away or had %d unanswered",
                      (unsigned long long)results->totals.skipped, 256);
}
