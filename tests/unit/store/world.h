/* A store in a folder of its own, the loop it answers to, and jobs that are written as one function. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <uv.h>
#include "store/store.h"

#define WHY_SIZE 512

struct world {
    uv_loop_t loop;
    struct store *store;
    char dir[256];
    char path[300];
    char why[WHY_SIZE]; /* of the last world_open() */
    unsigned done_count;
};

struct step {
    struct store_job job; /* first: a step is a job */
    struct world *world;
    enum status (*body)(struct step *step, struct db *db);
    int64_t number; /* what the body needs, or found */
    const char *text;
    unsigned done_place;    /* 1: the first step of the world that was done */
    uv_sem_t *reached, *go; /* a gate: the body posts the one and waits for the other */
};

/* An empty folder and a loop; the store is opened by world_open(). */
void world_begin(struct world *world);
/* Closes the store if it is open; removes the folder. */
void world_end(struct world *world);
/* With small queues of 1000 and two readers; change @options first for others. */
struct store_options world_options(const struct world *world);
enum status world_open_with(struct world *world, const struct store_options *options);
enum status world_open(struct world *world);
void world_close(struct world *world);
void world_write(struct world *world, struct step *step);
void world_read(struct world *world, struct step *step);
/* Until every job handed over is done. */
void world_run(struct world *world);
/* Hand over, run, and return the status. */
enum status world_write_now(struct world *world, struct step *step);
enum status world_read_now(struct world *world, struct step *step);
/* `note(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)`, empty. */
void world_make_notes(struct world *world);
int64_t world_count_notes(struct world *world);
/* Bodies. */
enum status insert_note(struct step *step, struct db *db); /* id number; text, or its number as text */
enum status pass_gate(struct step *step, struct db *db);
enum status run_text(struct step *step, struct db *db); /* step->text is SQL */
enum status get_text(struct step *step, struct db *db); /* step->text is SQL that gives step->number */
