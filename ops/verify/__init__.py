"""`make verify`: asks a running platform whether it is what its stack says."""
