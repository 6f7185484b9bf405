/* accounts/audit.c: the record of who changed which permission and which account. Entries are only ever added, and each
 * carries a digest of itself and of the digest before it: whoever changes or removes one breaks the chain from there
 * on.
 *
 * A digest is the SHA-256 of one line of JSON: ["<digest before>",id,at,user or null,"action","detail"]. JSON leaves no
 * doubt about where one value ends, and anybody can repeat it with common tools. What a chain cannot tell by itself is
 * whether its end was cut off together with the data base's own counter: for that, keep the last digest elsewhere. */
#include <stdio.h>
#include <string.h>
#include "accounts/models.h"
#include "lib/clock.h"

struct entry {
    int64_t id, at, user_id;
    const char *action, *detail;
};

static bool entry_digest(const struct entry *entry, const char *before, char digest[DIGEST_TEXT_SIZE]);

/* The digest to go on from ("" at the beginning), and the next id. Ids are the counter's, which also knows of entries
 * that are gone. */
static enum status chain_end(struct db *db, int64_t *id, char digest[DIGEST_TEXT_SIZE])
{
    struct rows *rows = db_query(db,
                                 "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0) + 1, "
                                 "ifnull((SELECT digest FROM audit ORDER BY id DESC LIMIT 1), '')",
                                 "");
    if (rows_next(rows)) {
        *id = rows_int(rows, 0);
        snprintf(digest, DIGEST_TEXT_SIZE, "%s", rows_text(rows, 1, NULL));
    }
    return rows_end(rows);
}

enum status audit_insert(struct db *db, int64_t actor_id, const char *action, const struct buffer *detail)
{
    char before[DIGEST_TEXT_SIZE] = "", digest[DIGEST_TEXT_SIZE];
    struct entry entry = {.at = clock_wall_ms(), .user_id = actor_id, .action = action, .detail = detail->bytes};
    enum status status = chain_end(db, &entry.id, before);
    if (status != STATUS_OK)
        return status;
    if (detail->has_failed || !entry_digest(&entry, before, digest))
        return FAULT("no memory");
    return db_run(
        db, "INSERT INTO audit(id, at, user_id, action, detail, digest) VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6)",
        "iiittt", entry.id, entry.at, entry.user_id, entry.action, entry.detail, digest);
}

static bool entry_digest(const struct entry *entry, const char *before, char digest[DIGEST_TEXT_SIZE])
{
    SCOPED(buffer_free) struct buffer line = {0};
    buffer_printf(&line, "[\"%s\",%lld,%lld,", before, (long long)entry->id, (long long)entry->at);
    if (entry->user_id)
        buffer_printf(&line, "%lld,", (long long)entry->user_id);
    else
        buffer_text(&line, "null,");
    buffer_json(&line, entry->action, strlen(entry->action));
    buffer_char(&line, ',');
    buffer_json(&line, entry->detail, strlen(entry->detail));
    buffer_char(&line, ']');
    if (line.has_failed)
        return false;
    digest_text(line.bytes, line.length, digest);
    return true;
}

enum status audit_verify(struct db *db, struct audit_check *check, int64_t most)
{
    int64_t last_id = 0, count = 0;
    /* Before the entries are read: those that come meanwhile do not count. */
    enum status status =
        db_get_int(db, &last_id, "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)", "");
    if (status != STATUS_OK)
        return status;
    struct rows *rows = db_query(
        db, "SELECT id, at, ifnull(user_id, 0), action, detail, digest FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
        "ii", check->id, most);
    for (; !check->broken_id && rows_next(rows); count++) {
        char digest[DIGEST_TEXT_SIZE];
        const struct entry entry = {.id = rows_int(rows, 0),
                                    .at = rows_int(rows, 1),
                                    .user_id = rows_int(rows, 2),
                                    .action = rows_text(rows, 3, NULL),
                                    .detail = rows_text(rows, 4, NULL)};
        if (!entry_digest(&entry, check->digest, digest)) {
            rows_end(rows);
            return FAULT("no memory");
        }
        if (entry.id != check->id + 1 || strcmp(digest, rows_text(rows, 5, NULL)) != 0) {
            check->broken_id = check->id + 1; /* this one, or one that is gone */
            break;
        }
        memcpy(check->digest, digest, sizeof digest);
        check->id = entry.id;
        check->count++;
    }
    check->is_done = check->broken_id || count < most;
    if (check->is_done && !check->broken_id && last_id > check->id)
        check->broken_id = check->id + 1; /* the end was cut off */
    return rows_end(rows);
}

/* ---- accounts ---- */

static void state_print(const struct user *user, struct buffer *json)
{
    if (user)
        buffer_printf(json, "{\"superuser\":%s,\"disabled\":%s}", user->is_superuser ? "true" : "false",
                      user->is_disabled ? "true" : "false");
    else
        buffer_text(json, "null");
}

enum status audit_user(struct db *db, int64_t actor_id, const char *action, const struct user *before,
                       const struct user *after, bool has_new_password)
{
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"user\":%lld,", (long long)after->id);
    buffer_json_member(&detail, "name", after->name);
    buffer_text(&detail, ",\"before\":");
    state_print(before, &detail);
    buffer_text(&detail, ",\"after\":");
    state_print(after, &detail);
    buffer_printf(&detail, ",\"password\":%s}", has_new_password ? "true" : "false");
    return audit_insert(db, actor_id, action, &detail);
}
