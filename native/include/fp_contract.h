/*
 * The contract between the C fast path and Python: constants and structures here, calls in
 * fp_calls.h. The C compiler reads both through fp.h and cffi reads them byte for byte, one after
 * the other, so they hold no directives but plain integer #defines (native/README.md). Any change
 * of layout or of a call bumps FP_CONTRACT_VERSION.
 */
#define FP_CONTRACT_VERSION 34
#define FP_PORTS_MAX 256
#define FP_MASK_WORDS 4
#define FP_WORKERS_MAX 8
#define FP_MAC_BYTES 6
#define FP_ADDRESS_BYTES 16
#define FP_SLOT_BYTES 2048
#define FP_FRAME_BYTES_MAX 65568
#define FP_VLAN_ANY 65535
#define FP_NO_TAG 65536
#define FP_FDB_NO_RIVAL 65535

/* What becomes of a received frame. */
enum fp_action {
	FP_ACTION_DROP = 0,
	FP_ACTION_FORWARD = 1,
	FP_ACTION_FLOOD = 2,
	FP_ACTION_PUNT = 3
};

/*
 * Why. Every received frame gets exactly one reason and moves exactly one counter, so over a port:
 * rx_frames == sum of the counters of all reasons.
 */
enum fp_reason {
	/* forwarded */
	FP_FORWARD_GROUP = 0,	  /* row (vlan, group, any source) */
	FP_FORWARD_SOURCE,	  /* row (vlan, group, source) */
	FP_FORWARD_UNREGISTERED,  /* no row: policy for unregistered groups, SNOOP-32 */
	FP_FORWARD_UNICAST,	  /* destination in the fdb */
	FP_FORWARD_L2_GROUP,	  /* row of a MAC address, not IP: L2-3 */
	FP_FORWARD_STORM_ROUTERS, /* unregistered and over the limit: router ports alone */
	/* flooded */
	FP_FLOOD_LINK_LOCAL,	  /* 224.0.0.0/24, SNOOP-31 */
	FP_FLOOD_IPV6_LINK_LOCAL, /* groups that IPv6 itself needs, SNOOP-51, 52 */
	FP_FLOOD_ALWAYS,	  /* always_flood list, SNOOP-42 */
	FP_FLOOD_NO_QUERIER,	  /* snooping inactive in this VLAN, Q-15 */
	FP_FLOOD_BROADCAST,
	FP_FLOOD_UNKNOWN_UNICAST,
	FP_FLOOD_IPV6_MULTICAST,  /* of a family that is bridged, SNOOP-34 */
	FP_FLOOD_L2_MULTICAST,	  /* not IP, or behind a second or service tag, SNOOP-34 */
	FP_FLOOD_MAC_IP_MISMATCH, /* SNOOP-40 */
	/* handed to the control plane */
	FP_PUNT_IGMP,
	FP_PUNT_MLD,   /* SNOOP-55 */
	FP_PUNT_PROBE, /* of the loop guard, ours or another switch's: LOOP-1 */
	/* dropped */
	FP_DROP_NO_MEMBER,	 /* registered group, nobody to send it to */
	FP_DROP_NO_EGRESS,	 /* flooded or unregistered, but no other port */
	FP_DROP_SAME_PORT,	 /* the destination is behind the ingress port */
	FP_DROP_SPLIT_HORIZON,	 /* all who would get it are of the ingress port's horizon */
	FP_DROP_TRUNCATED,	 /* not captured whole, V-1 */
	FP_DROP_RESERVED_MAC,	 /* 01:80:c2:00:00:01-0f, L2-1, but for L2-2 */
	FP_DROP_VLAN_INVALID,	 /* VID 4095, VLAN-2 */
	FP_DROP_VLAN_FILTERED,	 /* a VLAN that the ingress port is not in, VLAN-3 */
	FP_DROP_IP_ERROR,	 /* IPv4 header, V-4 and SNOOP-36 */
	FP_DROP_IPV6_ERROR,	 /* IPv6 header or a chain of extensions, SNOOP-54 */
	FP_DROP_IPV6_SCOPE,	 /* a group that stays inside a host, SNOOP-58 */
	FP_DROP_SOURCE_MAC,	 /* multicast or zero source MAC */
	FP_DROP_PORT_DOWN,	 /* ingress port is not up in the table */
	FP_DROP_PUNT_FULL,	 /* the port's queue to the control plane is full */
	FP_DROP_RATE_LIMITED,	 /* control frame over the port's igmp_rate */
	FP_DROP_CONTROL_SIZE,	 /* control frame longer than the port's MTU lets a wire carry */
	FP_DROP_LOOP,		 /* the ingress port is held: it is part of a loop, LOOP-3 */
	FP_DROP_PROBE_LIMITED,	 /* more probes than there can be */
	FP_DROP_STORM_BROADCAST, /* over the port's storm_limit, and the next two */
	FP_DROP_STORM_UNICAST,
	FP_DROP_STORM_UNREGISTERED,
	FP_REASON_MAX
};

