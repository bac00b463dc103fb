"""The shop: a small real HTTP service. It is the domain's twin and its test double at once."""
