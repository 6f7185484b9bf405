/* One row in memory: what it owns and how it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/model.h"

enum { NAME = FIELDS_OWN, SECRET, DONE, PRICE, DAY, LABELS, FIELDS };
static struct field fields[FIELDS] = {
    {.name = "id", .kind = FIELD_INTEGER},      {.name = "created_at", .kind = FIELD_TIME},
    {.name = "updated_at", .kind = FIELD_TIME}, {.name = "version", .kind = FIELD_INTEGER},
    {.name = "name", .kind = FIELD_TEXT},       {.name = "secret", .kind = FIELD_TEXT, .is_write_only = true},
    {.name = "done", .kind = FIELD_BOOLEAN},    {.name = "price", .kind = FIELD_NUMBER},
    {.name = "day", .kind = FIELD_DATE},        {.name = "labels", .kind = FIELD_LIST},
};
static const struct model model = {.name = "thing", .fields = fields, .fields_count = FIELDS};

static struct value text(const char *bytes)
{
    return value_text(bytes, strlen(bytes));
}

static struct row *a_row(void)
{
    struct row *row = row_new(&model);
    const struct value values[FIELDS] = {
        value_int(9007199254740991),
        value_int(0),
        value_int(1700000000123),
        value_int(3),
        text("\"\xc3\xa9\n"),
        text("hidden"),
        value_int(1),
        {.kind = VALUE_REAL, .real = 0.1},
        text("2026-01-31"),
        text("[\"a\",2]"),
    };
    for (size_t i = 0; i < FIELDS; i++)
        assert_true(row_set(row, i, &values[i]));
    return row;
}

static void assert_printed(const struct row *row, uint64_t set, const char *expected)
{
    SCOPED(buffer_free) struct buffer json = {0};
    row_print(row, set, &json);
    assert_string_equal(json.bytes, expected);
}

static void every_kind_is_shown_in_its_own_way_and_write_only_fields_never(void **state)
{
    (void)state;
    SCOPED(row_free) struct row *row = a_row();
    assert_printed(row, UINT64_MAX,
                   "{\"id\":9007199254740991,\"created_at\":\"1970-01-01T00:00:00.000Z\","
                   "\"updated_at\":\"2023-11-14T22:13:20.123Z\",\"version\":3,\"name\":\"\\\"\xc3\xa9\\n\","
                   "\"done\":true,\"price\":0.1,\"day\":\"2026-01-31\",\"labels\":[\"a\",2]}");
}

static void only_the_fields_asked_for_are_shown(void **state)
{
    (void)state;
    SCOPED(row_free) struct row *row = a_row();
    assert_printed(row, 0, "{}");
    assert_printed(row, 1u << SECRET, "{}");
    assert_printed(row, 1u << SECRET | 1u << DONE | 1u << DAY, "{\"done\":true,\"day\":\"2026-01-31\"}");
}

static void a_new_row_is_empty(void **state)
{
    (void)state;
    SCOPED(row_free) struct row *row = row_new(&model);
    assert_printed(row, 1u << NAME | 1u << DONE | 1u << LABELS, "{\"name\":null,\"done\":null,\"labels\":null}");
}

static void numbers_keep_all_their_digits(void **state)
{
    (void)state;
    static const struct {
        struct value value;
        const char *shown;
    } table[] = {
        {{.kind = VALUE_REAL, .real = 0.1}, "0.1"},
        {{.kind = VALUE_REAL, .real = 1.0 / 3}, "0.3333333333333333"},
        {{.kind = VALUE_REAL, .real = 3}, "3"},
        {{.kind = VALUE_REAL, .real = 9007199254740991.0}, "9007199254740991"},
        {{.kind = VALUE_REAL, .real = 1.7976931348623157e308}, "1.7976931348623157e+308"},
        {{.kind = VALUE_INT, .number = INT64_MAX}, "9223372036854775807"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        SCOPED(buffer_free) struct buffer json = {0};
        field_print(&fields[PRICE], &table[i].value, &json);
        assert_string_equal(json.bytes, table[i].shown);
    }
}

static void a_copy_is_independent(void **state)
{
    (void)state;
    SCOPED(row_free) struct row *row = a_row();
    SCOPED(row_free) struct row *copy = row_copy(row);
    struct value other = text("other");

    assert_true(row_set(row, NAME, &other));

    assert_printed(row, 1u << NAME, "{\"name\":\"other\"}");
    assert_printed(copy, 1u << NAME | 1u << DONE, "{\"name\":\"\\\"\xc3\xa9\\n\",\"done\":true}");
    assert_int_equal(row_id(copy), 9007199254740991);
    assert_int_equal(row_version(copy), 3);
}

static void a_field_can_be_set_to_what_it_is(void **state)
{
    (void)state;
    SCOPED(row_free) struct row *row = a_row();
    assert_true(row_set(row, DAY, &row->values[DAY]));
    assert_true(row_set(row, NAME, &(struct value){0}));
    assert_printed(row, 1u << DAY | 1u << NAME, "{\"name\":null,\"day\":\"2026-01-31\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_shown_in_its_own_way_and_write_only_fields_never),
        cmocka_unit_test(only_the_fields_asked_for_are_shown),
        cmocka_unit_test(a_new_row_is_empty),
        cmocka_unit_test(numbers_keep_all_their_digits),
        cmocka_unit_test(a_copy_is_independent),
        cmocka_unit_test(a_field_can_be_set_to_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
