"""Stand-ins for Pulumi's provider plugins, for machines where the official ones can't be had."""
