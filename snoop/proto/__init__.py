"""Layer 1, the protocol: inputs and `now` in, effects out; no clock, socket or thread.

`engine.Engine` is the way in, `params` what goes in, `effects` and `views` what comes out. Below:

- `receiving` takes a frame apart and hands it to `learning` (reports), `querier` (election) and
  `mrouter` (router ports); `forwarding` says where its bytes go;
- a `switch.Switch` holds ports and VLANs, a `vlan.Vlan` its groups, a `group.Group` one
  `membership.Membership` per port: the state machine of spec section 3, and its `hosts`;
- `queries` repeats what a leave made us ask, `asking` sends, `originate` builds the frames;
- `timings` computes the times of spec section 2, `deadlines` keeps them all in one heap.

State is written by whoever owns it; the others ask. Everything a host can make grow has a limit in
`params`, and a counter in `counters` for when it is met.
"""
