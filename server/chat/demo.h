/* chat/demo.h: rooms and rows to look at on a first visit. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "store/store.h"

/**
 * Make the public rooms "general", "random" and "announcements" with a few messages, as the users @user_ids: the first
 * owns them, the others are members, and readers in "announcements". What is there already stays as it is.
 * thread  writer, inside a job; or at start, before chat_load(), which reads the rooms
 */
enum status demo_rooms(struct db *db, const int64_t *user_ids, size_t count);
/* Some rows of the models news, comment and task by the users @user_ids, as far as there are such models. The same
 * thread. */
enum status demo_rows(struct db *db, const int64_t *user_ids, size_t count);
