"""Sockets: listeners with faults and TLS, connections that can be cut, proxies, certificates."""
