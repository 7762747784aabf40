"""Every kind of event, with the line that the manual has for it.

The words are those of `proto/effects.py`; a test compares them. Apart from there, because the
command line names them before it asks a switch.
"""

from __future__ import annotations

KINDS = {
    "join": "a port has joined a group, or wants other sources of it",
    "leave": "a port has left a group, or wants fewer sources of it",
    "expire": "a membership has ended because nobody answered",
    "query": "a query has come in, or this switch has sent one",
    "mrouter": "a port has become a router port, or is one no longer",
    "querier": "another querier asks, or this switch does",
    "port": "a port has come up or gone down",
    "limit": "something was refused because of a limit",
    "filter": "a join was refused by deny_groups or allow_groups",
    "table_full": "a join was refused because the table is full",
    "restarted": "another process took the place of the one before, with all it knew",
    "ring_reopened": "the rings of a port had stopped, or its program was gone: opened again",
    "mac_claimed": "a unicast address was heard at a second port",
    "loop": "a port is part of a loop and is held, or was and forwards again",
    "topology": "a BPDU has told of a topology change, and hosts are asked again",
    "warning": "something about somebody else's queries that is likely to be a mistake",
    "config": "the configuration was read again, or options of a port were set by a command",
    "static": "a static entry was added or removed, by a command or by the file",
    "clear": "memberships were forgotten by `snoop clear mdb`",
    "resumed": "the switch goes on from the state of one that crashed or was ended",
    "neighbour": "a neighbour takes runs of datagrams from now on, or takes them no longer",
}
