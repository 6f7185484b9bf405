/* Pages of a list: each goes on where the one before it ended, whatever comes in between. */
#include "model_world.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void long_texts_are_sorted_by_their_beginning(void **state)
{
    struct things *things = *state;
    for (int64_t id = 1; id <= 6; id++) {
        char body[1000] = "";
        SCOPED(row_free) struct row *row = thing_row(things->model, id, "x");
        for (int i = 0; i < 199; i++)
            strcat(body, "\xe2\x82\xac");
        strcat(body, id % 2 ? "a" : "b"); /* the last that counts */
        strcat(body, id < 4 ? "z" : "y");
        row_put(row, THING_BODY, text_value(body));
        things_insert(things, row);
    }
    things_check(things, OWNER, true, "{'sort':'body'}", "1,3,5,2,4,6");
    SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{'sort':'body','limit':'2'}");
    SCOPED(page_free) struct page page, second;
    things_ask(things, request, &page);
    assert_non_null(page.next);
    cJSON_AddStringToObject(request->params, "cursor", page.next);
    things_ask(things, request, &second);
    assert_int_equal(second.status, STATUS_OK);
    assert_int_equal(row_id(second.rows[0]), 5);
    assert_int_equal(row_id(second.rows[1]), 2);
}

static void a_cursor_belongs_to_its_list(void **state)
{
    struct things *things = *state;
    static const char *const others[] = {"{}",
                                         "{'sort':'number','id[gt]':'0'}",
                                         "{'sort':'-number','id[gt]':'0'}",
                                         "{'sort':'number','id[gt]':'1'}",
                                         "{'sort':'number','id[gte]':'0'}",
                                         "{'sort':'number','id[in]':'0'}",
                                         "{'sort':'number','id[gt]':'0','q':'x'}",
                                         "{'sort':'number,name','id[gt]':'0'}",
                                         "{'sort':'version','id[gt]':'0'}"};
    static const char *const same[] = {"{'sort':'number','id[gt]':'0','open':'true','limit':'9','fields':'id'}",
                                       "{'count':'true','open':'true','id[gt]':'0','sort':'number'}"};
    things_add_five(things);
    SCOPED(thing_request_free)
    struct request *request = thing_request(OWNER, true, "{'id[gt]':'0','sort':'number','open':'true','limit':'3'}");
    SCOPED(page_free) struct page page;
    things_ask(things, request, &page);
    assert_non_null(page.next);
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
        SCOPED(thing_request_free) struct request *next = thing_request(OWNER, true, same[i]);
        SCOPED(page_free) struct page rest;
        cJSON_AddStringToObject(next->params, "cursor", page.next);
        things_ask(things, next, &rest);
        assert_int_equal(rest.status, STATUS_OK);
        assert_int_equal(rest.count, 2);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        SCOPED(thing_request_free) struct request *other = thing_request(OWNER, true, others[i]);
        cJSON_AddStringToObject(other->params, "cursor", page.next);
        assert_int_equal(things_read(things, other), STATUS_MALFORMED);
        assert_string_equal(other->detail, "This cursor belongs to another list.");
    }
    things->model->name = "another";
    cJSON_AddStringToObject(request->params, "cursor", page.next);
    assert_int_equal(things_read(things, request), STATUS_MALFORMED);
    things->model->name = "thing";
}

