"""The page of `snoop web`: a process without privileges, a client of all switches' sockets.

- `server`: the addresses, and what is answered at each; `guarding`: who may ask at all; `places`:
  how many connections there may be;
- `switches`: which there are; `asking`: how one is asked; `answers`: what was just asked is not
  asked again;
- `watching`: one switch for all pages that look at it; `looking`: what it says; `matrix`: streams
  by ports; `happened`: the last quarter of an hour; `viewers`: who looks;
- `neighbours`: which switches are linked; `metrics`: the exposition of all of them;
- `static/`: the page itself, as it is sent.

Read only: no request of it changes a switch. `aiohttp` stays in here.
"""
