/* chat/forms.c: the fields of rooms, members and messages. */
#include "chat/forms.h"
#include "base/words.h"
#include "lib/utf8.h"

#define ID_MAX            INT64_C(9007199254740991)
#define NAME_MAX_CHARS    64
#define TOPIC_MAX_CHARS   500
#define KEY_MAX_CHARS     64
#define EMOJI_MAX_CHARS   16
#define ROOMS_PAGE        200
#define MEMBERS_PAGE      1000
#define MESSAGES_PAGE     50
#define MESSAGES_PAGE_MAX 200

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool read_id(struct chat_action *action, const char *name, int64_t *id);
static bool read_text(struct chat_action *action, size_t most);
static bool read_name(struct chat_action *action, enum param_need need);
static bool read_kind(struct chat_action *action, enum param_need need);
static bool read_role(struct chat_action *action, enum param_need need);
static bool has_control(const char *text);
static bool has_space(const char *text);
static bool is_blank(const char *text);

static enum status form_end(bool is_fine)
{
    return is_fine ? STATUS_OK : STATUS_INVALID;
}

enum status form_id(struct chat_action *action)
{
    bool is_fine = params_only(&action->request, NAMES("id"));
    return form_end(read_id(action, "id", &action->id) && is_fine);
}

enum status form_room_list(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("after", "limit"));
    action->limit = ROOMS_PAGE;
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, ID_MAX, &action->after);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, ROOMS_PAGE, &action->limit);
    return form_end(is_fine);
}

enum status form_room_create(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("kind", "name", "topic"));
    action->topic = "";
    is_fine &= read_kind(action, PARAM_REQUIRED);
    is_fine &= read_name(action, PARAM_REQUIRED);
    is_fine &= param_text(request, "topic", PARAM_OPTIONAL, 0, TOPIC_MAX_CHARS, &action->topic);
    return form_end(is_fine);
}

