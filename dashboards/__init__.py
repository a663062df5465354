"""The Grafana dashboards, one file each; `catalog` builds them all."""

import warnings

with warnings.catch_warnings():
    # On import, the SDK recommends its v2 schema. Grafana 12 reads that only behind a feature flag,
    # so this package uses the classic schema, which every version reads.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import dashboard, prometheus  # noqa: F401
