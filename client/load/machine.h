/* machine.h: what this machine gives, and what processes take of it, as Linux counts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a hard limit of open files needs: nobody but root may raise it. */
#define MACHINE_FILES_ADVICE                                                                                           \
    "root raises it in /etc/security/limits.conf, with LimitNOFILE= of a systemd unit or --ulimit of a container"

/* Raise our limit of open files to the hard one; returns it. */
int64_t machine_files(void);
/* Local ports towards one address. */
int64_t machine_ports(void);
/* Of all threads; -1: there is no such process. */
int64_t process_cpu_ns(pid_t pid);
int64_t process_bytes(pid_t pid);
/* Time that all CPUs together worked and could have worked, in ticks. */
bool machine_ticks(uint64_t *busy, uint64_t *all);
