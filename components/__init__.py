"""The components of the platform. Each takes exactly the arguments that it needs."""
