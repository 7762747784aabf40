/* Threads of our own, for what waits for the kernel: deaf to signals, which are the process's. */
#ifndef FP_THREAD_H
#define FP_THREAD_H

#include <pthread.h>

/* thread NULL: nobody joins it. 0 or -errno. */
int fp_thread_start(pthread_t *thread, void *(*work)(void *), void *argument);

#endif
