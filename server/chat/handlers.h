/* chat/handlers.h: the actions of this folder, for the route table. Loop thread. */
#pragma once
#include "base/request.h"

void room_list_start(struct request *request);
void room_detail_start(struct request *request);
void room_create_start(struct request *request);
void room_update_start(struct request *request);
void room_delete_start(struct request *request);
void direct_create_start(struct request *request);

void room_join_start(struct request *request);
void room_leave_start(struct request *request);
void room_preferences_start(struct request *request);
void member_list_start(struct request *request);
void member_create_start(struct request *request);
void member_update_start(struct request *request);
void member_delete_start(struct request *request);

void message_list_start(struct request *request);
void message_detail_start(struct request *request);
void message_create_start(struct request *request);
void message_update_start(struct request *request);
void message_delete_start(struct request *request);

void pin_list_start(struct request *request);
void pin_create_start(struct request *request);
void pin_delete_start(struct request *request);

void reaction_create_start(struct request *request);
void reaction_delete_start(struct request *request);
void room_read_start(struct request *request);
void room_typing_start(struct request *request);
