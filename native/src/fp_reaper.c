#include "fp_reaper.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "fp_port.h"
#include "fp_thread.h"

#define THREADS_MAX 64u
#define PAUSE_NS 4000000L

void fp_reaper_init(struct fp_reaper *reaper)
{
	pthread_mutex_init(&reaper->lock, NULL);
	pthread_cond_init(&reaper->idle, NULL);
	pthread_mutex_init(&reaper->programs, NULL);
	reaper->first = NULL;
	reaper->threads = 0;
	reaper->hurries = false;
}

static bool hurries(struct fp_reaper *reaper)
{
	bool so;

	pthread_mutex_lock(&reaper->lock);
	so = reaper->hurries;
	pthread_mutex_unlock(&reaper->lock);
	return so;
}

/*
 * The kernel waits out a period with its lock on all interfaces held: were all of us to queue for
 * that, whoever asks it of one interface, as the control plane does, would come after all of them.
 */
static void close_program(struct fp_reaper *reaper, struct fp_port *port)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	if (port->isolate_fd < 0)
		return;
	pthread_mutex_lock(&reaper->programs);
	close(port->isolate_fd);
	port->isolate_fd = -1;
	if (!hurries(reaper))
		nanosleep(&pause, NULL);
	pthread_mutex_unlock(&reaper->programs);
}

static void *work(void *argument)
{
	struct fp_reaper *reaper = argument;
	struct fp_port *port;

	pthread_mutex_lock(&reaper->lock);
	while ((port = reaper->first)) {
		reaper->first = port->next;
		pthread_mutex_unlock(&reaper->lock);
		close_program(reaper, port);
		fp_port_free(port);
		pthread_mutex_lock(&reaper->lock);
	}
	if (!--reaper->threads)
		pthread_cond_broadcast(&reaper->idle);
	pthread_mutex_unlock(&reaper->lock);
	return NULL;
}

void fp_reaper_give(struct fp_reaper *reaper, struct fp_port *port)
{
	bool more, alone;

	if (!port)
		return;
	pthread_mutex_lock(&reaper->lock);
	port->next = reaper->first;
	reaper->first = port;
	more = reaper->threads < THREADS_MAX;
	reaper->threads += more;
	pthread_mutex_unlock(&reaper->lock);
	if (!more || !fp_thread_start(NULL, work, reaper))
		return;
	/* No thread to be had: others close it, or else we do. */
	pthread_mutex_lock(&reaper->lock);
	alone = reaper->threads == 1;
	if (!alone)
		reaper->threads--;
	pthread_mutex_unlock(&reaper->lock);
	if (alone)
		work(reaper);
}

void fp_reaper_wait(struct fp_reaper *reaper)
{
	pthread_mutex_lock(&reaper->lock);
	reaper->hurries = true;
	while (reaper->threads)
		pthread_cond_wait(&reaper->idle, &reaper->lock);
	reaper->hurries = false;
	pthread_mutex_unlock(&reaper->lock);
}

void fp_reaper_destroy(struct fp_reaper *reaper)
{
	fp_reaper_wait(reaper);
	pthread_cond_destroy(&reaper->idle);
	pthread_mutex_destroy(&reaper->programs);
	pthread_mutex_destroy(&reaper->lock);
}