/* Counters of a port besides its reasons. All count since the switch was made. */
enum fp_stat {
	FP_STAT_RX_FRAMES = 0, /* taken from the rings */
	FP_STAT_RX_BYTES,
	FP_STAT_TX_FRAMES, /* frames sent, a coalesced one counted as its parts */
	FP_STAT_TX_BYTES,
	FP_STAT_TX_SENDS,      /* kernel sends: tx_frames / tx_sends is the coalescing gain */
	FP_STAT_TX_COALESCED,  /* frames that left as part of a coalesced send */
	FP_STAT_TX_DROP_FULL,  /* egress full: ENOBUFS, EAGAIN */
	FP_STAT_TX_DROP_MTU,   /* larger than the egress port's MTU */
	FP_STAT_TX_DROP_DOWN,  /* egress interface down or gone */
	FP_STAT_TX_DROP_ERROR, /* any other send error */
	FP_STAT_TX_DROP_GSO,   /* an offload that neither the kernel nor we can take apart */
	FP_STAT_RX_OVERSIZE,   /* read whole beside the ring (PACKET_COPY_THRESH) */
	FP_STAT_PUNT_COPIES,   /* forwarded frames of which the control plane got a copy */
	FP_STAT_PUNT_COPIES_LOST,
	FP_STAT_FDB_LEARNED,
	FP_STAT_FDB_MOVED,
	FP_STAT_FDB_EVICTED,
	FP_STAT_FDB_DAMPED,    /* frames with the source address of a host that is elsewhere */
	FP_STAT_INJECT_FRAMES, /* sent by the control plane */
	FP_STAT_INJECT_DROPS,
	FP_STAT_RING_DROPS,	 /* lost by the kernel because a ring was full */
	FP_STAT_RING_STUCK,	 /* lost because a ring had stopped, see fp_port_stuck() */
	FP_STAT_RING_REOPENED,	 /* times that rings were opened again for it */
	FP_STAT_SHORTCUT_FRAMES, /* received, known unicast redirected inside the kernel */
	FP_STAT_PUNT_STALE,	 /* punted, but too old when their turn would have come */
	FP_STAT_KERNEL_FRAMES,	 /* received, multicast served inside the kernel */
	FP_STAT_MAX
};

enum fp_row_op { FP_ROW_DELETE = 0, FP_ROW_SET = 1 };

enum fp_row_flag {
	FP_ROW_ANY_SOURCE = 1,
	FP_ROW_ALWAYS_FLOOD = 2 /* a prefix of groups in every VLAN; vlan and ports are ignored */
};

/*
 * A row to set or delete. IPv4 addresses are v4-mapped; a layer-2 group is 01, nine zeros and its
 * MAC address, from any source. Router ports are not in it.
 */
struct fp_row {
	uint8_t group[FP_ADDRESS_BYTES];
	uint8_t source[FP_ADDRESS_BYTES];
	uint64_t ports[FP_MASK_WORDS];
	uint16_t vlan;
	uint8_t op;
	uint8_t flags;
	uint8_t prefix_bits; /* of FP_ROW_ALWAYS_FLOOD: how much of group counts */
	uint8_t pad[3];
};

enum fp_vlan_flag {
	FP_VLAN_ACTIVE = 1,	       /* prune by rows; without it multicast floods */
	FP_VLAN_DROP_UNREGISTERED = 2, /* unregistered groups do not go to router ports either */
	FP_VLAN_BRIDGED = 4,	       /* of IPv6: not snooped, its multicast floods unread */
	FP_VLAN_AHEAD = 8	       /* joins are served before they are decided */
};

enum fp_family { FP_FAMILY_IPV4 = 4, FP_FAMILY_IPV6 = 6 };

