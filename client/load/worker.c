/* worker.c: the loop of one process that loads: open, say, cut, wait, count. */
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "options.h"
#include "peer.h"
#include "world.h"

#define OPENING_MAX    256               /* attempts at once: more would only wait in the server's queue */
#define SOURCE_SOCKETS 20000             /* connections from one loopback address: it has some 28,000 ports */
#define LOOK_NS        INT64_C(10000000) /* how often the sockets are looked through */
#define REPORT_NS      INT64_C(1000000000)
#define TOP_NS         INT64_C(5000000000) /* for the rooms to say where they stand */
#define CATCH_UP_MAX   1000                /* messages of one turn, after a stall */
#define SCATTER        7919
#define TRIES_MAX      3 /* attempts before the load begins without a socket */

struct publisher {
    struct peer *peer;
    size_t seat;
    int64_t due_ns; /* with --think; INT64_MAX: it waits for an answer */
};
struct worker {
    struct crowd crowd; /* the first member: crowd_answered() finds us by it */
    const struct worker_share *share;
    struct publisher *publishers;
    size_t publisher_count, next_publisher;
    size_t started; /* sockets whose first attempt was made */
    enum step step;
    bool is_over, is_storming, was_stormed, is_stopping, is_draining;
    double rate, churn, ramp;                   /* our part of them */
    int64_t ramp_ns, go_ns, step_ns, storm_ns;  /* when that began */
    int64_t say_ns, cut_ns, look_ns, report_ns; /* when that is due */
};

static bool worker_open(struct worker *worker, const struct worker_share *share);
static bool crowd_open(struct worker *worker);
static void publishers_open(struct worker *worker);
static void commands_read(struct worker *worker);
static void sockets_start(struct worker *worker, int64_t now);
static void sockets_look(struct worker *worker, int64_t now);
static void storm(struct worker *worker, int64_t now);
static void churn(struct worker *worker, int64_t now);
static void say(struct worker *worker, int64_t now);
static void say_in_turn(struct worker *worker, int64_t now);
static void step_look(struct worker *worker, int64_t now);
static void tops_ask(struct worker *worker);
static bool tops_are_reached(struct worker *worker, int64_t now);
static void worker_end(struct worker *worker);
static void report(struct worker *worker);
static void notes_report(struct worker *worker);
static void worker_close(struct worker *worker);

int worker_run(const struct worker_share *share)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker || !worker_open(worker, share)) {
        fprintf(stderr, "parley-load: process %u: no memory, or no epoll\n", share->process);
        return 3;
    }
    while (!worker->is_over) {
        int64_t now = now_ns(), wait_ns = LOOK_NS;
        if (worker->step == STEP_RUN && !worker->is_stopping) {
            if (worker->say_ns - now < wait_ns)
                wait_ns = worker->say_ns > now ? worker->say_ns - now : 0;
        }
        if (ws_loop_run(&worker->crowd.loop, (int)((wait_ns + 999999) / 1000000)))
            commands_read(worker);
        now = now_ns();
        sockets_start(worker, now);
        if (worker->step == STEP_RUN && !worker->is_stopping) {
            storm(worker, now);
            churn(worker, now);
            say(worker, now);
        }
        if (now >= worker->look_ns) {
            worker->look_ns = now + LOOK_NS;
            sockets_look(worker, now);
            step_look(worker, now);
        }
        if (now >= worker->report_ns) {
            worker->report_ns += REPORT_NS;
            report(worker);
        }
    }
    worker_close(worker);
    return 0;
}

static void crowd_answered(struct crowd *crowd, uint32_t publisher)
{
    struct worker *worker = (struct worker *)(void *)crowd;
    const struct options *options = crowd->world->options;
    if (options->think_ms >= 0 && publisher < worker->publisher_count)
        worker->publishers[publisher].due_ns =
            now_ns() + options->think_ms * 500000 + (int64_t)((double)options->think_ms * 1e6 * drand48());
}

static bool worker_open(struct worker *worker, const struct worker_share *share)
{
    const struct options *options = share->world->options;
    worker->share = share;
    worker->ramp = (double)options->ramp / share->processes;
    worker->churn = options->churn / share->processes;
    srand48((long)getpid());
    signal(SIGINT, SIG_IGN); /* Ctrl-C is for the one that conducts us */
    signal(SIGPIPE, SIG_IGN);
    if (!crowd_open(worker))
        return false;
    publishers_open(worker);
    worker->rate =
        options->publishers > 0 ? options->rate * (double)worker->publisher_count / (double)options->publishers : 0;
    worker->ramp_ns = now_ns();
    worker->report_ns = worker->ramp_ns + REPORT_NS;
    return true;
}

