/* chat/role.c: words to enums and back. */
#include "chat/role.h"
#include <stddef.h>
#include <string.h>

const char *const role_words[] = {"reader", "member", "moderator", "owner", NULL};
const char *const room_kind_words[] = {"public", "private", "direct", NULL};
const char *const notify_words[] = {"all", "mentions", "none", NULL};

static unsigned word_find(const char *const *words, const char *word)
{
    for (unsigned i = 0; word && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i + 1;
    return 0;
}

const char *role_word(enum role role)
{
    return role == ROLE_NONE ? "" : role_words[role - 1];
}

const char *room_kind_word(enum room_kind kind)
{
    return kind == ROOM_NONE ? "" : room_kind_words[kind - 1];
}

enum role role_from_word(const char *word)
{
    return (enum role)word_find(role_words, word);
}

enum room_kind room_kind_from_word(const char *word)
{
    return (enum room_kind)word_find(room_kind_words, word);
}
