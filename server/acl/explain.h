/* acl/explain.h: a question about a right, on a model or on one of its rows, as explain and who ask it. */
#pragma once
#include "acl/state.h"
#include "base/model_actions.h"
#include "base/rule.h"

struct question {
    const struct model *model;
    unsigned right;  /* one of RIGHT_… */
    int64_t row_id;  /* 0: about the model as a whole */
    struct row *row; /* owned; NULL: there is none */
};

/* The parameters "model", "id" and the one called @right_name. False: an error was noted. */
bool question_read(struct request *request, const char *right_name, struct question *question);
/* Store thread: read the row, if one is asked about. */
enum status question_row(struct question *question, struct db *db);
/* Loop, in all that follows. Whoever may not see the row must not learn that there is one. */
bool question_may_see(struct request *request, const struct question *question);
/* The rule that judges a row for this right; NULL: none. */
const struct rule *question_rule(const struct question *question);
/* Do the rules let @asker, who holds the right, do it with the row? Without a row: yes. */
bool question_rules_allow(const struct question *question, const struct asker *asker);