static bool crowd_open(struct worker *worker)
{
    const struct world *world = worker->share->world;
    const struct options *options = world->options;
    struct crowd *crowd = &worker->crowd;
    int64_t all = options->sockets + options->idle;
    int64_t first = all * worker->share->process / worker->share->processes;
    int64_t last = all * (worker->share->process + 1) / worker->share->processes;
    size_t seats = 0;
    for (int64_t i = first; i < last; i++)
        seats += world_seats(options, i);
    crowd->world = world;
    crowd->process = worker->share->process;
    crowd->answered = crowd_answered;
    crowd->peer_count = (size_t)(last - first);
    crowd->totals.sockets_wanted = crowd->peer_count;
    crowd->peers = calloc(crowd->peer_count + 1, sizeof *crowd->peers);
    crowd->seats = calloc(seats + 1, sizeof *crowd->seats);
    crowd->rooms = calloc((size_t)options->rooms, sizeof *crowd->rooms);
    snprintf(crowd->mark, sizeof crowd->mark, "\"text\":\"pl:%s:", world->run);
    if (!crowd->peers || !crowd->seats || !crowd->rooms ||
        !ws_loop_open(&crowd->loop, &world->target, &peer_handlers, worker->share->commands))
        return false;
    if (world->target.is_loopback && world->target.address.ss_family == AF_INET)
        crowd->loop.sources = (uint32_t)(all / SOURCE_SOCKETS) + 1;
    struct seat *next = crowd->seats;
    for (size_t i = 0; i < crowd->peer_count; i++) {
        struct peer *peer = &crowd->peers[i];
        *peer = (struct peer){.crowd = crowd, .number = first + (int64_t)i, .seats = next};
        peer->seat_count = (uint32_t)world_seats(options, peer->number);
        for (size_t seat = 0; seat < peer->seat_count; seat++)
            next++->room = (uint32_t)world_seat_room(options, peer->number, seat);
    }
    return true;
}

static void publishers_open(struct worker *worker)
{
    const struct options *options = worker->share->world->options;
    struct crowd *crowd = &worker->crowd;
    worker->publishers = calloc((size_t)options->publishers + 1, sizeof *worker->publishers);
    for (int64_t i = 0; worker->publishers && i < options->publishers; i++) {
        int64_t socket;
        size_t seat;
        world_publisher(options, i, &socket, &seat);
        int64_t place = crowd->peer_count > 0 ? socket - crowd->peers[0].number : -1;
        if (place >= 0 && place < (int64_t)crowd->peer_count)
            worker->publishers[worker->publisher_count++] =
                (struct publisher){.peer = &crowd->peers[place], .seat = seat};
    }
}

static void commands_read(struct worker *worker)
{
    char commands[16];
    int64_t now = now_ns();
    ssize_t got = read(worker->share->commands, commands, sizeof commands);
    worker->is_over = worker->is_over || got <= 0; /* nobody conducts us any more */
    for (ssize_t i = 0; i < got; i++) {
        worker->step_ns = now;
        if (commands[i] == WORKER_GO) {
            worker->step = STEP_RUN;
            worker->go_ns = worker->say_ns = worker->cut_ns = now;
            /* People do not begin to type all at once. */
            int64_t think_ms = worker->share->world->options->think_ms;
            for (size_t k = 0; k < worker->publisher_count; k++)
                worker->publishers[k].due_ns = now + (int64_t)((double)think_ms * 1e6 * drand48());
        } else if (commands[i] == WORKER_STOP) {
            worker->is_stopping = true;
            worker->step = STEP_RUN;
        } else if (commands[i] == WORKER_DRAIN) {
            tops_ask(worker);
        } else {
            worker->is_over = true;
        }
    }
}

static void sockets_start(struct worker *worker, int64_t now)
{
    struct crowd *crowd = &worker->crowd;
    double due = (double)(now - worker->ramp_ns) / 1e9 * worker->ramp + 1;
    while (worker->started < crowd->peer_count && (double)worker->started < due && crowd->opening < OPENING_MAX &&
           !worker->is_stopping)
        peer_open(&crowd->peers[worker->started++]);
}

/* Those that are away come back when it is time, and attempts end. */
static void sockets_look(struct worker *worker, int64_t now)
{
    struct crowd *crowd = &worker->crowd;
    if (crowd->up + crowd->over == worker->started)
        return;
    /* Out of order (by a prime), or a room would come back as a whole and have missed nothing. */
    size_t step = worker->started % SCATTER ? SCATTER : 1;
    for (size_t i = 0; i < worker->started; i++) {
        struct peer *peer = &crowd->peers[i * step % worker->started];
        if (peer->state == PEER_DOWN && peer->due_ns <= now && crowd->opening < OPENING_MAX)
            peer_open(peer);
        else if (peer->state == PEER_OPENING && peer->due_ns <= now)
            peer_give_up(peer);
    }
}

