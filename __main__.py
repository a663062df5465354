"""VaultMesh Observability: one environment's whole platform, from its stack's settings."""

from stacks.outputs import export
from stacks.platform import build
from stacks.settings import load_configuration

export(build(load_configuration()))
