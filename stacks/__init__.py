"""What one environment consists of: its settings, its cluster, its components."""
