"""A bank for executor tests: a domain of every kind of tool, and the service it acts on."""
