"""AWS parts, through pulumi-aws. Its import takes a second, so only stacks with `aws` import it."""
