/* chat/mentions.c: people who are meant in a message. */
#include "chat/mentions.h"
#include <string.h>
#include "base/permission.h"
#include "lib/utf8.h"

/* So many signs at the end of a word are tried as part of the name, because each costs a look into the data base. */
#define TAIL_MAX 3
/* As in room_models.c. */
#define UNREAD_WINDOW "1000"

static bool is_inside_word(const char *text, const char *sign);
static bool is_letter(uint32_t c);
static enum status mentions_find(struct db *db, const struct mention_place *place, struct mentions *found);
static enum status mention_select(struct db *db, const struct mention_place *place, const struct mention_word *word,
                                  int64_t *user_id);
static bool mentions_have(const struct mentions *mentions, int64_t user_id);
static enum status mention_insert(struct db *db, const struct mention_place *place, int64_t user_id);

/* ---- in a text ---- */

static bool is_ascii_letter(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* What a name may have inside: see name_check() in accounts/models.h. */
static bool is_joint(char c)
{
    return c == '.' || c == '_' || c == '-';
}

bool mention_next(const char *text, const char **at, struct mention_word *word)
{
    const char *sign;
    while ((sign = strchr(*at, '@'))) {
        const char *name = sign + 1, *end = name;
        if (is_ascii_letter((unsigned char)*name))
            while (is_ascii_letter((unsigned char)*end) || is_joint(*end))
                end++;
        *at = end;
        const char *bare = end, *next = end;
        while (bare > name && is_joint(bare[-1]))
            bare--;
        bool is_followed = *end == '@' || (*end && is_letter(utf8_next(&next)));
        if (bare - name < 2 || bare - name > NAME_CHARACTERS_MAX || is_followed || is_inside_word(text, sign))
            continue;
        size_t least = (size_t)(bare - name), most = (size_t)(end - name);
        if (most > least + TAIL_MAX)
            most = least + TAIL_MAX;
        *word = (struct mention_word){
            .name = name, .length = most < NAME_CHARACTERS_MAX ? most : NAME_CHARACTERS_MAX, .length_min = least};
        return true;
    }
    return false;
}

/* "ann@example.org", "a.b-@example.org" and "@@bob" mention nobody, "-@bob" and "_@bob_" do. The steps back end at the
 * sign before, so all of them together are no longer than the text. */
static bool is_inside_word(const char *text, const char *sign)
{
    const char *before = sign;
    while (before > text && (is_joint(before[-1]) || before[-1] == '+' || before[-1] == '%'))
        before--;
    if (before == text)
        return false;
    do
        before--;
    while (before > text && ((unsigned char)*before & 0xc0) == 0x80);
    uint32_t c = utf8_next(&before);
    return c == '@' || is_letter(c);
}

/* Letters of the scripts that put spaces between words: Latin to the Indic ones. In others, and behind a picture, a
 * name stands without a space. */
static bool is_letter(uint32_t c)
{
    return is_ascii_letter(c) || c == 0xaa || c == 0xb5 || c == 0xba ||
           (c >= 0xc0 && c < 0xe00 && c != 0xd7 && c != 0xf7) || (c >= 0x1e00 && c < 0x2000);
}

/* ---- in the data base ---- */

enum status mentions_insert(struct db *db, const struct mention_place *place, struct mentions *mentions)
{
    enum status status = mentions_find(db, place, mentions);
    for (size_t i = 0; i < mentions->count && status == STATUS_OK; i++)
        status = mention_insert(db, place, mentions->user_ids[i]);
    return status;
}

static enum status mentions_find(struct db *db, const struct mention_place *place, struct mentions *found)
{
    struct mention_word word;
    enum status status = STATUS_OK;
    const char *at = place->text;
    found->count = 0;
    for (int words = 0; words < MENTIONS_MAX && status == STATUS_OK && mention_next(place->text, &at, &word); words++) {
        int64_t user_id = 0;
        status = mention_select(db, place, &word, &user_id);
        if (status == STATUS_OK && user_id && user_id != place->author && !mentions_have(found, user_id))
            found->user_ids[found->count++] = user_id;
    }
    return status;
}

/* The longest name that somebody in the room has: "@bob." is bob, unless there is a "bob." */
static enum status mention_select(struct db *db, const struct mention_place *place, const struct mention_word *word,
                                  int64_t *user_id)
{
    enum status status = STATUS_NOT_FOUND;
    for (size_t length = word->length; length >= word->length_min && status == STATUS_NOT_FOUND; length--)
        status = db_get_int(db, user_id,
                            "SELECT m.user_id FROM user u JOIN member m ON m.room_id = ?1 AND m.user_id = u.id "
                            "WHERE u.name_folded = lower(?2)",
                            "is", place->room_id, word->name, length);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static bool mentions_have(const struct mentions *mentions, int64_t user_id)
{
    for (size_t i = 0; i < mentions->count; i++)
        if (mentions->user_ids[i] == user_id)
            return true;
    return false;
}

static enum status mention_insert(struct db *db, const struct mention_place *place, int64_t user_id)
{
    return db_run(db, "INSERT INTO mention(user_id, room_id, offset, message_id) VALUES (?1, ?2, ?3, ?4)", "iiii",
                  user_id, place->room_id, place->offset, place->message_id);
}

enum status mentions_update(struct db *db, const struct mention_place *place, struct mentions *mentions)
{
    struct mentions found, before = {0};
    enum status status = mentions_find(db, place, &found);
    if (status != STATUS_OK)
        return status;
    struct rows *rows = db_query(db, "SELECT user_id FROM mention WHERE message_id = ?1", "i", place->message_id);
    while (before.count < MENTIONS_MAX && rows_next(rows))
        before.user_ids[before.count++] = rows_int(rows, 0);
    status = rows_end(rows);
    for (size_t i = 0; i < before.count && status == STATUS_OK; i++)
        if (!mentions_have(&found, before.user_ids[i]))
            status = db_run(db, "DELETE FROM mention WHERE message_id = ?1 AND user_id = ?2", "ii", place->message_id,
                            before.user_ids[i]);
    mentions->count = 0;
    for (size_t i = 0; i < found.count && status == STATUS_OK; i++) {
        if (mentions_have(&before, found.user_ids[i]))
            continue;
        status = mention_insert(db, place, found.user_ids[i]);
        mentions->user_ids[mentions->count++] = found.user_ids[i];
    }
    return status;
}

enum status mentions_delete(struct db *db, int64_t message_id)
{
    return db_run(db, "DELETE FROM mention WHERE message_id = ?1", "i", message_id);
}

enum status mentions_count_unread(struct db *db, int64_t room_id, int64_t user_id, int64_t *count)
{
    return db_get_int(db, count,
                      "SELECT count(*) FROM (SELECT 1 FROM mention n WHERE n.user_id = ?2 AND n.room_id = ?1 AND "
                      "n.offset > (SELECT read_offset FROM member WHERE room_id = ?1 AND user_id = ?2) "
                      "LIMIT " UNREAD_WINDOW ")",
                      "ii", room_id, user_id);
}
