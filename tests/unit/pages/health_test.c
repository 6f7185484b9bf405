/* /healthz and /readyz: what a load balancer is told. */
#include "front.h"

#include "lib/scope.h"
#include "pages/health.h"

static bool ask(const char *path, enum http_method method, const struct health_part *parts, size_t count)
{
    struct http_request request = {.id = 1, .path = path, .method = method};
    return health_answer(NULL, &request, parts, count);
}

static void alive_says_nothing_of_the_parts(void **state)
{
    (void)state;
    const struct health_part parts[] = {{"store", false, "the disk is full"}};
    assert_true(ask("/healthz", HTTP_M_GET, parts, 1));
    assert_int_equal(answered.status, 200);
    assert_string_equal(answered_body, "{\"status\":\"alive\"}\n");
}

static void ready_needs_every_part(void **state)
{
    (void)state;
    struct health_part parts[] = {{"store", true, NULL}, {"bus", true, "no \"redis\" set"}};
    assert_true(ask("/readyz", HTTP_M_GET, parts, 2));
    assert_int_equal(answered.status, 200);
    assert_string_equal(answered_body,
                        "{\"status\":\"ready\",\"parts\":{\"store\":\"ready\",\"bus\":\"no \\\"redis\\\" set\"}}\n");
    parts[1].is_ready = false;
    parts[1].detail = NULL;
    assert_true(ask("/readyz", HTTP_M_GET, parts, 2));
    assert_int_equal(answered.status, 503);
    assert_string_equal(answered_body,
                        "{\"status\":\"not ready\",\"parts\":{\"store\":\"ready\",\"bus\":\"not ready\"}}\n");
}

static void only_reading_is_allowed_and_other_addresses_are_not_ours(void **state)
{
    (void)state;
    assert_true(ask("/readyz", HTTP_M_DELETE, NULL, 0));
    assert_int_equal(answered.status, 405);
    size_t before = answers;
    assert_false(ask("/healthzz", HTTP_M_GET, NULL, 0));
    assert_false(ask("/", HTTP_M_GET, NULL, 0));
    assert_int_equal(answers, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_says_nothing_of_the_parts),
        cmocka_unit_test(ready_needs_every_part),
        cmocka_unit_test(only_reading_is_allowed_and_other_addresses_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
