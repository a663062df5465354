"""VaultMesh Observability: one environment's whole platform, from its stack's settings.

The stack `account` prepares the AWS account instead.
"""

from stacks.outputs import export
from stacks.program import build

export(build())
