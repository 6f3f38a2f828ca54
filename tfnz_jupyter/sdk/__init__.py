"""What users hold: locations, nodes, containers, processes and tunnels, live objects over one encrypted connection."""
