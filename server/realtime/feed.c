/* realtime/feed.c: each committed change of a row, judged for each listener by the rules that reading it would meet.
 * What was visible and is no more is a deletion to that listener, what was not and is now is a new row. There are few
 * kinds of listeners, so each text is made once for each change. */
#include "realtime/feed.h"
#include <stdlib.h>
#include <string.h>
#include "base/model_actions.h"

#define FEED_PREFIX "model:"

struct feed {
    struct dispatch *dispatch;
    struct hub *hub;
};

enum change_kind { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE };
static const char *const change_words[] = {"create", "update", "delete"};

/* What those hear who may see the same of a change. */
struct text {
    struct text *next;
    enum change_kind kind;
    uint64_t fields;
    struct buffer json;
};
struct change {
    const struct permissions *permissions;
    const struct model *model;
    const struct row *before, *after;
    struct text *texts;
    bool has_failed;
};

static enum status feed_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
static void feed_changed(void *context, const struct model *model, const struct row *before, const struct row *after);
static const char *change_choose(void *context, const struct actor *actor, size_t *length);
static const struct text *change_text(struct change *change, enum change_kind kind, uint64_t fields);
static void texts_free(struct text *texts);

static const struct channel_kind feed_kind = {.prefix = FEED_PREFIX, .is_judged = true, .authorize = feed_authorize};

struct feed *feed_new(struct dispatch *dispatch, struct hub *hub)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->dispatch = dispatch;
    feed->hub = hub;
    hub_add_kind(hub, &feed_kind, feed);
    model_actions_on_change(dispatch, feed_changed, feed);
    return feed;
}

void feed_free(struct feed *feed)
{
    free(feed);
}

/* Built-in models change by their applications' own actions. Of people all are announced; groups and grants have feeds
 * of their own (acl/feeds.c); a feed of the others would be silent, and so there is none. */
static bool is_announced(const struct model *model)
{
    return !model->is_builtin || strcmp(model->name, "user") == 0;
}

/* The same answer whether the model is none of this server's or the right is missing. */
static enum status feed_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    const struct feed *feed = app;
    const struct model *model = models_find(dispatch_models(feed->dispatch), rest);
    *top = (struct channel_top){0};
    if (!model || !is_announced(model) ||
        !permissions_allow(dispatch_permissions(feed->dispatch), actor, rest, RIGHT_READ))
        return STATUS_FORBIDDEN;
    return STATUS_OK;
}

static void feed_changed(void *context, const struct model *model, const struct row *before, const struct row *after)
{
    struct feed *feed = context;
    char channel[sizeof FEED_PREFIX + MODEL_NAME_MAX] = FEED_PREFIX;
    struct change change = {
        .permissions = dispatch_permissions(feed->dispatch), .model = model, .before = before, .after = after};
    strncat(channel, model->name, MODEL_NAME_MAX);
    if (before || after)
        hub_publish_each(feed->hub, channel, change_choose, &change);
    if (change.has_failed || (!before && !after))
        hub_publish_lost(feed->hub, channel);
    texts_free(change.texts);
}

/* For each listener: what it hears of the change; NULL: nothing. */
static const char *change_choose(void *context, const struct actor *actor, size_t *length)
{
    struct change *change = context;
    const struct row *before = change->before, *after = change->after;
    /* Its rights are looked up once: with many listeners that is most of the work. */
    struct asker asker = model_asker(change->model, change->permissions, actor);
    bool was_visible = before && asker_sees(&asker, before);
    bool is_visible = after && asker_sees(&asker, after);
    if (!was_visible && !is_visible)
        return NULL;
    const struct text *text = NULL;
    if (is_visible) {
        text = change_text(change, was_visible ? CHANGE_UPDATE : CHANGE_CREATE, asker_fields(&asker, after));
    } else {
        text = change_text(change, CHANGE_DELETE, 1u << FIELD_ID);
    }
    if (!text)
        return NULL;
    *length = text->json.length;
    return text->json.bytes;
}

/* NULL: no memory. */
static const struct text *change_text(struct change *change, enum change_kind kind, uint64_t fields)
{
    for (const struct text *text = change->texts; text; text = text->next)
        if (text->kind == kind && text->fields == fields)
            return text;
    struct text *text = calloc(1, sizeof *text);
    if (!text) {
        change->has_failed = true;
        return NULL;
    }
    text->kind = kind;
    text->fields = fields;
    buffer_printf(&text->json, "{\"action\":\"%s\",\"record\":", change_words[kind]);
    row_print(kind == CHANGE_DELETE ? change->before : change->after, fields, &text->json);
    buffer_char(&text->json, '}');
    if (text->json.has_failed) {
        change->has_failed = true;
        texts_free(text);
        return NULL;
    }
    text->next = change->texts;
    change->texts = text;
    return text;
}

static void texts_free(struct text *texts)
{
    while (texts) {
        struct text *next = texts->next;
        buffer_free(&texts->json);
        free(texts);
        texts = next;
    }
}
