"""The platform's workloads: one package and one image, started by `python -m services.<name>`.

Nothing here imports the Pulumi program, and the program knows a service only by its command.
"""