/* Policy of one family in one VLAN; vlan FP_VLAN_ANY: the default of those without their own. */
struct fp_vlan {
	uint64_t unregistered[FP_MASK_WORDS]; /* of groups without a row; and the router ports */
	uint64_t mrouters[FP_MASK_WORDS];     /* added to every row and to unregistered */
	uint16_t vlan;
	uint8_t op;
	uint8_t flags;
	uint8_t family; /* enum fp_family */
	uint8_t pad[3];
};

/* Who is in a VLAN; vlan FP_VLAN_ANY: in those without a row, at first all ports; it stays. */
struct fp_members {
	uint64_t ports[FP_MASK_WORDS];
	uint64_t untagged[FP_MASK_WORDS]; /* of them: who has the VLAN without a tag */
	uint16_t vlan;
	uint8_t op;
	uint8_t pad[5];
};

enum fp_port_flag {
	FP_PORT_UP = 1,
	FP_PORT_COALESCE = 2, /* it gets runs: several frames of a flow in one send */
	FP_PORT_WATCHED = 4,  /* but none while fp_switch_watch() or fp_switch_hold() says so */
	FP_PORT_STICKY = 8,   /* addresses learned here never move away */
	FP_PORT_FILTERS = 16, /* its frames have the VLAN of their tag, or pvid; else they pass as
				 they came */
	FP_PORT_PEER = 32,    /* one end of a veth pair whose other end, with the address peer_mac,
				 can be handed frames without its queue */
	FP_PORT_AHEAD = 64,   /* what its hosts join they get before that is decided */
	FP_PORT_GUARD = 128,  /* probes that come in are the control plane's, whatever else it is */
	FP_PORT_HELD = 256,   /* not up, because it is part of a loop */
	FP_PORT_NAMES = 512,  /* announcements of sessions are copied to the control plane */
	FP_PORT_RINGS = 1024  /* nothing leaves by the programs in the kernel */
};

struct fp_port_state {
	uint32_t mtu;
	uint16_t port;
	uint16_t flags;
	uint32_t igmp_rate;  /* group records a second, or what costs as much; 0: no limit */
	uint32_t igmp_burst; /* and at once */
	uint16_t pvid;	  /* of a port that filters: VLAN of frames that bring none; 0: refused */
	uint16_t horizon; /* ports of one number never forward to each other; 0: none */
	uint8_t peer_mac[FP_MAC_BYTES];
	uint16_t reserved;    /* bit n: 01:80:c2:00:00:0n is forwarded, L2-2; never 1 */
	uint32_t storm_limit; /* frames a second of each kind of flood (fp_storm.h); 0: none */
};

enum fp_open_flag {
	FP_OPEN_QDISC_BYPASS = 1,
	FP_OPEN_ISOLATE = 2,  /* keep the host stack off the port */
	FP_OPEN_SHORTCUT = 4, /* redirect known unicast inside the kernel */
	FP_OPEN_LATER = 8     /* its program comes by fp_port_attach(), where there can be one */
};

struct fp_port_config {
	int32_t ifindex;
	uint32_t ring_slots;	/* of FP_SLOT_BYTES; a power of two; 0: default */
	uint32_t control_slots; /* likewise, the ring for IGMP, MLD and PIM */
	uint32_t flags;		/* enum fp_open_flag */
	uint32_t punt_bytes;	/* of its queue to the control plane; a power of two; 0: default */
	/* at the interface until fp_port_attach() has made another, which closes it; 0: none */
	int32_t program_fd;
};

/* What a port is made of, and how far its rings were read, on its way to another process. */
struct fp_port_handed {
	int32_t ifindex;
	int32_t data_fd; /* descriptors; -1: it has none */
	int32_t control_fd;
	int32_t tx_fd;
	int32_t tx_bare_fd;
	int32_t tx_qdisc_fd; /* may be tx_fd */
	int32_t program_fd;
	uint32_t ring_slots;
	uint32_t control_slots;
	uint32_t data_taken; /* frames, free-running */
	uint32_t control_taken;
};

struct fp_config {
	uint64_t fdb_ageing_ns;
	uint32_t workers;
	uint32_t fdb_max;
	uint32_t spin_us;
	uint32_t streams_max;
};

