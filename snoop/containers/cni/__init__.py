"""`snoop-cni`: a plugin of the Container Network Interface, specification 0.3.0 to 1.1.0.

Started once for each verb, with the configuration on its standard input; what it leaves in the
world is all that the next call knows. It writes one JSON object to its standard output, its result
or an error, and nothing else there.

- `main`: the process, and which verb; `verbs`: what each does;
- `asked`: the configuration and the environment, checked; `failing`: errors as the specification
  numbers them;
- `ipam`: the plugin that gives out addresses; `results`: addresses and routes, as every version
  writes them; `addressing`: the same on an interface; `announcing`: told to neighbours.
"""
