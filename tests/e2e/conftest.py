"""Fixtures of the end-to-end tests; see abi_env.py."""

from abi_env import build_dir, probe, probe_program, session, warehouse  # noqa: F401
