"""Why a frame goes where it goes.

- `question`: the frame that is asked about, built or given; `heading`: its headers;
- `answer`: the verdict of the live table, and a reason for every port; `case`: what it goes by;
- `members`, `stations`, `control`: the reasons for groups, for stations, for IGMP, of which
  `predicted` knows what would be refused; `tagging`: the VLAN, and who is not in it;
- `evidence`: what was seen of the group where it does not go;
- `hints`: what may surprise: of who asks (`asking`), of what flows (`flowing`), of the ports on
  the way (`ways`), and of what the stream's own numbers say (`whole`).
"""
