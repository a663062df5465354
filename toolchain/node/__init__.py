"""A real Kubernetes node on this machine, in namespaces without a way out."""
