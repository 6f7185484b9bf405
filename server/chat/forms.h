/* chat/forms.h: what clients ask for, checked field by field. Each form answers OK, or INVALID with an error
 * for each field that is wrong. Loop thread. */
#pragma once
#include "chat/action.h"

enum status form_id(struct chat_action *action);                              /* id */
enum status form_room_list(struct chat_action *action);                       /* after, limit */
enum status form_room_create(struct chat_action *action);                     /* kind, name, topic */
enum status form_room_update(struct chat_action *action);                     /* id, name, topic, kind */
enum status form_room_read(struct chat_action *action);                       /* id, offset, unread */
enum status form_room_preferences(struct chat_action *action);                /* id, notify */
enum status form_direct(struct chat_action *action);                          /* user */
enum status form_member_list(struct chat_action *action);                     /* id, q, after, limit */
enum status form_member(struct chat_action *action);                          /* id, user */
enum status form_member_create(struct chat_action *action);                   /* id, user, role */
enum status form_member_update(struct chat_action *action);                   /* id, user, role */
enum status form_message_list(struct chat_action *action);                    /* id, before, after, around, limit */
enum status form_message_search(struct chat_action *action);                  /* q, room, author, before, limit */
enum status form_message_create(struct chat_action *action, size_t text_max); /* id, text, reply_to, key */
enum status form_message_update(struct chat_action *action, size_t text_max); /* id, text */
enum status form_pin_list(struct chat_action *action);                        /* id, before */
enum status form_pin(struct chat_action *action);                             /* id, message */
enum status form_reaction(struct chat_action *action);                        /* id, emoji */
