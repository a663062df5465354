"""The workloads of the platform: one package, one image, `python -m services.<name>`.

Nothing here imports the platform's program; the program knows a service by its command alone.
"""
