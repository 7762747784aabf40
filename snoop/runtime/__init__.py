"""The switch at work, without its process: moves frames in, effects out, tables to the fast path.

- `plane` is the middle, `undecided` the frames that it has not come to; `publishing` has what is
  not in the tables yet, `published` tells how much that is; `statics` are those of the file;
- `port` is one, `ports` all of them, `turnover` those that go and come; `opener` opens and closes,
  `openings` waits for the kernel, `programs` brings the program of one that is there already;
  `staging` is what each is from the next publish on; `depths` says how deep its rings are,
  `isolation` what keeps the host's stack on one, `egress` how frames leave one; `rings` opens again
  what stopped;
- `hosts`: the host's own place on the switch, made and kept;
- `guard` holds ports that are part of a loop; `called`: what groups are called, and by whom;
- `remarks` are the runtime's own events;
- `batch`: how much is taken at once; `disputes`: addresses claimed in vain;
- `events`, `captures` and `fanout`: what happened, to whoever listens; `log`: the same, to stderr;
  `history`: what of it is kept; `outbox`: what waits for a batch's rows to be published;
- `kernel`: whether streams may be served inside it, and its counts taken in;
- `garbage`: when the interpreter looks for some;
- `privileges`: what the process keeps of them while it runs, and why;
- `surviving`: what of all this another process goes on with; `saved`: state as bytes; `snapshot`:
  the file that they are in;
- `clock`, `priority`, `notify`: the only places that know time, the scheduler, the service manager.
"""
