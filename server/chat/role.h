/* chat/role.h: the words for kinds of rooms and roles of members, as they stand in the data base and in
 * answers. */
#pragma once

/* In the order of power, so that roles can be compared. */
enum role { ROLE_NONE, ROLE_READER, ROLE_MEMBER, ROLE_MODERATOR, ROLE_OWNER };
enum room_kind { ROOM_NONE, ROOM_PUBLIC, ROOM_PRIVATE, ROOM_DIRECT };

/* NULL-ended, in the order of the enums but without NONE: for param_word(). */
extern const char *const role_words[];
extern const char *const room_kind_words[];
/* What a member wants to be told of. */
extern const char *const notify_words[];

const char *role_word(enum role role);
const char *room_kind_word(enum room_kind kind);
/* NULL and unknown words are NONE. */
enum role role_from_word(const char *word);
enum room_kind room_kind_from_word(const char *word);
