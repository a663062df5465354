"""The Grafana dashboards, one file each; `catalog` lists them with their JSON and queries."""

import warnings

with warnings.catch_warnings():
    # The SDK warns, on import, that its v2 schema is to be preferred. Grafana 12 reads that only
    # with a preview feature switched on; the classic schema used here is read by every version.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import dashboard, prometheus  # noqa: F401
