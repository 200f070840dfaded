"""The checkpoint firewall: an allow-list for each layer of a `.nemo`, which fails closed and executes nothing."""
