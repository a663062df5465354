module vaultmesh.dev/observability/toolchain/go/pause

go 1.26.0
