/*
 * Who serves a flow: the kernel, or the ring because ... Pure: what is known of the flow in, a path
 * out. The kernel is the rule: it needs no wake-up and no copy. The ring gains only where so many
 * frames wait together that they leave in runs, and how fast that must be depends on the machine
 * and on who sends. So it is tried: a flow that takes about a third of a core is the ring's for a
 * moment, and stays if it is faster there than the kernel let it be; who sends at a pace of his own
 * is as fast by either, and goes back, each time for longer. The program in the kernel measures by
 * itself what it serves (fp_choice_fast_ns()); what the ring has is measured here.
 */
#ifndef FP_CHOICE_H
#define FP_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_path_map.h"

/* What a frame costs about, with what its sender does, and for each port that it leaves by. */
#define FP_CHOICE_FRAME_NS 3300u
#define FP_CHOICE_COPY_NS 800u
#define FP_CHOICE_FAST_PERMILLE 300u /* of a core: from here on runs may gain more */
#define FP_CHOICE_RING_PERMILLE 400u /* up to here the ring takes it frame by frame as well */
#define FP_CHOICE_FULL_PERMILLE 900u /* here the kernel has no more to give */
#define FP_CHOICE_TRY_NS UINT64_C(60000000)
#define FP_CHOICE_GAIN_PERCENT 110u /* of the kernel's rate: it does gain */
#define FP_CHOICE_SLOW_PERCENT 90u  /* and below this it is slow, back after FP_CHOICE_SLOW_NS */
#define FP_CHOICE_SLOW_NS UINT64_C(1000000000)
#define FP_CHOICE_MEASURE_NS UINT64_C(100000000)
/* Before it is tried again; twice that each time. */
#define FP_CHOICE_WAIT_NS UINT64_C(500000000)
#define FP_CHOICE_WAIT_NS_MAX UINT64_C(4000000000)
#define FP_CHOICE_JUDGE_NS UINT64_C(1000000000)	 /* whether the program takes its frames at all */
#define FP_CHOICE_LEAVE_NS UINT64_C(10000000000) /* if not, so long it need not try again */

/* What decides whatever the rate. */
struct fp_choice_facts {
	bool allowed; /* streams may be served inside the kernel, and can */
	bool served;  /* at all of its ports */
	bool copied;  /* the control plane gets each frame */
	bool spelled; /* the program has the tags that it is to leave with */
	bool runs;    /* one of the ports at least gets runs */
	uint32_t egress;
};

struct fp_choice {
	uint8_t path; /* enum fp_path */
	bool gained;  /* FP_PATH_RING_RUNS: it was tried, and is faster */
	uint8_t pad[6];
	uint64_t rate;	   /* frames a second when it was the kernel's; 0: it never was so fast */
	uint64_t wait_ns;  /* after the next try that gains nothing; 0: the shortest */
	uint64_t try_ns;   /* not before this */
	uint64_t since_ns; /* of what is counted */
	uint64_t slow_ns;  /* since when it is slow; 0: it is not */
	uint64_t ring;	   /* frames that came up the ring */
	uint64_t odd;	   /* of them those of a kind that the program leaves alone, about */
	uint64_t kernel;   /* frames that the kernel had served at since_ns */
};

static inline uint64_t fp_choice_frame_ns(uint32_t egress)
{
	return FP_CHOICE_FRAME_NS + (uint64_t)FP_CHOICE_COPY_NS * egress;
}

/* What so many frames would take of a core of the kernel's, in thousandths. */
static inline uint64_t fp_choice_load(uint64_t frames, uint32_t egress, uint64_t elapsed_ns)
{
	return elapsed_ns ? frames * fp_choice_frame_ns(egress) * 1000 / elapsed_ns : 0;
}

/* FP_PATH_RATE_FRAMES frames within less time are too fast; 0: no rate is. */
static inline uint32_t fp_choice_fast_ns(const struct fp_choice_facts *facts)
{
	if (!facts->runs)
		return 0;
	return (uint32_t)(FP_PATH_RATE_FRAMES * fp_choice_frame_ns(facts->egress) * 1000 /
			  FP_CHOICE_FAST_PERMILLE);
}

static inline void fp_choice_begin(struct fp_choice *choice, enum fp_path path, uint64_t kernel,
				   uint64_t now_ns)
{
	choice->path = (uint8_t)path;
	choice->since_ns = now_ns;
	choice->ring = choice->odd = 0;
	choice->kernel = kernel;
}

static inline void fp_choice_count(struct fp_choice *choice, uint64_t frames, bool odd)
{
	choice->ring += frames;
	choice->odd += odd ? frames : 0;
}

/* Of a flow that may be anywhere: whatever its rate, or FP_PATH_KERNEL. */
static inline enum fp_path fp_choice_rule(const struct fp_choice_facts *facts)
{
	if (!facts->allowed)
		return FP_PATH_RING_OFF;
	if (!facts->served)
		return FP_PATH_RING_PORT;
	if (facts->copied)
		return FP_PATH_RING_COPIED;
	if (!facts->egress)
		return FP_PATH_KERNEL_PRUNED;
	if (facts->egress > FP_PATH_EGRESS_MAX)
		return FP_PATH_RING_PORTS;
	if (!facts->spelled)
		return FP_PATH_RING_FRAMES;
	return FP_PATH_KERNEL;
}

