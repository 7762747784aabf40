"""What a running switch answers, and to whom.

- `client`, `server`, `requests`, `door`: the control socket, both its ends, what may be asked, who
  is let in;
- `answers` asks the plane; `rows` and `statistics` put state into the interface's JSON;
- `explain` with `hints` and `wellknown`: why a frame goes where it goes;
- `counters`: what each counter counts; `rates`: from two looks; `metrics` and `sample`: Prometheus.
"""
