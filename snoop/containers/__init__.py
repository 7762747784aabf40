"""Containers as hosts on a switch: what the plugins of their engines have in common.

A container's port is one end of a veth pair, in the network namespace of the switch, and says in
its alias whose port it is (`port add --keep`): so it comes back when the switch starts again, and
goes with the container. Nothing else is written down. Imported as little as can be: a plugin is
started for each container.

- `cni`: `snoop-cni`, for podman, Kubernetes and the like;
- `joining`: what makes a port of a container, and takes it away;
- `switches`: a running switch, its namespace, ports of it;
- `pairs`: a veth pair between two namespaces; `places`: a namespace, as a descriptor.

Docker's network driver, which is one process for all containers and so may import more:

- `docker`: it, verb by verb; `docker_words`: what Docker asks; `docker_networks`: what a network's
  options say; `docker_store`: what must outlive the driver; `docker_wires`: pairs and ports;
- `docker_server`: HTTP on a unix socket, the only place of aiohttp.
"""
