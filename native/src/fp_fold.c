#include "fp_fold.h"

#include <string.h>

#include "fp_clock.h"
#include "fp_mask.h"
#include "fp_plan.h"
#include "fp_storm.h"

#define RATED_NS (100 * FP_NS_PER_MS)
#define SOURCE_AT 8u /* of the source MAC in a key, in bytes */

/* As fp_tx counts them: with the tag that each leaves with. */
static void add_sent(const struct fp_verdict *verdict, uint32_t tci, uint64_t frames,
		     uint64_t bytes, struct fp_stats *stats)
{
	uint64_t tags_bytes = frames * FP_TAG_BYTES;
	uint64_t bare_bytes = bytes - (tci == FP_NO_TAG ? 0 : tags_bytes);

	fp_mask_for_each(verdict->ports, port)
	{
		struct fp_stats *to = &stats[port];
		bool tagged = !fp_mask_has(verdict->untagged, port);

		fp_count(&to->stats[FP_STAT_TX_FRAMES], frames);
		fp_count(&to->stats[FP_STAT_TX_SENDS], frames);
		if (verdict->tagging)
			fp_count(&to->stats[FP_STAT_TX_BYTES],
				 bare_bytes + (tagged ? tags_bytes : 0));
		else
			fp_count(&to->stats[FP_STAT_TX_BYTES], bytes);
	}
}

/*
 * Its source was heard where it is. If it is elsewhere by now, or unknown, or its stream has lost
 * its place, the next frame is the ring's, and the loop sees to it in the order of things.
 */
static void renew_source(struct fp_switch *sw, struct fp_path_slot *slot, uint32_t vlan,
			 uint32_t port, uint64_t heard_ns)
{
	uint8_t mac[FP_MAC_BYTES];
	int32_t also;

	memcpy(mac, (const uint8_t *)slot->key + SOURCE_AT, sizeof(mac));
	if (!fp_fdb_refresh(&sw->fdb, vlan, mac, port, heard_ns) &&
	    fp_fdb_lookup(&sw->fdb, vlan, mac, heard_ns, &also) != (int32_t)port)
		fp_word_release(&slot->seq, 0);
}

/* Frames of a slot, by a verdict that is the slot's or what a storm limit has made of it. */
static void add(struct fp_switch *sw, struct fp_slots *slots, uint32_t index,
		const struct fp_verdict *verdict, uint64_t frames, uint64_t bytes,
		struct fp_stats *stats)
{
	struct fp_path_slot *slot = &slots->slots[index];
	struct fp_slot_note *note = &slots->notes[index];
	uint32_t port = fp_slots_port(slots, index);
	uint64_t heard_ns = fp_word_load(&slot->last_ns);

	fp_count(&stats[port].stats[FP_STAT_RX_FRAMES], frames);
	fp_count(&stats[port].stats[FP_STAT_RX_BYTES], bytes);
	fp_count(&stats[port].stats[FP_STAT_KERNEL_FRAMES], frames);
	fp_count(&stats[port].reasons[verdict->reason], frames);
	add_sent(verdict, fp_plan_tci(slot->key), frames, bytes, stats);
	note->stream.ttl = (uint8_t)fp_word_load(&slot->ttl);
	if (!fp_streams_add(note->place, &note->stream, verdict, frames, bytes, heard_ns))
		fp_word_release(&slot->seq, 0);
	if (frames)
		renew_source(sw, slot, verdict->vlan, port, heard_ns);
}

static void fold_bank(struct fp_switch *sw, struct fp_slots *slots, uint32_t index, uint32_t bank,
		      struct fp_stats *stats)
{
	uint64_t frames;
	uint64_t bytes;

	if (fp_slots_take(slots, index, bank, &frames, &bytes))
		add(sw, slots, index, &slots->notes[index].verdicts[bank], frames, bytes, stats);
}

/*
 * LOOP-7. One count for both banks: of a frame that a program counts late, while the routers
 * change, the next decision's routers are said to have got it.
 */
static void fold_cut(struct fp_switch *sw, struct fp_slots *slots, uint32_t index,
		     struct fp_stats *stats)
{
	const struct fp_path_slot *slot = &slots->slots[index];
	struct fp_verdict verdict = slots->notes[index].verdicts[slot->version >> 1 & 1];
	uint64_t frames;
	uint64_t bytes;

	if (!fp_slots_take_cut(slots, index, &frames, &bytes))
		return;
	memset(verdict.ports, 0, sizeof(verdict.ports));
	for (uint32_t i = slot->routers_at; i < slot->routers_end; i++)
		fp_mask_set(verdict.ports, slot->egress[i]);
	fp_storm_say(FP_STORM_UNREGISTERED, &verdict);
	add(sw, slots, index, &verdict, frames, bytes, stats);
}

/* How fast the kernel has it; of times that say something. */
static void rate(const struct fp_slots *slots, uint32_t index)
{
	struct fp_slot_note *note = &slots->notes[index];
	uint64_t until_ns = fp_word_load(&slots->slots[index].last_ns);
	uint64_t frames = note->folded_frames[0] + note->folded_frames[1];

	if (until_ns < note->rated_ns + RATED_NS)
		return;
	/* relaxed: nothing is published through it */
	fp_store_relaxed(&note->frames_per_s,
			 (frames - note->rated_frames) * FP_NS_PER_S / (until_ns - note->rated_ns));
	note->rated_ns = until_ns;
	note->rated_frames = frames;
}

void fp_fold_slot(struct fp_switch *sw, struct fp_slots *slots, uint32_t index,
		  struct fp_stats *stats)
{
	for (uint32_t bank = 0; bank < 2; bank++)
		fold_bank(sw, slots, index, bank, stats);
	fold_cut(sw, slots, index, stats);
	rate(slots, index);
}
