"""Builds one environment: reads its settings, reaches its cluster, declares its components."""
