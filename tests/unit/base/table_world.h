/* A store on a file of its own, opened with the models of a folder, for tests of what that makes of the tables. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include "base/status.h"

#define NEWS(properties, more) "{\"title\": \"News\", \"type\": \"object\", \"properties\": {" properties "}" more "}"
#define TITLE                  "\"title\": {\"type\": \"string\", \"maxLength\": 200, \"default\": \"\"}"
#define STARS                  "\"stars\": {\"type\": \"integer\", \"minimum\": 0, \"default\": 0}"

#define INSERT_STARS "INSERT INTO news(created_at, updated_at, stars, title) VALUES (5000, 5000, 0, "
#define INSERT_NEWS  "INSERT INTO news(created_at, updated_at, title) VALUES (5000, 5000, "

struct world {
    char dir[128], path[160], folder[160];
    char why[4096];
    size_t changes;   /* of the last start */
    char words[8192]; /* of its changes, a line each */
    char hints[512];  /* the last one, or "" */
    bool is_rehearsal;
};

/* For setup and teardown: *state is a struct world. */
int world_begin(void **state);
int world_end(void **state);

/* Open the store with @files, {name, text}, as the models of @folder; what was changed and said is in @world. */
enum status start_in(struct world *world, const char *folder, const char *const (*files)[2], size_t count);
/* The same with one model, or with none if @name is NULL. */
enum status start(struct world *world, const char *name, const char *text);
void must_start(struct world *world, const char *name, const char *text);
void must_refuse(struct world *world, const char *name, const char *text, const char *words);

void run(struct world *world, const char *sql);
/* The first value as text, valid until the next one. */
const char *ask(struct world *world, const char *sql);
/* A constraint of the table is against it. */
bool refuses(struct world *world, const char *sql);
/* Is there a file with this @ending beside the data base? */
bool has_file(struct world *world, const char *ending);
/* With all that is in it; what is not there is no error. */
void remove_folder(const char *path);
void write_migration(struct world *world, const char *name, const char *text);
/* Do what the refusal says: "… write PATH: SQL", with @value for the word VALUE. */
void obey(struct world *world, const char *value);
