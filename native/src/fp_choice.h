/*
 * Who serves a flow: the kernel, or the ring because ... Pure: what is known of the flow in, a path
 * out. The kernel is the rule: it needs no wake-up and no copy. The ring gains only where so many
 * frames wait together that they leave in runs, so a flow changes over by its load, and back only
 * when it has been slow for a while. The program in the kernel measures by itself what it serves
 * (fp_choice_fast_ns()); what the ring has is measured here.
 */
#ifndef FP_CHOICE_H
#define FP_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_path_map.h"

/* What a frame costs in the kernel: by itself, and for each port that it leaves by. */
#define FP_CHOICE_FRAME_NS 600u
#define FP_CHOICE_COPY_NS 1500u
#define FP_CHOICE_FAST_PERMILLE 650u /* of a core: from here on runs gain more */
#define FP_CHOICE_SLOW_PERMILLE 400u /* and below this no more, for FP_CHOICE_SLOW_NS */
#define FP_CHOICE_SLOW_NS UINT64_C(1000000000)
#define FP_CHOICE_MEASURE_NS UINT64_C(100000000)
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
	uint8_t pad[7];
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
static inline uint64_t fp_choice_fast_ns(const struct fp_choice_facts *facts)
{
	if (!facts->runs)
		return 0;
	return FP_PATH_RATE_FRAMES * fp_choice_frame_ns(facts->egress) * 1000 /
	       FP_CHOICE_FAST_PERMILLE;
}

static inline void fp_choice_begin(struct fp_choice *choice, enum fp_path path, uint64_t kernel,
				   uint64_t now_ns)
{
	*choice = (struct fp_choice){.path = (uint8_t)path, .since_ns = now_ns, .kernel = kernel};
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

	return (choice->path == FP_PATH_RING_RUNS && elapsed_ns < FP_CHOICE_MEASURE_NS) ||
	       (choice->path == FP_PATH_RING_FRAMES && elapsed_ns < FP_CHOICE_LEAVE_NS);
}

/* The ring's because it is fast, until it has been slow for long enough. */
static inline void fp_choice_slow(struct fp_choice *choice, const struct fp_choice_facts *facts,
				  uint64_t kernel, uint64_t now_ns)
{
	uint64_t load = fp_choice_load(choice->ring, facts->egress, now_ns - choice->since_ns);
	uint64_t slow_ns = choice->slow_ns ? choice->slow_ns : choice->since_ns;

	if (facts->runs && load >= FP_CHOICE_SLOW_PERMILLE)
		slow_ns = 0;
	else if (!facts->runs || now_ns - slow_ns >= FP_CHOICE_SLOW_NS) {
		fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	}
	fp_choice_begin(choice, FP_PATH_RING_RUNS, kernel, now_ns);
	choice->slow_ns = slow_ns;
}

/*
 * Looks again, by what was counted. kernel: frames that the kernel has served so far; thrown: its
 * program has found that it is fast.
 */
static inline void fp_choice_look(struct fp_choice *choice, const struct fp_choice_facts *facts,
				  uint64_t kernel, bool thrown, uint64_t now_ns)
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
		if (thrown)
			fp_choice_begin(choice, FP_PATH_RING_RUNS, kernel, now_ns);
		else if (elapsed_ns < FP_CHOICE_JUDGE_NS)
			return;
		else if (choice->odd * 2 > choice->ring && choice->ring > kernel - choice->kernel)
			fp_choice_begin(choice, FP_PATH_RING_FRAMES, kernel, now_ns);
		else
			fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	case FP_PATH_RING_RUNS:
		if (elapsed_ns >= FP_CHOICE_MEASURE_NS)
			fp_choice_slow(choice, facts, kernel, now_ns);
		return;
	case FP_PATH_RING_FRAMES:
		if (elapsed_ns >= FP_CHOICE_LEAVE_NS)
			fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	case FP_PATH_KERNEL_PRUNED: /* whoever is served stays so: the program measures */
		fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
		return;
	case FP_PATH_RING_NEW:
		break;
	default: /* what kept it in the ring is no more */
		fp_choice_begin(choice, FP_PATH_RING_NEW, kernel, now_ns);
		elapsed_ns = 0;
		break;
	}
	if (!facts->runs)
		fp_choice_begin(choice, FP_PATH_KERNEL, kernel, now_ns);
	else if (elapsed_ns >= FP_CHOICE_MEASURE_NS)
		fp_choice_begin(choice,
				fp_choice_load(choice->ring, facts->egress, elapsed_ns) >
						FP_CHOICE_FAST_PERMILLE
					? FP_PATH_RING_RUNS
					: FP_PATH_KERNEL,
				kernel, now_ns);
}

#endif