enum status form_room_update(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("id", "kind", "name", "topic"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= read_kind(action, PARAM_OPTIONAL);
    is_fine &= read_name(action, PARAM_OPTIONAL);
    is_fine &= param_text(request, "topic", PARAM_OPTIONAL, 0, TOPIC_MAX_CHARS, &action->topic);
    if (is_fine && !action->name && !action->topic && action->kind == ROOM_NONE)
        return request_invalid(request, "", "Give at least one of name, topic and kind.");
    return form_end(is_fine);
}

enum status form_room_read(struct chat_action *action)
{
    bool is_fine = params_only(&action->request, NAMES("id", "offset", "unread"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= param_int(&action->request, "offset", PARAM_REQUIRED, 0, ID_MAX, &action->offset);
    is_fine &= param_bool(&action->request, "unread", PARAM_OPTIONAL, &action->is_back);
    return form_end(is_fine);
}

enum status form_room_preferences(struct chat_action *action)
{
    int index = -1;
    bool is_fine = params_only(&action->request, NAMES("id", "notify"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= param_word(&action->request, "notify", PARAM_REQUIRED, notify_words, &index);
    if (is_fine)
        action->notify = notify_words[index];
    return form_end(is_fine);
}

enum status form_direct(struct chat_action *action)
{
    bool is_fine = params_only(&action->request, NAMES("user"));
    return form_end(read_id(action, "user", &action->user_id) && is_fine);
}

enum status form_member_list(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("id", "q", "after", "limit"));
    action->limit = MEMBERS_PAGE;
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= param_text(request, "q", PARAM_OPTIONAL, 0, NAME_CHARACTERS_MAX, &action->text);
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, ID_MAX, &action->after);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, MEMBERS_PAGE, &action->limit);
    return form_end(is_fine);
}

enum status form_member(struct chat_action *action)
{
    bool is_fine = params_only(&action->request, NAMES("id", "user"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= read_id(action, "user", &action->user_id);
    return form_end(is_fine);
}

static enum status form_member_role(struct chat_action *action, enum param_need need)
{
    bool is_fine = params_only(&action->request, NAMES("id", "user", "role"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= read_id(action, "user", &action->user_id);
    is_fine &= read_role(action, need);
    return form_end(is_fine);
}

enum status form_member_create(struct chat_action *action)
{
    action->role = ROLE_MEMBER;
    return form_member_role(action, PARAM_OPTIONAL);
}

enum status form_member_update(struct chat_action *action)
{
    return form_member_role(action, PARAM_REQUIRED);
}

enum status form_message_list(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("id", "before", "after", "around", "limit"));
    action->limit = MESSAGES_PAGE;
    action->before = INT64_MAX;
    action->after = -1; /* tells "not given" from 0, which means from the beginning */
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= param_int(request, "before", PARAM_OPTIONAL, 0, ID_MAX, &action->before);
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, ID_MAX, &action->after);
    is_fine &= param_int(request, "around", PARAM_OPTIONAL, 1, ID_MAX, &action->around);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, MESSAGES_PAGE_MAX, &action->limit);
    if (is_fine && (action->before < INT64_MAX) + (action->after >= 0) + (action->around > 0) > 1)
        return request_invalid(request, "", "Give only one of before, after and around.");
    return form_end(is_fine);
}

enum status form_message_search(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("q", "room", "author", "before", "limit"));
    action->limit = MESSAGES_PAGE;
    action->before = ID_MAX;
    is_fine &= param_text(request, "q", PARAM_REQUIRED, 1, WORDS_CHARACTERS_MAX, &action->text);
    is_fine &= param_int(request, "room", PARAM_OPTIONAL, 1, ID_MAX, &action->room_id_asked);
    is_fine &= param_int(request, "author", PARAM_OPTIONAL, 1, ID_MAX, &action->user_id);
    is_fine &= param_int(request, "before", PARAM_OPTIONAL, 1, ID_MAX, &action->before);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, MESSAGES_PAGE_MAX, &action->limit);
    return form_end(is_fine);
}

enum status form_message_create(struct chat_action *action, size_t text_max)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("id", "text", "reply_to", "key"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= read_text(action, text_max);
    is_fine &= param_int(request, "reply_to", PARAM_OPTIONAL, 1, ID_MAX, &action->reply_to);
    is_fine &= param_text(request, "key", PARAM_OPTIONAL, 1, KEY_MAX_CHARS, &action->key);
    return form_end(is_fine);
}

enum status form_message_update(struct chat_action *action, size_t text_max)
{
    bool is_fine = params_only(&action->request, NAMES("id", "text"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= read_text(action, text_max);
    return form_end(is_fine);
}

enum status form_pin_list(struct chat_action *action)
{
    bool is_fine = params_only(&action->request, NAMES("id", "before"));
    action->before = ID_MAX;
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= param_int(&action->request, "before", PARAM_OPTIONAL, 1, ID_MAX, &action->before);
    return form_end(is_fine);
}

enum status form_pin(struct chat_action *action)
{
    bool is_fine = params_only(&action->request, NAMES("id", "message"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= read_id(action, "message", &action->message_id);
    return form_end(is_fine);
}

enum status form_reaction(struct chat_action *action)
{
    struct request *request = &action->request;
    bool is_fine = params_only(request, NAMES("id", "emoji"));
    is_fine &= read_id(action, "id", &action->id);
    is_fine &= param_text(request, "emoji", PARAM_REQUIRED, 1, EMOJI_MAX_CHARS, &action->emoji);
    if (action->emoji && (has_control(action->emoji) || has_space(action->emoji) || is_blank(action->emoji)))
        return request_invalid(request, "/emoji", "This must be an emoji.");
    return form_end(is_fine);
}

/* ---- fields ---- */

static bool read_id(struct chat_action *action, const char *name, int64_t *id)
{
    return param_int(&action->request, name, PARAM_REQUIRED, 1, ID_MAX, id);
}

static bool read_text(struct chat_action *action, size_t most)
{
    if (!param_text(&action->request, "text", PARAM_REQUIRED, 1, most, &action->text))
        return false;
    if (!is_blank(action->text))
        return true;
    request_invalid(&action->request, "/text", "A message must say something.");
    return false;
}

static bool read_name(struct chat_action *action, enum param_need need)
{
    if (!param_text(&action->request, "name", need, 1, NAME_MAX_CHARS, &action->name))
        return false;
    if (!action->name || !(is_blank(action->name) || has_control(action->name)))
        return true;
    request_invalid(&action->request, "/name", "A name has visible characters on one line.");
    return false;
}

/* Direct rooms are opened by direct.create only, and stay what they are. */
static bool read_kind(struct chat_action *action, enum param_need need)
{
    int index = -1;
    if (!param_word(&action->request, "kind", need, NAMES("public", "private"), &index))
        return false;
    if (index >= 0)
        action->kind = index == 0 ? ROOM_PUBLIC : ROOM_PRIVATE;
    return true;
}

static bool read_role(struct chat_action *action, enum param_need need)
{
    int index = -1;
    if (!param_word(&action->request, "role", need, role_words, &index))
        return false;
    if (index >= 0)
        action->role = (enum role)(index + 1);
    return true;
}

/* Control characters, and those that turn the direction of what follows. */
static bool has_control(const char *text)
{
    while (*text) {
        uint32_t c = utf8_next(&text);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
            return true;
    }
    return false;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool has_space(const char *text)
{
    while (*text)
        if (is_space(utf8_next(&text)))
            return true;
    return false;
}

/* Nothing to see: white space, and what has no width (which joins emoji, but is nothing by itself). */
static bool is_blank(const char *text)
{
    while (*text) {
        uint32_t c = utf8_next(&text);
        if (!is_space(c) && !(c >= 0x200b && c <= 0x200f) && c != 0x2060 && c != 0xfeff && c != 0xad && c >= 0x20)
            return false;
    }
    return true;
}
