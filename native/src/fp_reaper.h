/*
 * Closes ports behind the back of who let go of them. The kernel takes a grace period for each
 * socket of a port and for its program, a tenth of a second in all, and nobody may wait that long:
 * threads of our own do, as many at once as are worth it, and the periods are shared; those of
 * programs cannot be, and are waited for one after another, with time for others between. They live
 * as long as there is something to close. Any thread may give; fp_reaper_wait() before it goes.
 */
#ifndef FP_REAPER_H
#define FP_REAPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fp_port;

struct fp_reaper {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	pthread_mutex_t programs; /* who holds it takes one off its interface; taken before lock */
	struct fp_port *first;	  /* not taken by a thread yet */
	uint32_t threads;
	bool hurries; /* somebody waits for all of it */
};

void fp_reaper_init(struct fp_reaper *reaper);
/* The port is the reaper's from here on; NULL: nothing to do. */
void fp_reaper_give(struct fp_reaper *reaper, struct fp_port *port);
/* Until all that was given is closed. */
void fp_reaper_wait(struct fp_reaper *reaper);
void fp_reaper_destroy(struct fp_reaper *reaper);

#endif
