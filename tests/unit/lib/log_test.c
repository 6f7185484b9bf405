/* Log lines: their form, what strangers cannot do to them, and a standard error that takes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"

#define CAPTURED_MAX (256 * 1024)
#define THREADS      4
#define LINES        200

/* While it lasts, standard error is a pipe of the test's own. */
struct capture {
    int read_fd;
    int saved_fd;
    char text[CAPTURED_MAX];
};
static struct capture capture;

static void capture_begin(void)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    capture.read_fd = fds[0];
    capture.saved_fd = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
}

/* Read what has come; the capture goes on. */
static const char *capture_read(void)
{
    size_t length = 0;
    ssize_t count;
    while ((count = read(capture.read_fd, capture.text + length, sizeof capture.text - 1 - length)) > 0)
        length += (size_t)count;
    capture.text[length] = '\0';
    return capture.text;
}

static const char *capture_end(void)
{
    const char *text = capture_read();
    dup2(capture.saved_fd, STDERR_FILENO);
    close(capture.saved_fd);
    close(capture.read_fd);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void a_line_for_people_has_time_level_event_and_text(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    capture_begin();
    log_warning("bus.down", "try %d", 7);
    const char *text = capture_end();
    assert_int_equal(text[10], 'T');
    assert_string_equal(text + 24, " warning bus.down: try 7\n");
}

static void a_line_for_programs_is_a_json_object(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, true);
    capture_begin();
    log_info("test", "\"quoted\" \\ %s", "\n\x1b[2J \xc2\x9b \xff \xc3\xa9");
    const char *text = capture_end();
    SCOPED(json_free) cJSON *line = json_parse(text, strlen(text), NULL);
    assert_non_null(line);
    assert_int_equal(count_lines(text), 1);
    assert_string_equal(json_get_text(line, "level"), "info");
    assert_string_equal(json_get_text(line, "event"), "test");
    assert_int_equal(strlen(json_get_text(line, "time")), 24);
    assert_string_equal(json_get_text(line, "text"), "\"quoted\" \\ \n\x1b[2J \xc2\x9b \xef\xbf\xbd \xc3\xa9");
}

static void strangers_cannot_begin_a_line_or_move_the_cursor(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    capture_begin();
    log_info("login", "%s", "bob\n2026-01-01 error fake\r\x1b[31m\x7f\xc2\x9b\xff\xc3\xa9");
    const char *text = capture_end();
    assert_string_equal(text + 24, " info login: bob\\x0a2026-01-01 error fake\\x0d\\x1b[31m\\x7f\\x9b\\xff\xc3\xa9\n");
}

static void lines_above_the_level_are_not_written(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_WARNING, false);
    capture_begin();
    log_info("test", "no");
    log_debug("test", "no");
    log_error("test", "yes");
    log_open(LOG_LEVEL_DEBUG, false);
    log_debug("test", "yes");
    assert_int_equal(count_lines(capture_end()), 2);
}

static void a_long_line_is_cut_and_still_whole(void **state)
{
    (void)state;
    char *huge = malloc(100001);
    memset(huge, '\x01', 100000);
    memcpy(huge, "begins", 6);
    huge[100000] = '\0';
    for (int as_json = 0; as_json < 2; as_json++) {
        log_open(LOG_LEVEL_INFO, as_json);
        capture_begin();
        log_info("test", "%s", huge);
        const char *text = capture_end();
        size_t length = strlen(text);
        assert_in_range(length, 4000, 4096);
        assert_int_equal(count_lines(text), 1);
        assert_string_equal(text + length - (as_json ? 6 : 4), as_json ? "...\"}\n" : "...\n");
        assert_true(!as_json || json_check(text, length) == NULL);
    }
    free(huge);
}

static void a_full_pipe_blocks_nobody_and_lost_lines_are_counted(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    capture_begin();
    static const char block[4096];
    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    while (write(STDERR_FILENO, block, sizeof block) > 0)
        ;
    fcntl(STDERR_FILENO, F_SETFL, 0);

    for (int i = 0; i < 100; i++)
        log_info("test", "lost"); /* would never return if it waited for room */

    capture_read();
    log_info("test", "written");
    const char *text = capture_read();
    assert_non_null(strstr(text, " warning log.dropped: 100 lines were lost"));
    assert_non_null(strstr(text, " info test: written\n"));
    assert_int_equal(count_lines(text), 2);
    log_info("test", "again");
    assert_int_equal(count_lines(capture_end()), 1);
}

static void a_closed_standard_error_harms_nobody(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    int saved_fd = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    log_error("test", "nobody hears this");
    dup2(saved_fd, STDERR_FILENO);
    close(saved_fd);
    capture_begin();
    log_info("test", "heard");
    assert_non_null(strstr(capture_end(), "1 lines were lost"));
}

static void a_full_disk_harms_nobody(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    int saved_fd = dup(STDERR_FILENO), full_fd = open("/dev/full", O_WRONLY);
    assert_true(full_fd >= 0);
    dup2(full_fd, STDERR_FILENO);
    errno = EDOM;
    log_error("test", "nobody reads this");
    int after = errno;
    dup2(saved_fd, STDERR_FILENO);
    close(saved_fd);
    close(full_fd);
    assert_int_equal(after, EDOM); /* the caller may look at its own error after logging */
    capture_begin();
    log_info("test", "heard");
    assert_non_null(strstr(capture_end(), "1 lines were lost"));
}

static void a_repeated_error_is_written_once_and_counted(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    capture_begin();
    struct log_rate rate = {0};
    assert_true(log_may(&rate));
    rate.next_ms += 1000000; /* however slow this machine is, the second has not passed */
    for (int i = 0; i < 5; i++)
        assert_false(log_may(&rate));
    rate.next_ms = 0;
    assert_true(log_may(&rate));
    log_info("test", "next");
    const char *text = capture_end();
    assert_non_null(strstr(text, " warning log.suppressed: 5 repeated errors were not written\n"));
}

static void *write_lines(void *unused)
{
    (void)unused;
    for (int i = 0; i < LINES; i++) {
        log_info("thread", "a line of %d", i);
        log_error_rarely("rare", "%d", i);
    }
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    (void)state;
    log_open(LOG_LEVEL_INFO, false);
    capture_begin();
    fcntl(STDERR_FILENO, F_SETPIPE_SZ, CAPTURED_MAX);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_lines, NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *text = capture_end();
    size_t lines = 0;
    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        assert_memory_equal(line, "20", 2);
        assert_int_equal(line[23], 'Z');
        lines += strncmp(line + 24, " info thread: a line of ", 24) == 0;
    }
    assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_people_has_time_level_event_and_text),
        cmocka_unit_test(a_line_for_programs_is_a_json_object),
        cmocka_unit_test(strangers_cannot_begin_a_line_or_move_the_cursor),
        cmocka_unit_test(lines_above_the_level_are_not_written),
        cmocka_unit_test(a_long_line_is_cut_and_still_whole),
        cmocka_unit_test(a_full_pipe_blocks_nobody_and_lost_lines_are_counted),
        cmocka_unit_test(a_closed_standard_error_harms_nobody),
        cmocka_unit_test(a_full_disk_harms_nobody),
        cmocka_unit_test(a_repeated_error_is_written_once_and_counted),
        cmocka_unit_test(lines_of_several_threads_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
