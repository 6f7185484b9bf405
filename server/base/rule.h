/* base/rule.h: who may do something with a row, as a small JSON predicate: {"author": "$me"}. One rule is compiled
 * twice: to SQL for lists, counts and search, and to a native check for single rows and pushed events. Both answer
 * alike, and neither answers anything but yes or no: to compare an empty field is a no, and "not" of that is a yes.
 *
 *   {"field": value}                       equal; value: a literal, null (is empty), "$me" (nobody's, if not signed in)
 *   {"field": {"in": [v, …]}}              one of them ("$me" may be among them)
 *   {"field": {"in": "$groups"}}           a relation: a set of ids that belong to the asker (see relations below)
 *   {"field": {"gt|gte|lt|lte": value}}    ordered; "$now" for times
 *   {"field": {"contains": value}}         of a LIST, which can otherwise only be compared with null
 *   {"field": {"not": value or {…}}}       the opposite
 *   {"all": […]} {"any": […]} {"not": …}   joined; an object with several members is all of them
 *   {"$right": "write"}                    the asker holds this right on the model (for x-fields)
 *   true, false                            everybody, nobody
 */
#pragma once
#include "base/model.h"
#include "base/sql.h"
#include "lib/buffer.h"
#include "lib/scope.h"

/* A set of ids that depends on who asks: "$groups", "$rooms". Registered by the application that knows. */
struct relation {
    const char *name;
    /* "SELECT group_id FROM group_member WHERE user_id = ?": one bound value, the asker's user id (0: not signed in);
     * never a null among the ids. */
    const char *sql;
    /* Loop: the same answer from memory. */
    bool (*has)(void *app, const struct actor *actor, int64_t id);
    void *app;
};
#define RELATIONS_MAX 16
struct relations {
    struct relation items[RELATIONS_MAX];
    size_t count;
};
/* Those of @models, which begin empty. In base/model.c. */
struct relations *models_relations(const struct models *models);
/* At start, before the rules are read (models_finish()). Copied; its texts must outlive @models. Also on an edge, where
 * rules are only read: `has` is never called there. */
void relation_add(struct models *models, const struct relation *relation);
const struct relation *relation_find(const struct models *models, const char *name);

/* errors  NULL, and in @why where it is wrong and what: "/any/1/author: the reason". The pointer goes on from the
 *         rule's own place, and is empty for the rule itself. */
struct rule *rule_parse(const cJSON *json, const struct model *model, const struct models *models, char *why,
                        size_t why_size);
void rule_free(struct rule *rule);
DEFINE_SCOPED(struct rule *, rule_free)
/* Who asks, as rules see it. Plain data, so that the store's threads may ask too. */
struct asker {
    const struct actor *actor;
    unsigned rights;    /* on the model, at this moment */
    bool is_privileged; /* a superuser or the shell: every rule says yes */
    int64_t now_ms;     /* what "$now" is */
};

/* In all of these a NULL rule says yes. */

/* A condition on the columns of @alias that is 0 or 1, never null. Values point into @rule, @asker. thread any */
void rule_sql(const struct rule *rule, const char *alias, const struct asker *asker, struct sql *sql);
/* thread loop (relations are looked up in memory) */
bool rule_allows(const struct rule *rule, const struct row *row, const struct asker *asker);
/* Does the answer depend on the row at all? If not, rule_allows() takes a NULL row. */
bool rule_needs_row(const struct rule *rule);
/* Every field the rule looks at, as bits. */
uint64_t rule_fields(const struct rule *rule);
/* As JSON, as it was written. */
void rule_print(const struct rule *rule, struct buffer *json);
/* Why it says what it says: {"rule":…,"holds":true,"parts":[{the same for each part}]}; instead of parts, who compares
 * a field has "field", "op", "wanted" and, if the field is one of the set @fields, "found". thread loop */
void rule_explain(const struct rule *rule, const struct row *row, const struct asker *asker, uint64_t fields,
                  struct buffer *json);
