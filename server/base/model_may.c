/* base/model_may.c: what somebody may do with a row, beside the row: so that a form shows it before it is refused. The
 * answers are those of the rules that a change would meet. */
#include "base/model_request.h"

uint64_t may_settable(const struct request *request)
{
    const struct model *model = model_of(request);
    struct asker asker = request_asker(request);
    uint64_t fields = 0;
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++)
        if (!model->fields[i].is_read_only && !field_is_hidden(&model->fields[i], &asker))
            fields |= UINT64_C(1) << i;
    return fields;
}

void may_print(const struct model_request *asked, struct may may, struct buffer *json)
{
    const struct model *model = model_of(&asked->request);
    unsigned rights = asked->request.rights;
    bool may_update = may.rule_update && rights & RIGHT_WRITE && model->actions & 1u << MODEL_UPDATE;
    bool may_delete = may.rule_delete && rights & RIGHT_DELETE && model->actions & 1u << MODEL_DELETE;
    uint64_t fields = may_update ? may.fields & asked->settable : 0;
    const char *comma = "";
    if (!json->length || json->bytes[json->length - 1] != '}')
        return; /* no memory for the row */
    json->length--;
    buffer_printf(json, "%s\"may\":{\"update\":%s,\"delete\":%s,\"fields\":[",
                  json->bytes[json->length - 1] == '{' ? "" : ",", may_update ? "true" : "false",
                  may_delete ? "true" : "false");
    for (size_t i = 0; i < model->fields_count; i++) {
        if (!(fields >> i & 1))
            continue;
        buffer_printf(json, "%s\"%s\"", comma, model->fields[i].name);
        comma = ",";
    }
    buffer_text(json, "]}}");
}

void may_sql(const struct model *model, const char *alias, const struct asker *asker, struct sql *sql)
{
    sql_text(sql, ", ");
    rule_sql(model->rules[RULE_UPDATE], alias, asker, sql);
    sql_text(sql, ", ");
    rule_sql(model->rules[RULE_DELETE], alias, asker, sql);
    for (size_t i = 0; i < model->fields_count; i++) {
        if (!model->fields[i].write)
            continue;
        sql_text(sql, ", ");
        rule_sql(model->fields[i].write, alias, asker, sql);
    }
}

struct may may_read(const struct model *model, struct rows *rows, int column)
{
    struct may may = {.rule_update = rows_int(rows, column) == 1, .rule_delete = rows_int(rows, column + 1) == 1};
    column += 2;
    for (size_t i = 0; i < model->fields_count; i++)
        if (!model->fields[i].write || rows_int(rows, column++) == 1)
            may.fields |= UINT64_C(1) << i;
    return may;
}
