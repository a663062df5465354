"""What an operator runs against a platform: the local run, the status report, silences.

Nothing here imports the platform's program; it reads what the program has rendered.
"""