/* Not worth asking yet: the path stands until more is known. */
static inline bool fp_choice_waits(const struct fp_choice *choice, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - choice->since_ns;

	if (choice->path == FP_PATH_RING_RUNS)
		return elapsed_ns < (choice->gained ? FP_CHOICE_MEASURE_NS : FP_CHOICE_TRY_NS);
	return choice->path == FP_PATH_RING_FRAMES && elapsed_ns < FP_CHOICE_LEAVE_NS;
}

/* The ring is tried; rate: what the kernel has managed, or 0. */
static inline void fp_choice_try(struct fp_choice *choice, uint64_t rate, uint64_t kernel,
				 uint64_t now_ns)
{
	fp_choice_begin(choice, FP_PATH_RING_RUNS, kernel, now_ns);
	choice->rate = rate;
	choice->gained = false;
	choice->slow_ns = 0;
}

/* The kernel's again, and the ring's not soon. */
static inline void fp_choice_return(struct fp_choice *choice, uint64_t wait_ns, uint64_t kernel,
				    uint64_t now_ns)
{
	fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
	choice->try_ns = now_ns + wait_ns;
	choice->wait_ns = 2 * wait_ns < FP_CHOICE_WAIT_NS_MAX ? 2 * wait_ns : FP_CHOICE_WAIT_NS_MAX;
}

/* What the ring must be worth, in percent of the rate that the kernel managed. */
static inline uint64_t fp_choice_worth(const struct fp_choice *choice,
				       const struct fp_choice_facts *facts)
{
	uint64_t load = fp_choice_load(choice->rate, facts->egress, UINT64_C(1000000000));

	return load < FP_CHOICE_FULL_PERMILLE ? FP_CHOICE_GAIN_PERCENT : FP_CHOICE_SLOW_PERCENT;
}

/* After a while in the ring: does it gain, and after that: still? */
static inline void fp_choice_weigh(struct fp_choice *choice, const struct fp_choice_facts *facts,
				   uint64_t kernel, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - choice->since_ns;
	uint64_t rate = choice->ring * UINT64_C(1000000000) / elapsed_ns;
	uint64_t slow_ns = choice->slow_ns ? choice->slow_ns : choice->since_ns;
	uint64_t wait_ns = choice->wait_ns ? choice->wait_ns : FP_CHOICE_WAIT_NS;

	if (!facts->runs ||
	    (!choice->gained && rate * 100 <= choice->rate * fp_choice_worth(choice, facts))) {
		fp_choice_return(choice, wait_ns, kernel, now_ns);
		return;
	}
	choice->gained = true;
	choice->wait_ns = 0;
	if (rate * 100 >= choice->rate * FP_CHOICE_SLOW_PERCENT)
		slow_ns = 0;
	else if (now_ns - slow_ns >= FP_CHOICE_SLOW_NS) {
		/* it may be fast again at once */
		fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		choice->try_ns = 0;
		return;
	}
	fp_choice_begin(choice, FP_PATH_RING_RUNS, kernel, now_ns);
	choice->slow_ns = slow_ns;
}

/*
 * Looks again, by what was counted. kernel: frames that the kernel has served so far; thrown: its
 * program has found that it is fast, in so many nanoseconds for FP_PATH_RATE_FRAMES; 0: it has not.
 */
static inline void fp_choice_look(struct fp_choice *choice, const struct fp_choice_facts *facts,
				  uint64_t kernel, uint64_t thrown_ns, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - choice->since_ns;
	enum fp_path rule = fp_choice_rule(facts);

	if (rule != FP_PATH_KERNEL) {
		if (choice->path != rule)
			fp_choice_begin(choice, rule, kernel, now_ns);
		return;
	}
	switch (choice->path) {
	case FP_PATH_KERNEL:
		if (thrown_ns)
			fp_choice_try(choice,
				      FP_PATH_RATE_FRAMES * UINT64_C(1000000000) / thrown_ns,
				      kernel, now_ns);
		else if (elapsed_ns < FP_CHOICE_JUDGE_NS)
			return;
		else if (choice->odd * 2 > choice->ring && choice->ring > kernel - choice->kernel)
			fp_choice_begin(choice, FP_PATH_RING_FRAMES, kernel, now_ns);
		else
			fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	case FP_PATH_RING_RUNS:
		if (!fp_choice_waits(choice, now_ns))
			fp_choice_weigh(choice, facts, kernel, now_ns);
		return;
	case FP_PATH_RING_FRAMES:
		if (elapsed_ns >= FP_CHOICE_LEAVE_NS)
			fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	default: /* new, pruned until now, or what kept it in the ring is no more */
		fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	}
}

#endif
