/* world.h: the people and rooms of a run: who the sockets are and where they sit. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rest.h"
#include "target.h"

struct options;
struct world {
    const struct options *options;
    struct target target;
    struct person *people;
    size_t people_count;
    int64_t *rooms; /* ids on the server */
    size_t rooms_made;
    char run[9]; /* what names this run */
    char why[700];
};

/* Log in and make the rooms, one step after the other, as slowly as the server wants it. False: @why. */
bool world_open(struct world *world, const struct options *options, const volatile bool *is_interrupted);
/* Delete the rooms, unless they are to be kept. */
void world_close(struct world *world);

/* Seats: socket s sits on s, s + sockets, s + 2 * sockets, …; seat i belongs to room i / members. */
size_t world_seats(const struct options *options, int64_t socket);
int64_t world_seat_room(const struct options *options, int64_t socket, size_t seat);
/* Publisher p speaks from this seat: they are spread over the rooms. */
void world_publisher(const struct options *options, int64_t publisher, int64_t *socket, size_t *seat);