static void storm(struct worker *worker, int64_t now)
{
    struct crowd *crowd = &worker->crowd;
    int64_t storm_ms = crowd->world->options->storm_ms;
    if (storm_ms >= 0 && !worker->was_stormed && now >= worker->go_ns + storm_ms * 1000000) {
        worker->was_stormed = worker->is_storming = true;
        worker->storm_ns = now;
        for (size_t i = 0; i < crowd->peer_count; i++)
            if (crowd->peers[i].state == PEER_UP || crowd->peers[i].state == PEER_OPENING)
                peer_cut(&crowd->peers[i], now);
    }
}

static void churn(struct worker *worker, int64_t now)
{
    struct crowd *crowd = &worker->crowd;
    for (; worker->churn > 0 && worker->cut_ns <= now; worker->cut_ns += (int64_t)(1e9 / worker->churn)) {
        struct peer *peer = &crowd->peers[(size_t)(drand48() * (double)crowd->peer_count)];
        /* Away for a tenth of a second to one: something is said meanwhile. */
        if (peer->state == PEER_UP)
            peer_cut(peer, now + 100000000 + (int64_t)(drand48() * 9e8));
    }
}

static void say(struct worker *worker, int64_t now)
{
    if (worker->crowd.world->options->think_ms < 0) {
        say_in_turn(worker, now);
        return;
    }
    worker->say_ns = now + 1000000;
    for (size_t i = 0; i < worker->publisher_count; i++) {
        struct publisher *publisher = &worker->publishers[i];
        if (publisher->due_ns <= now && peer_may_say(publisher->peer, publisher->seat)) {
            publisher->due_ns = INT64_MAX;
            peer_say(publisher->peer, publisher->seat, (uint32_t)i);
        }
    }
}

/* At a fixed rate: a slow server gets no fewer messages. One that nobody can say, because all publishers are away or
 * have too many unanswered, is left out and counted. */
static void say_in_turn(struct worker *worker, int64_t now)
{
    struct totals *totals = &worker->crowd.totals;
    if (worker->rate <= 0) {
        worker->say_ns = INT64_MAX;
        return;
    }
    for (int turns = 0; worker->say_ns <= now && turns < CATCH_UP_MAX; turns++) {
        size_t tries = 0;
        struct publisher *publisher = NULL;
        for (; tries < worker->publisher_count; tries++) {
            publisher = &worker->publishers[worker->next_publisher++ % worker->publisher_count];
            if (peer_may_say(publisher->peer, publisher->seat))
                break;
        }
        if (tries < worker->publisher_count) {
            peer_say(publisher->peer, publisher->seat, (uint32_t)(publisher - worker->publishers));
            totals->late_ns = now - worker->say_ns > totals->late_ns ? now - worker->say_ns : totals->late_ns;
        } else {
            totals->skipped++;
        }
        worker->say_ns += (int64_t)(1e9 / worker->rate);
    }
}

/* Has what this step waits for come? */
static void step_look(struct worker *worker, int64_t now)
{
    struct crowd *crowd = &worker->crowd;
    const struct totals *totals = &crowd->totals;
    int64_t drain_ns = crowd->world->options->drain_ms * 1000000;
    enum step before = worker->step;
    bool is_whole = crowd->up + crowd->over == crowd->peer_count;
    if (worker->is_storming && is_whole) {
        worker->is_storming = false;
        crowd->totals.storm_ms = (now - worker->storm_ns) / 1000000 + 1;
    }
    if (worker->step == STEP_RAMP && worker->started == crowd->peer_count && crowd->opening == 0) {
        size_t waiting = 0;
        for (size_t i = 0; i < crowd->peer_count; i++)
            waiting += crowd->peers[i].state == PEER_DOWN && crowd->peers[i].tries < TRIES_MAX;
        if (waiting == 0)
            worker->step = STEP_READY;
    } else if (worker->step == STEP_RUN && worker->is_stopping) {
        bool is_answered = totals->sent == totals->answered + totals->refused;
        if ((is_answered && crowd->up + crowd->over == worker->started) || now - worker->step_ns > drain_ns)
            worker->step = STEP_SETTLED;
    } else if (worker->step == STEP_SETTLED && worker->is_draining) {
        if (tops_are_reached(worker, now))
            worker_end(worker);
    }
    if (worker->step != before)
        report(worker);
}