static void a_cursor_tells_only_what_the_list_is_sorted_by(void **state)
{
    struct things *things = *state;
    things_add_five(things);
    SCOPED(thing_request_free)
    struct request *request = thing_request(OWNER, true, "{'sort':'number','limit':'3','name[ne]':'private'}");
    SCOPED(page_free) struct page page;
    unsigned char bytes[500] = "";
    size_t length = 0;
    things_ask(things, request, &page);
    assert_int_equal(sodium_base642bin(bytes, sizeof bytes, page.next, strlen(page.next), NULL, &length, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    bytes[length] = '\0';
    assert_int_equal(bytes[1], '"');
    assert_string_equal(bytes + 2 + 22, "\",1,3]"); /* behind the digest: number 1 of row 3 */
}

static void texts_that_are_no_cursor_are_refused(void **state)
{
    struct things *things = *state;
    static const char *const wrong[] = {"",     "x",    "=",   "W10",  "W10=", "bnVsbA", "e30", "WyIiXQ",
                                        "WzFd", "....", "%00", "Wy4u", "null", "W1",     "[]",  "\xc3\xbc"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{}");
        cJSON_AddStringToObject(request->params, "cursor", wrong[i]);
        assert_int_equal(things_read(things, request), STATUS_MALFORMED);
    }
}

/* With the right digest, so that only its values can be wrong. */
static void a_cursor_has_a_fitting_value_for_each_field(void **state)
{
    struct things *things = *state;
    static const struct {
        const char *values;
        enum status status;
    } cases[] = {{",1,2]", STATUS_OK},          {",null,2]", STATUS_OK},        {",1]", STATUS_MALFORMED},
                 {",1,2,3]", STATUS_MALFORMED}, {",1,null]", STATUS_MALFORMED}, {",\"1\",2]", STATUS_MALFORMED},
                 {",1.5,2]", STATUS_MALFORMED}, {",[1],2]", STATUS_MALFORMED},  {",1,2] ", STATUS_OK},
                 {"]", STATUS_MALFORMED},       {",1,2]]", STATUS_MALFORMED},   {",true,2]", STATUS_MALFORMED}};
    SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{'sort':'number','limit':'3'}");
    SCOPED(page_free) struct page page;
    char bytes[200], cursor[400];
    things_add_five(things);
    things_ask(things, request, &page);
    assert_int_equal(sodium_base642bin((unsigned char *)bytes, sizeof bytes, page.next, strlen(page.next), NULL, NULL,
                                       NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        strcpy(bytes + 25, cases[i].values); /* behind ["digest" */
        sodium_bin2base64(cursor, sizeof cursor, (unsigned char *)bytes, strlen(bytes),
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        cJSON_DeleteItemFromObject(request->params, "cursor");
        cJSON_AddStringToObject(request->params, "cursor", cursor);
        if (things_read(things, request) != cases[i].status)
            fail_msg("%s", bytes);
    }
}

/* Rows come in between the pages, before and behind the place: what was there at the start comes exactly once, in
 * order, and nothing comes twice. */
static void pages_stay_whole_while_rows_come(void **state)
{
    struct things *things = *state;
    int64_t last_id = 0;
    srand(99);
    for (int i = 0; i < 100; i++)
        things_add(things, ++last_id, "x", rand() % 4 ? value_int(rand() % 7) : (struct value){0});
    static const char *const sorts[] = {"number", "-number", "number,-id", "-number,id", "-id", "name,-number"};
    for (size_t s = 0; s < ARRAY_LENGTH(sorts); s++) {
        int64_t first_ids = last_id, found = 0;
        bool seen[2000] = {false};
        SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{'limit':'7'}");
        cJSON_AddStringToObject(request->params, "sort", sorts[s]);
        for (bool is_end = false; !is_end;) {
            SCOPED(page_free) struct page page;
            things_ask(things, request, &page);
            assert_int_equal(page.status, STATUS_OK);
            for (size_t i = 0; i < page.count; i++) {
                int64_t id = row_id(page.rows[i]);
                assert_false(seen[id]);
                seen[id] = true;
                found += id <= first_ids;
            }
            is_end = !page.next;
            cJSON_DeleteItemFromObject(request->params, "cursor");
            if (page.next)
                cJSON_AddStringToObject(request->params, "cursor", page.next);
            if (last_id < first_ids + 60)
                things_add(things, ++last_id, "x", rand() % 4 ? value_int(rand() % 7) : (struct value){0});
        }
        assert_int_equal(found, first_ids);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, things_begin, things_end)
    const struct CMUnitTest tests[] = {
        TEST(long_texts_are_sorted_by_their_beginning),       TEST(a_cursor_belongs_to_its_list),
        TEST(a_cursor_tells_only_what_the_list_is_sorted_by), TEST(texts_that_are_no_cursor_are_refused),
        TEST(a_cursor_has_a_fitting_value_for_each_field),    TEST(pages_stay_whole_while_rows_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
