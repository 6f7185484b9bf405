/* The address of Redis: what is understood, and what is said about the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bus/address.h"

static void addresses_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *url, *path, *host;
        int port;
        const char *user, *password, *text;
    } rows[] = {
        {"unix:/run/redis.sock", "/run/redis.sock", NULL, 0, NULL, NULL, "/run/redis.sock"},
        {"unix:var/redis.sock", "var/redis.sock", NULL, 0, NULL, NULL, "var/redis.sock"},
        {"redis://127.0.0.1", NULL, "127.0.0.1", 6379, NULL, NULL, "127.0.0.1:6379"},
        {"redis://localhost:7000/", NULL, "127.0.0.1", 7000, NULL, NULL, "127.0.0.1:7000"},
        {"redis://[::1]:7000/3", NULL, "::1", 7000, NULL, NULL, "[::1]:7000"},
        {"redis://:pa:ss@10.0.0.1/0", NULL, "10.0.0.1", 6379, NULL, "pa:ss", "10.0.0.1:6379"},
        {"redis://me:p%40%2fss@10.0.0.1:1", NULL, "10.0.0.1", 1, "me", "p@/ss", "10.0.0.1:1"},
        {"redis://me:p@ss@10.0.0.1:1", NULL, "10.0.0.1", 1, "me", "p@ss", "10.0.0.1:1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(redis_address_free) struct redis_address *address = NULL;
        char why[256] = "";

        assert_int_equal(redis_address_read(rows[i].url, &address, why, sizeof why), STATUS_OK);

        const char *got[] = {address->path, address->host, address->user, address->password, address->text};
        const char *want[] = {rows[i].path, rows[i].host, rows[i].user, rows[i].password, rows[i].text};
        for (size_t j = 0; j < sizeof got / sizeof *got; j++) {
            assert_int_equal(!got[j], !want[j]);
            if (got[j])
                assert_string_equal(got[j], want[j]);
        }
        assert_int_equal(address->port, rows[i].port);
    }
}

static void wrong_addresses_are_explained_without_the_password(void **state)
{
    (void)state;
    static const struct {
        const char *url, *says;
    } rows[] = {
        {"127.0.0.1:6379", "unix: or redis://"},
        {"http://127.0.0.1", "unix: or redis://"},
        {"rediss://127.0.0.1", "stunnel"},
        {"rediss://me:secret@127.0.0.1", "TLS"},
        {"redis-sentinel://127.0.0.1:26379/master", "Sentinel"},
        {"redis-cluster://127.0.0.1:7000", "any one node"},
        {"unix:", "missing"},
        {"unix:/"
         "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "0"
         "12345678",
         "too long"},
        {"redis://", "IP address"},
        {"redis://redis.example.org:6379", "IP address"},
        {"redis://999.0.0.1", "IP address"},
        {"redis://::1", "IP address"},
        {"redis://[::1", "[::1]"},
        {"redis://[::1]6379", "[::1]"},
        {"redis://127.0.0.1:", "port"},
        {"redis://127.0.0.1:0", "port"},
        {"redis://127.0.0.1:65536", "port"},
        {"redis://127.0.0.1:99999999999999999999", "port"},
        {"redis://127.0.0.1:6379x", "port"},
        {"redis://127.0.0.1/zero", "data base"},
        {"redis://127.0.0.1/-1", "data base"},
        {"redis://secret@127.0.0.1", "user:password@"},
        {"redis://me:@127.0.0.1", "empty"},
        {"redis://me:secret%4@127.0.0.1", "hexadecimal"},
        {"redis://me:secret%zz@127.0.0.1", "hexadecimal"},
        {"redis://me:secret%00@127.0.0.1", "hexadecimal"},
        {"redis://me:secret@nowhere", "IP address"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis_address *address = NULL;
        char why[256] = "";

        assert_int_equal(redis_address_read(rows[i].url, &address, why, sizeof why), STATUS_INVALID);

        assert_null(address);
        if (!strstr(why, rows[i].says))
            fail_msg("%s: %s", rows[i].url, why);
        assert_null(strstr(why, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_understood),
        cmocka_unit_test(wrong_addresses_are_explained_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
