/* Several senders of one stream: whose numbers are believed, and whose are somebody else's. */
#include "looks.h"

static void test_new_sender_and_second_medium_are_no_loss(void)
{
	struct packet other = packet_udp();
	struct media media = media_rtp(40000);
	struct media control = media_rtp(7);

	begin();
	other.port = 5010;
	control.type = 72; /* RTCP: 200 */
	for (uint16_t n = 0; n < 20; n++) {
		send_rtp((uint16_t)(1000 + n));
		media.number = (uint16_t)(40000 + 3 * n); /* two of three are lost */
		if (n < 4)
			media.number = (uint16_t)(40000 + n);
		send_as(&other, &media);
		send_media(&control);
	}
	CHECK_EQ(loop_state.packets, 40);
	CHECK_EQ(lost(), 3 * 19 - 3 - 16);
	media = media_rtp(5);
	media.ssrc = 99; /* the encoder began anew */
	for (uint16_t n = 0; n < 10; n++, media.number++)
		send_media(&media);
	CHECK_EQ(loop_state.packets, 50);
	CHECK_EQ(lost(), 3 * 19 - 3 - 16);
}

/* Four are known; a fifth gets the place of one that is silent for ten seconds, and of no other. */
static void test_fifth_sender_waits_until_one_is_gone(void)
{
	struct media media = media_rtp(0);

	begin();
	for (media.number = 0; media.number < 20; media.number++)
		for (media.ssrc = 1; media.ssrc <= (media.number < 4 ? 4 : 5); media.ssrc++)
			send_media(&media);
	CHECK_EQ(loop_state.packets, 80);
	now_ns += FP_HEALTH_GONE_NS;
	for (media.number = 20, media.ssrc = 5; media.number < 30; media.number++)
		send_media(&media);
	CHECK_EQ(loop_state.packets, 90);
}

/* However many there are, four of them are believed, and what is no sender outlasts nobody. */
static void test_senders_that_begin_together_do_not_push_each_other_out(void)
{
	static const uint32_t together[] = {5, 8, 20, 60, 200};
	uint64_t seed = 9;

	for (uint32_t i = 0; i < sizeof(together) / sizeof(together[0]); i++) {
		struct media media = media_rtp(0);
		uint32_t n = 0;

		begin();
		for (; n < 300000 && loop_state.packets < 16; n++) {
			media.ssrc = 1 + n % together[i];
			media.number = (uint16_t)(n / together[i]);
			send_media(&media);
			now_ns -= MS - MS / 50; /* 50 000 of them a second */
		}
		CHECK(loop_state.packets >= 16);
		CHECK_EQ(lost(), 0);
	}
	for (uint32_t between = 1; between < 8; between++) {
		struct media media = media_rtp(0);
		uint32_t n = 0;

		begin();
		for (; n < 300000 && !loop_state.is; n++) {
			bool own = !(n % (between + 1));

			media.ssrc = own ? 1 : (uint32_t)check_random(&seed);
			media.number = (uint16_t)(own ? n / (between + 1) : check_random(&seed));
			send_media(&media);
		}
		CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP);
	}
}

static void test_gap_before_it_was_believed_is_none(void)
{
	begin();
	send_rtp(0);
	send_rtp(1);
	now_ns += 500 * MS;
	send_rtp(2);
	for (uint16_t n = 3; n < 9; n++)
		send_rtp(n);
	CHECK_EQ(loop_state.gap_ns, MS);
}

int main(void)
{
	RUN(test_new_sender_and_second_medium_are_no_loss);
	RUN(test_fifth_sender_waits_until_one_is_gone);
	RUN(test_senders_that_begin_together_do_not_push_each_other_out);
	RUN(test_gap_before_it_was_believed_is_none);
	return 0;
}
