/* chat/access.h: what somebody is in a room, as the data base has it: asked inside the transaction that the
 * answer is for, so that a removal cannot slip in between. Store threads. */
#pragma once
#include <stdint.h>
#include "base/request.h"
#include "chat/message_models.h"
#include "chat/role.h"

struct access {
    int64_t room_id;
    enum room_kind kind;
    enum role role; /* NONE: not in the room */
    int64_t top;
    int64_t read_offset;
    char epoch[RANDOM_ID_SIZE];
};

/**
 * Look at room @room_id with the eyes of @request's actor.
 * thread  writer or reader
 * errors  NOT_FOUND if there is no such room, or it is not public and the actor is not in it: the two look
 * the same
 */
enum status access_select(struct request *request, struct db *db, int64_t room_id, struct access *access);
/* The same for a work that writes: first, is what the loop allowed still allowed? */
enum status access_select_to_write(struct request *request, struct db *db, int64_t room_id, struct access *access);
/* Message @id and its room; NOT_FOUND also if the room is not for the actor to see. */
enum status access_select_message(struct request *request, struct db *db, int64_t id, struct message *message,
                                  struct access *access);
enum status access_select_message_to_write(struct request *request, struct db *db, int64_t id, struct message *message,
                                           struct access *access);
/* OK, or FORBIDDEN with a sentence. */
enum status access_may_write(struct request *request, const struct access *access);
/* The same with the least role that may; the sentence ends in @what: "Only owners of the room may …" */
enum status access_needs(struct request *request, const struct access *access, enum role role, const char *what);
