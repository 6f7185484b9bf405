/* process.h: what a process costs, as Linux counts it, and what our own may use. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_cpu {
    int64_t all_ns;  /* all threads that are alive */
    int64_t loop_ns; /* the thread named "loop", or else the first one */
};

/* Time on a CPU until now. False: there is no such process, or it may not be looked at. */
bool process_cpu_read(pid_t pid, struct process_cpu *out);
/* Resident memory; -1: unknown. */
int64_t process_resident_bytes(pid_t pid);
/* Raise our limit of open files as far as we may; returns it. */
int64_t process_files_raise(void);
/* Keep @pid (0: ourselves) on one CPU. */
bool process_pin(pid_t pid, int64_t cpu);
