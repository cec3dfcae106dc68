"""Engines that run SQL; ``base`` is the interface, ``duck`` the one in use."""
