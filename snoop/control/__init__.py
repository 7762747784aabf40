"""What a running switch answers, and to whom.

- `client`, `server`, `requests`, `door`: the control socket, both its ends, what may be asked, who
  is let in; `sockets`: where they are;
- `answers`: each request done, by the ports and groups it `named`, `changes` what is done to the
  configuration; `shows`: each table shown, `parts` of it at a time, or counted by `tally`;
  `telling`: events that were, and that come; `matching`: what filters ask for;
- `documents`, with the rows of `carried`, `witnessed`, `tagged` and `privileged` and the tables of
  `configured`: what is answered, for both ends; `rows`, `statistics`, `vlans` and `testimony`
  make them of the state;
- `explaining` with `reasons`, `causes` and `wellknown`: why a frame goes where it goes; `wording`:
  what is said of IGMP, in the words of MLD;
- `counters`: what each counts; `kinds`: what each event is about; `storm`: what rate is one;
- `flows`: the streams seen, with their `rates` from two looks; `paths`: who serves each, and why;
  `arrived`: whether it was whole when it came in;
- `metrics`, `metered`, `sample` and `exposition`: Prometheus.
"""
