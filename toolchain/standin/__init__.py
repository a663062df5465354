"""Stand-ins for provider plugins, for machines that can't download the official plugins."""
