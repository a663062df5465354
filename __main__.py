"""VaultMesh Observability: one environment's whole platform, from its stack's settings.

The stack `account` prepares the AWS account instead.
"""

from stacks.program import run

run()