/* Each room is asked by one of its sockets, now that all have stopped to talk. */
static void tops_ask(struct worker *worker)
{
    struct crowd *crowd = &worker->crowd;
    worker->is_draining = true;
    for (size_t i = 0; i < crowd->peer_count; i++) {
        struct peer *peer = &crowd->peers[i];
        for (size_t seat = 0; seat < peer->seat_count; seat++) {
            struct room *room = &crowd->rooms[peer->seats[seat].room];
            room->top = peer->seats[seat].offset > room->top ? peer->seats[seat].offset : room->top;
            if (room->is_asked || peer->state != PEER_UP || !peer->seats[seat].is_ready)
                continue;
            room->is_asked = true;
            peer_ask_top(peer, seat);
        }
    }
}

static bool tops_are_reached(struct worker *worker, int64_t now)
{
    const struct crowd *crowd = &worker->crowd;
    int64_t waited = now - worker->step_ns;
    if (waited > crowd->world->options->drain_ms * 1000000)
        return true;
    for (size_t i = 0; i < (size_t)crowd->world->options->rooms && waited < TOP_NS; i++)
        if (crowd->rooms[i].is_asked && !crowd->rooms[i].is_known)
            return false;
    for (size_t i = 0; i < crowd->peer_count; i++) {
        const struct peer *peer = &crowd->peers[i];
        for (size_t seat = 0; seat < peer->seat_count; seat++)
            if (peer->seats[seat].has_position && peer->seats[seat].offset < crowd->rooms[peer->seats[seat].room].top)
                return false;
    }
    return true;
}

static void worker_end(struct worker *worker)
{
    struct crowd *crowd = &worker->crowd;
    for (size_t i = 0; i < crowd->peer_count; i++) {
        struct peer *peer = &crowd->peers[i];
        for (size_t seat = 0; seat < peer->seat_count; seat++)
            check_end(&crowd->check, &peer->seats[seat], peer->number, crowd->rooms[peer->seats[seat].room].top);
    }
    crowd->totals.unanswered = crowd->totals.sent - crowd->totals.answered - crowd->totals.refused;
    notes_report(worker);
    worker->step = STEP_DONE;
}

static void report(struct worker *worker)
{
    struct crowd *crowd = &worker->crowd;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    crowd->totals.cpu_ns = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
                           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
    crowd->totals.counts = crowd->check.counts;
    crowd->totals.bytes_in = crowd->loop.bytes_in;
    crowd->totals.sockets_up = crowd->up;
    struct wire_totals totals = {.step = worker->step, .totals = crowd->totals};
    int fd = worker->share->reports;
    if (!wire_write_histogram(fd, WIRE_DELIVERY, &crowd->delivery) ||
        !wire_write_histogram(fd, WIRE_ANSWER, &crowd->answer) || !wire_write(fd, WIRE_TOTALS, &totals, sizeof totals))
        worker->is_over = true;
    histogram_clear(&crowd->delivery);
    histogram_clear(&crowd->answer);
    crowd->totals.late_ns = 0;
}

static void notes_report(struct worker *worker)
{
    struct crowd *crowd = &worker->crowd;
    int fd = worker->share->reports;
    for (size_t i = 0; i < crowd->check.gap_count; i++) {
        const struct gap *gap = &crowd->check.gaps[i];
        if (gap->missing == 0)
            continue;
        struct note note = {.times = gap->missing};
        snprintf(note.text, sizeof note.text, "lost: room %lld, socket %lld: offsets %llu to %llu%s",
                 (long long)crowd->world->rooms[gap->seat->room], (long long)gap->socket, (unsigned long long)gap->from,
                 (unsigned long long)gap->to,
                 gap->missing <= gap->to - gap->from ? ", but for those that came late" : "");
        wire_write(fd, WIRE_NOTE, &note, sizeof note);
    }
    for (size_t i = 0; i < crowd->note_count; i++)
        wire_write(fd, WIRE_NOTE, &crowd->notes[i], sizeof crowd->notes[i]);
}

static void worker_close(struct worker *worker)
{
    struct crowd *crowd = &worker->crowd;
    for (size_t i = 0; i < crowd->peer_count; i++) {
        ws_cut(crowd->peers[i].ws);
        free(crowd->peers[i].pending);
    }
    ws_loop_run(&crowd->loop, 0);
    ws_loop_close(&crowd->loop);
    free(crowd->peers);
    free(crowd->seats);
    free(crowd->rooms);
    free(worker->publishers);
    free(worker);
}
