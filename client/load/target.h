/* target.h: which server is loaded, and whether it is ours to load. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct target {
    char authority[300]; /* host:port as given, for the Host header and the Origin */
    struct sockaddr_storage address;
    socklen_t address_length;
    bool is_loopback;
};

/* Read http://127.0.0.1:8080 or ws://…, and look the name up. False: @why says what is wrong. */
bool target_read(struct target *target, const char *url, char *why, size_t why_size);