/* Who serves a stream, and why. */
enum fp_path {
	FP_PATH_RING_NEW = 0, /* too few of its frames were seen yet */
	FP_PATH_RING_OFF,     /* kernel = "off", or the kernel cannot */
	FP_PATH_RING_PORT,   /* a port of its, in or out, has no program in the kernel, or no use of
				it */
	FP_PATH_RING_RUNS,   /* so fast that leaving in runs gains more */
	FP_PATH_RING_FRAMES, /* frames the kernel's program leaves alone: long, cut, with options */
	FP_PATH_RING_PORTS,  /* it goes to more ports than the program has room for */
	FP_PATH_RING_COPIED, /* the control plane gets a copy of each frame */
	FP_PATH_RING_FULL,   /* the kernel's table has no room for it */
	FP_PATH_KERNEL,	     /* to its ports, inside the kernel */
	FP_PATH_KERNEL_PRUNED, /* dropped there: nobody is to get it */
	FP_PATH_MAX
};

struct fp_verdict {
	uint64_t ports[FP_MASK_WORDS];
	uint64_t
		untagged[FP_MASK_WORDS]; /* of a frame that tagging is about: without a tag there */
	uint8_t action;			 /* enum fp_action */
	uint8_t reason;			 /* enum fp_reason */
	uint8_t punt;			 /* the control plane gets a copy */
	uint8_t registered;
	uint16_t vlan;
	uint8_t learn;	 /* its source may be learned from */
	uint8_t tagging; /* by other ports it leaves with its VLAN's tag; 0: by all as it came */
};

/* Head of a punted frame; the frame follows without its 802.1Q tag, padded to 8 bytes. */
struct fp_punted {
	uint64_t time_ns; /* CLOCK_MONOTONIC of the pass that took it */
	uint32_t frame_len;
	uint16_t port;
	uint16_t cost; /* in group records: what igmp_rate counts */
	uint32_t tci;  /* of the tag it came with, or FP_NO_TAG */
	uint16_t vlan;
	uint8_t pad[2];
};

struct fp_fdb_entry {
	uint64_t age_ns;
	uint64_t claimed_ns; /* since the last claim of rival */
	uint8_t mac[FP_MAC_BYTES];
	uint16_t vlan;
	uint16_t port;
	uint16_t rival; /* where it is heard as well, or FP_FDB_NO_RIVAL */
	uint8_t pad[4];
};

struct fp_stream {
	uint8_t source[FP_ADDRESS_BYTES];
	uint8_t group[FP_ADDRESS_BYTES];
	uint64_t ports[FP_MASK_WORDS];
	uint64_t frames;
	uint64_t bytes;
	uint64_t first_ns;
	uint64_t last_ns;
	uint16_t vlan;
	uint16_t port;
	uint8_t reason;
	uint8_t registered;
	uint8_t ttl;  /* of its latest frames */
	uint8_t path; /* enum fp_path */
	/* as it came in, since it is watched (fp_switch_health()) */
	uint64_t health_packets; /* datagrams that are what `health` says */
	uint64_t health_lost;	 /* RTP: numbers that have not come */
	uint64_t health_reordered;
	uint64_t health_duplicates;
	uint64_t health_errors;	   /* MPEG-TS: continuity */
	uint64_t health_restarts;  /* RTP: numbers that went on elsewhere */
	uint64_t health_gap_ns;	   /* the longest time between two of them */
	uint64_t health_damage_ns; /* CLOCK_MONOTONIC of the last loss or error; 0: none */
	uint32_t health;	   /* enum fp_health; 0: nothing known, or not watched */
	uint8_t pad[4];
};

#define FP_HEALTH_STREAMS 2048 /* of a worker, at most; of eight they fit into a handle */
#define FP_HEALTH_WORDS 64

/* What is known of the health of a stream, for another process of this contract. */
struct fp_stream_health {
	struct fp_stream stream;
	uint64_t words[FP_HEALTH_WORDS];
};

/* What was recognised in the datagrams of a stream. */
enum fp_health { FP_HEALTH_RTP = 1, FP_HEALTH_TS = 2 };

/* Which streams are watched for it. */
enum fp_health_mode {
	FP_HEALTH_OFF = 0,
	FP_HEALTH_WANTED = 1, /* those that leave by a port */
	FP_HEALTH_ALL = 2
};

struct fp_worker_stats {
	uint64_t passes;
	uint64_t sleeps;
};
