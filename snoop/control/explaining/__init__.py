"""Why a frame goes where it goes.

- `answer`: the verdict of the live table, and a reason for every port;
- `hints`: why a port whose hosts did join has nothing, and what is likely to surprise.
"""
